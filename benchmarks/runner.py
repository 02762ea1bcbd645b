"""The frame of a benchmark: claims measured beside a peer, a table for people, one JSON line for machines."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import importlib
import inspect
import json
from pathlib import Path
import selectors
import sys
import time
from typing import Literal, cast, override

type Run = Callable[[], list[Claim] | Awaitable[list[Claim]]]


@dataclass(frozen=True)
class Claim:
    """Ours beside the peer's, both in the same unit; the ratio is ours / peer."""

    name: str
    ours: float
    peer: float
    target: float
    better: Literal["higher", "lower"]
    """Whether the ratio has to be at least (``higher``) or at most (``lower``) the target."""
    unit: str = ""

    @property
    def ratio(self) -> float:
        """Ours divided by the peer's."""
        return self.ours / self.peer

    @property
    def ok(self) -> bool:
        """True when the target is met."""
        return self.ratio >= self.target if self.better == "higher" else self.ratio <= self.target


class MeteredSelector(selectors.DefaultSelector):
    """Knows how much of its thread's CPU time went into waiting, which on a virtual machine can cost more than work."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as usual, and add up the CPU seconds."""
        start = time.thread_time()
        try:
            return super().select(timeout)
        finally:
            self.waiting += time.thread_time() - start


class MeteredLoop(asyncio.SelectorEventLoop):
    """An event loop that tells the CPU time of its callbacks."""

    def __init__(self) -> None:
        self.meter = MeteredSelector()
        super().__init__(self.meter)

    def busy(self) -> float:
        """Return the CPU seconds of this thread that were not spent waiting."""
        return time.thread_time() - self.meter.waiting


def loop_time() -> float:
    """Return the CPU seconds that the callbacks and tasks of the running loop have used."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MeteredLoop)
    return loop.busy()


def names() -> list[str]:
    """Return the names of the benchmarks that exist."""
    frame = {"__init__", "__main__", "home_assistant", "runner"}
    return sorted(
        path.stem.replace("_", "-")
        for path in Path(__file__).parent.glob("*.py")
        if path.stem not in frame and not path.stem.startswith("_")
    )


async def measure(name: str) -> list[Claim]:
    """Run the benchmark ``name``: the function ``run()`` of its module, plain or a coroutine."""
    module = importlib.import_module(f"benchmarks.{name.replace('-', '_')}")
    claims = cast("Run", module.run)()
    return await claims if inspect.isawaitable(claims) else claims


def table(claims: list[Claim]) -> str:
    """Return the claims as a table for people."""
    width = max(len(claim.name) for claim in claims)
    lines = [f"{'claim':<{width}}  {'ours':>12}  {'peer':>12}  {'unit':<8}  {'ratio':>8}  {'target':>9}"]
    for claim in claims:
        target = f"{'>=' if claim.better == 'higher' else '<='} {claim.target:g}"
        lines.append(
            f"{claim.name:<{width}}  {claim.ours:>12.4g}  {claim.peer:>12.4g}  {claim.unit:<8}  {claim.ratio:>8.3g}"
            f"  {target:>9}  {'ok' if claim.ok else 'MISSED'}"
        )
    return "\n".join(lines)


def summary(name: str, claims: list[Claim]) -> str:
    """Return the line of JSON that other programs read."""
    ratios = {
        claim.name: {
            "ours": claim.ours,
            "peer": claim.peer,
            "ratio": claim.ratio,
            "target": claim.target,
            "ok": claim.ok,
        }
        for claim in claims
    }
    return json.dumps({"name": name, "ok": all(claim.ok for claim in claims), "ratios": ratios})


async def main(arguments: list[str]) -> int:
    """Run one benchmark; return 0 only when every target is met."""
    if len(arguments) != 1 or arguments[0] not in names():
        print(f"usage: scripts/bench NAME, with NAME one of: {', '.join(names())}", file=sys.stderr)
        return 2
    claims = await measure(arguments[0])
    print(table(claims), flush=True)
    print(summary(arguments[0], claims), flush=True)
    return 0 if all(claim.ok for claim in claims) else 1
