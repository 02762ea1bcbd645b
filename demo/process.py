"""A real Home Assistant as a child process, in a folder of its own."""

import asyncio
from contextlib import closing
import os
from pathlib import Path
import shutil
import signal
import socket
import sys
import time

import aiohttp

from .client import HassClient, HassError
from .seed import seed_http, seed_owner

ROOT = Path(__file__).parent.parent
INTEGRATION = ROOT / "custom_components" / "fieldbridge"
_STOP_TIMEOUT = 30.0


class HassFailedError(Exception):
    """Home Assistant ended by itself or did not come up in time; the text holds the tail of its log."""


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that nobody listens on at the moment."""
    with closing(socket.socket()) as listener:
        listener.bind((host, 0))
        port: int = listener.getsockname()[1]
        return port


def require_free(host: str, port: int) -> None:
    """Raise HassFailedError when another program listens on the port."""
    with closing(socket.socket()) as listener:
        # As the web server does it, so that connections which are still closing do not count.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as err:
            raise HassFailedError(f"Port {port} cannot be used ({err.strerror}); choose another with --port") from err


class Hass:
    """Home Assistant on the configuration in ``state``/config, with Fieldbridge linked into it.

    A folder that does not exist yet is prepared: an owner account (see seed.USER), no onboarding.
    """

    def __init__(self, state: Path, port: int, host: str = "127.0.0.1") -> None:
        self.state = state
        self.config = state / "config"
        self.log = state / "home-assistant.log"
        self.port = port
        self.host = host
        self.url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Process id; raises HassFailedError when it does not run."""
        if self._process is None or self._process.returncode is not None:
            raise HassFailedError(f"Home Assistant is not running\n{self.log_tail()}")
        return self._process.pid

    def prepare(self, *, probe: bool = False) -> None:
        """Write what is missing of the configuration; ``probe`` adds the integration that measures the event loop."""
        token = self.state / "token"
        if not token.exists():
            shutil.rmtree(self.config, ignore_errors=True)
            shutil.copytree(ROOT / "demo" / "config", self.config)
            text = seed_owner(self.config)
            token.touch(mode=0o600)
            token.write_text(text)
        components = self.config / "custom_components"
        components.mkdir(exist_ok=True)
        # Without it Python would merge this folder with any other custom_components on its path.
        (components / "__init__.py").touch()
        self._link(components / "fieldbridge", INTEGRATION)
        if probe:
            self._link(components / "demo_probe", ROOT / "demo" / "probe")
            with (self.config / "configuration.yaml").open("a") as configuration:
                configuration.write("demo_probe:\n")
        seed_http(self.config, self.host, self.port)

    @staticmethod
    def _link(path: Path, source: Path) -> None:
        path.unlink(missing_ok=True)
        path.symlink_to(source, target_is_directory=True)

    async def start(self) -> None:
        """Start the process; everything it needs is installed, so it is told not to install anything.

        Raises HassFailedError when its port is taken.
        """
        require_free(self.host, self.port)
        command = [sys.executable, "-m", "homeassistant", "--config", str(self.config), "--skip-pip"]
        if setpriv := shutil.which("setpriv"):
            # It never outlives us, even when we are killed.
            command = [setpriv, "--pdeathsig", "TERM", *command]
        env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        with self.log.open("wb") as log:
            # In a session of its own, so that Ctrl-C reaches us alone and it is stopped in good order.
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True
            )

    async def wait_ended(self) -> None:
        """Wait for the end of a process that nobody stopped; always raises HassFailedError."""
        if self._process is not None:
            await self._process.wait()
        raise HassFailedError(f"Home Assistant ended by itself\n{self.log_tail()}")

    def client(self) -> HassClient:
        """Return a client with the owner's rights, to be used as a context manager."""
        return HassClient(self.url, (self.state / "token").read_text())

    async def wait_running(self, client: HassClient, timeout: float = 180) -> None:  # noqa: ASYNC109  - a plain deadline
        """Wait until everything is set up; raises HassFailedError when that takes longer than ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            _ = self.pid
            try:
                if (await client.get("/api/config"))["state"] == "RUNNING":
                    return
            except aiohttp.ClientError, HassError:
                pass
            await asyncio.sleep(0.1)
        raise HassFailedError(f"Home Assistant is not up after {timeout:.0f} s\n{self.log_tail()}")

    def log_tail(self, lines: int = 40) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def rss_mb(self) -> float:
        """Return the resident memory of the process in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def cpu_seconds(self) -> float:
        """Return the processor time that the process has used."""
        # After the name in brackets come the fields 3 and following of proc(5); 14 and 15 are user and system time.
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def stop(self) -> None:
        """Stop the process in good order; kill it when that takes too long."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
