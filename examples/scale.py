"""Stream, filters and store: a scale that sends a hundred weights a second, of which a person wants to see one.

The port pretends; a real one opens its hardware in ``open`` and calls the callback from wherever its data comes.
"""

import asyncio
from collections.abc import Callable
import itertools
from pathlib import Path
import random

from fieldbridge import App, DeviceContext, DeviceStore, JsonFileStore, MedianFilter, Pt1Filter, Stream, StreamablePort

RATE = 100.0  # weights per second


class PretendedScale:
    """Delivers 500 g with noise, and now and then nonsense, as cheap load cells do."""

    def register_callback(self, cb: Callable[[float], None]) -> None:
        self._deliver = cb

    async def open(self) -> None:
        """A real port raises OSError here when it cannot be opened; it is tried again until it can."""

    async def start_scan(self) -> None:
        self._task = asyncio.create_task(self._send())

    async def stop_scan(self) -> None:
        self._task.cancel()

    async def close(self) -> None:
        pass

    async def _send(self) -> None:
        for number in itertools.count(1):
            self._deliver(random.gauss(500.0, 2.0) if number % 70 else 99999.0)
            await asyncio.sleep(1 / RATE)


app = App("scale", store=JsonFileStore(Path(__file__).with_suffix(".json")))
app.adapter(StreamablePort[float], PretendedScale)


@app.stream("scale")
async def scale(weights: Stream[float], ctx: DeviceContext, store: DeviceStore) -> None:
    """Drop the nonsense, smooth the rest, publish once a second, and remember the heaviest of all times."""
    spikes, smooth = MedianFilter(5), Pt1Filter(tau=0.5, dt=1 / RATE)
    due = ctx.clock.now() + 1.0
    async for raw in weights:
        grams = smooth.update(spikes.update(raw))
        if ctx.clock.now() >= due:
            due = ctx.clock.now() + 1.0
            store["heaviest"] = max(store.get("heaviest", 0.0), round(grams, 1))
            await ctx.publish_state({"weight": round(grams, 1), "heaviest": store["heaviest"]})


if __name__ == "__main__":
    app.cli()
