"""A serial port without hardware: one side is a device path, the other is ours to write and to unplug."""

import os
from pathlib import Path
import termios
import tty


class PtyLink:
    """A pseudo-terminal behind a stable path, like an adapter's entry under /dev/serial/by-id.

    To whoever opens ``path`` it is a serial port; baud rate and parity are accepted and without effect.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fds: tuple[int, int] | None = None
        self.plug()

    def plug(self) -> None:
        """Let the port appear; without effect when it is there."""
        if self._fds is not None:
            return
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._fds = master, slave
        target = self.path.with_name(f"{self.path.name}.new")
        target.unlink(missing_ok=True)
        target.symlink_to(os.ttyname(slave))
        target.replace(self.path)

    def unplug(self) -> None:
        """Let the port vanish under whoever has it open (their next read or write fails with EIO)."""
        if self._fds is None:
            return
        self.path.unlink(missing_ok=True)
        fds, self._fds = self._fds, None
        for fd in fds:
            os.close(fd)

    def write(self, data: bytes) -> int:
        """Send bytes to the reader and return how many fitted; like on a wire, what nobody reads is lost."""
        if self._fds is None:
            return 0
        try:
            return os.write(self._fds[0], data)
        except BlockingIOError:
            return 0

    def read(self, size: int = 4096) -> bytes:
        """Return what was sent to the device, b"" when there is nothing."""
        if self._fds is None:
            return b""
        try:
            return os.read(self._fds[0], size)
        except BlockingIOError:
            return b""

    @property
    def speed(self) -> int:
        """The baud rate that whoever has the port open has set, as a constant of termios."""
        speed: int = termios.tcgetattr(self._fds[0])[4] if self._fds is not None else 0
        return speed

    def close(self) -> None:
        """Remove the port for good."""
        self.unplug()
