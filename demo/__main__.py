"""scripts/demo: starts the demo, or checks it (``--check``)."""

import argparse
import asyncio
import fcntl
from pathlib import Path
import shutil
import signal
import sys
import tempfile

from .check import NotAliveError, measure, print_cost, print_values, too_dear, wait_alive
from .client import HassError
from .home import create_links, running_home, say
from .process import HassFailedError, free_port
from .seed import PASSWORD, USER


async def run(state: Path, port: int, host: str) -> None:
    """Run the demo until it is cancelled."""
    async with running_home(state, port, host) as home:
        await create_links(home)
        print(f"\n  Open   {home.hass.url}\n  Login  {USER} / {PASSWORD}\n", flush=True)
        print("  Ctrl-C stops everything.\n", flush=True)
        await home.hass.wait_ended()


async def check(state: Path, seconds: float) -> None:
    """Run the demo without a person; raises NotAliveError when a value is missing or the links cost too much."""
    async with running_home(state, free_port(), probe=True) as home:
        try:
            say(f"measuring Home Assistant without links for {seconds:.0f} s")
            before = await measure(home, seconds)
            created = await create_links(home)
            say("waiting for values")
            states = await wait_alive(home.client, created.entries, timeout=60)
            say(f"measuring Home Assistant with the links for {seconds:.0f} s")
            after = await measure(home, seconds)
        except NotAliveError, HassError, TimeoutError:
            print(f"\nThe end of Home Assistant's log:\n{home.hass.log_tail()}\n", file=sys.stderr)
            raise
        print_values(states)
        print_cost(before, after)
        if dear := too_dear(before, after):
            raise NotAliveError("\n".join(dear))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="A real Home Assistant with Fieldbridge in it.")
    parser.add_argument("--state", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--fresh", action="store_true", help="forget what was done in earlier starts")
    parser.add_argument("--port", type=int, default=8123, help="port of the web server (default: 8123)")
    parser.add_argument("--host", default="127.0.0.1", help="address of the web server (default: this machine only)")
    parser.add_argument("--check", action="store_true", help="start, wait for real values, print them and stop")
    parser.add_argument("--seconds", type=float, default=15, help="with --check: how long each measurement takes")
    return parser.parse_args()


async def _main(arguments: argparse.Namespace) -> int:
    """Run until the end or until a signal asks to stop; return the exit code."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  - we are in it
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        if arguments.check:
            with tempfile.TemporaryDirectory(prefix="fieldbridge-") as folder:
                await check(Path(folder), arguments.seconds)
        else:
            await run(arguments.state, arguments.port, arguments.host)
    except (NotAliveError, HassError, HassFailedError, TimeoutError) as failure:
        print(f"FAILED: {str(failure) or 'a step took too long'}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        # Ctrl-C is how the demo ends; a check that was stopped has not passed.
        return 130 if arguments.check else 0
    return 0


def main() -> int:
    """Return the exit code."""
    arguments = _arguments()
    arguments.state.mkdir(parents=True, exist_ok=True)
    with (arguments.state.parent / f"{arguments.state.name}.lock").open("w") as lock:
        if not arguments.check:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("The demo of this checkout is running already.", file=sys.stderr)
                return 1
            if arguments.fresh:
                shutil.rmtree(arguments.state)
                arguments.state.mkdir()
        return asyncio.run(_main(arguments))


if __name__ == "__main__":
    sys.exit(main())
