"""A network serial port (RFC 2217) around a pseudo-terminal, served by pyserial's own port manager."""

import contextlib
from pathlib import Path
import socket
import threading
from typing import ClassVar, override

from serial import rfc2217
from serial.serialposix import Serial

_POLL = 0.02
"""Seconds between looks at the port."""


class PtySerial(Serial):
    """A pseudo-terminal has no modem lines; the port manager asks for them all the same."""

    cts = dsr = ri = cd = False

    @override
    def _update_dtr_state(self) -> None:
        """Leave the line alone."""

    @override
    def _update_rts_state(self) -> None:
        """Leave the line alone."""


class AckingPortManager(rfc2217.PortManager):
    """Acknowledges the masks of modem and line state as the standard demands, which pyserial's server leaves out."""

    _ANSWERS: ClassVar = {
        rfc2217.SET_MODEMSTATE_MASK: rfc2217.SERVER_SET_MODEMSTATE_MASK,
        rfc2217.SET_LINESTATE_MASK: rfc2217.SERVER_SET_LINESTATE_MASK,
    }

    @override
    def _telnet_process_subnegotiation(self, suboption: bytes) -> None:
        super()._telnet_process_subnegotiation(suboption)
        if suboption[0:1] == rfc2217.COM_PORT_OPTION and suboption[1:2] in self._ANSWERS:
            self.rfc2217_send_subnegotiation(self._ANSWERS[suboption[1:2]], suboption[2:3])


class Rfc2217Server:
    """Serves one client after another until it is closed."""

    def __init__(self, port: Path) -> None:
        self._path = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = True
        self._client: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up."""
        self._open = False
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while self._open:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, PtySerial(str(self._path), timeout=0) as port:
                self._pass_on(client, port)

    def _pass_on(self, client: socket.socket, port: PtySerial) -> None:
        manager = AckingPortManager(port, _Writer(client))
        client.settimeout(_POLL)
        with contextlib.suppress(OSError):
            while self._open:
                if data := port.read(4096):
                    client.sendall(b"".join(manager.escape(data)))
                with contextlib.suppress(TimeoutError):
                    received = client.recv(4096)
                    if not received:
                        return
                    port.write(b"".join(manager.filter(received)))


class _Writer:
    """What the port manager answers through."""

    def __init__(self, client: socket.socket) -> None:
        self.write = client.sendall
