"""A real MQTT broker for tests, on a free port of 127.0.0.1."""

import base64
from datetime import UTC, datetime, timedelta
import hashlib
from ipaddress import ip_address
import os
from pathlib import Path
import secrets
import shutil
import socket
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from demo.process import free_port

USER = "fieldbridge"
_START_TIMEOUT = 10.0


def _password_line(user: str, password: str) -> str:
    """Return a line of mosquitto's password file (PBKDF2 with SHA-512, 101 rounds)."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


def write_certificate(certificate: Path, key: Path, host: str) -> None:
    """Write a certificate for an address that is valid for an hour, and its key."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(
            name, name, secret.public_key(), x509.random_serial_number(), now, now + timedelta(hours=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


class Mosquitto:
    """Keeps retained messages and sessions over a stop() and start(), as a broker in service does."""

    def __init__(self, folder: Path, password: str | None = None, *, tls: bool = False) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.user = USER if password else None
        self.password = password
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        lines = [f"listener {self.port} {self.host}", "persistence true", f"persistence_location {folder}/"]
        if password is None:
            lines.append("allow_anonymous true")
        else:
            passwords = folder / "passwords"
            passwords.touch(mode=0o600)
            passwords.write_text(_password_line(USER, password))
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        self.certificate = folder / "certificate.pem"
        """Of the broker, signed by itself; there when it speaks TLS."""
        if tls:
            key = folder / "key.pem"
            write_certificate(self.certificate, key, self.host)
            lines += [f"certfile {self.certificate}", f"keyfile {key}"]
        if os.getuid() == 0:
            # Else it changes to a user that may not exist and may not read the folder.
            lines.append("user root")
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the broker and return when it accepts connections; without effect when it runs."""
        if self._process is not None:
            return
        program = shutil.which("mosquitto")
        assert program, "mosquitto is not on PATH; scripts/test and scripts/run provide it"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(self._config)], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
            except ConnectionRefusedError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop the broker: its clients lose their connection, new ones are refused."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()
