"""Whoever has a store, it is read and written in a thread: a disk may take its time."""

import asyncio
import threading

from custom_components.fieldbridge.bridge.app import App, DeviceContext
from custom_components.fieldbridge.bridge.interfaces import StreamablePort
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient
from custom_components.fieldbridge.bridge.persist import SaveOnPublish
from custom_components.fieldbridge.bridge.stores import DeviceStore
from custom_components.fieldbridge.bridge.streams import Stream
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock, make_settings

type Reading = dict[str, object]


class Disk:
    """A store that notes what was done on the event loop, and what was saved."""

    def __init__(self) -> None:
        self.on_the_loop: list[str] = []
        self.saved: set[str] = set()

    def load(self, key: str) -> dict[str, object] | None:
        self._note(f"load {key}")
        return None

    def save(self, key: str, data: dict[str, object]) -> None:
        self._note(f"save {key}")
        self.saved.add(key)

    def _note(self, what: str) -> None:
        if threading.current_thread() is threading.main_thread():
            self.on_the_loop.append(what)


class Port:
    def register_callback(self, callback: object) -> None: ...
    async def open(self) -> None: ...
    async def start_scan(self) -> None: ...
    async def stop_scan(self) -> None: ...
    async def close(self) -> None: ...


async def test_no_store_is_read_or_written_on_the_event_loop() -> None:
    disk, clock = Disk(), ManualClock()
    app = App("house", store=disk)
    app.adapter(StreamablePort[int], Port)

    @app.telemetry("polled", interval=10, persist=SaveOnPublish())
    async def polled(store: DeviceStore) -> Reading:
        store["count"] = store.get("count", 0) + 1
        return {"count": store["count"]}

    @app.command("commanded")
    async def commanded(store: DeviceStore, payload: str) -> None:
        store["last"] = payload

    @app.device("looping")
    async def looping(store: DeviceStore, ctx: DeviceContext) -> None:
        store["started"] = True
        await ctx.sleep(1e9)

    @app.stream("streamed")
    async def streamed(stream: Stream[int], store: DeviceStore) -> None:
        store["heard"] = [number async for number in stream]

    harness = AppHarness(app, MockMqttClient(), clock, make_settings())
    async with harness.running():
        await harness.inject_command("commanded", "on")
        while "polled" not in disk.saved or "commanded" not in disk.saved:  # noqa: ASYNC110 - of real threads
            await asyncio.sleep(0.001)

    assert disk.saved == {"polled", "commanded", "looping", "streamed"}
    assert disk.on_the_loop == []
