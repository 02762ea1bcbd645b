"""A real MQTT broker for tests, on a free port of 127.0.0.1."""

import base64
import hashlib
import os
from pathlib import Path
import secrets
import shutil
import socket
import subprocess
import time

from demo.process import free_port

USER = "fieldbridge"
_START_TIMEOUT = 10.0


def _password_line(user: str, password: str) -> str:
    """Return a line of mosquitto's password file (PBKDF2 with SHA-512, 101 rounds)."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


class Mosquitto:
    """Keeps retained messages and sessions over a stop() and start(), as a broker in service does."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
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
