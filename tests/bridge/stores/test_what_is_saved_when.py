"""A store is saved when its policy says so and at the end, changed or not: it cannot see into a list that it holds."""

from collections.abc import AsyncIterator
from typing import override

import pytest

from custom_components.fieldbridge.bridge import (
    DeviceContext,
    DeviceStore,
    MemoryStore,
    SaveOnPublish,
    SaveOnShutdown,
    Stream,
)
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

type Reading = dict[str, object]


class CountingStore(MemoryStore):
    """Counts how often each key is saved."""

    def __init__(self, initial: dict[str, dict[str, object]]) -> None:
        super().__init__(initial)
        self.saves: dict[str, int] = {}

    @override
    def save(self, key: str, data: dict[str, object]) -> None:
        self.saves[key] = self.saves.get(key, 0) + 1
        super().save(key, data)


@pytest.fixture
def backend() -> CountingStore:
    return CountingStore({name: {"log": []} for name in ("read", "loop", "set", "heard")})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def harness(backend: CountingStore, clock: ManualClock) -> AppHarness:
    return AppHarness.create(name="home", clock=clock, store=backend)


async def test_every_store_is_saved_at_the_end_with_what_changed_inside_it(
    harness: AppHarness, clock: ManualClock, backend: CountingStore
) -> None:
    @harness.app.telemetry("read", interval=10, persist=SaveOnShutdown())
    async def read(store: DeviceStore) -> Reading:
        store["log"].append("read")
        return {}

    @harness.app.device("loop")
    async def loop(ctx: DeviceContext, store: DeviceStore) -> None:
        store["log"].append("looped")
        await ctx.sleep(100)

    @harness.app.command("set")
    async def command(payload: str, store: DeviceStore) -> None:
        store["log"].append(payload)

    async with harness.running():
        await clock.settle()
        await harness.inject_command("set", "on")
        assert backend.saves == {}
    assert backend.saves == {"read": 1, "loop": 1, "set": 1}
    assert [backend.load(name) for name in ("read", "loop", "set")] == [
        {"log": ["read"]},
        {"log": ["looped"]},
        {"log": ["on"]},
    ]


async def test_what_changed_inside_a_store_is_saved_with_the_state_that_was_published(
    harness: AppHarness, clock: ManualClock, backend: CountingStore
) -> None:
    @harness.app.telemetry("read", interval=10, persist=SaveOnPublish())
    async def read(store: DeviceStore) -> Reading:
        store["log"].append(clock.now())
        return {"log": store["log"]}

    async with harness.running():
        await clock.advance(10)
        assert backend.load("read") == {"log": [0, 10]}


async def test_a_stream_that_a_test_drives_saves_its_store_at_its_end(
    harness: AppHarness, backend: CountingStore
) -> None:
    @harness.app.stream("heard")
    async def hear(stream: Stream[int], store: DeviceStore) -> AsyncIterator[None]:
        async for item in stream:
            store["log"].append(item)
            yield

    await harness.inject_stream("heard", 1, 2)
    assert backend.load("heard") == {"log": [1, 2]}


async def test_a_store_that_nobody_used_leaves_nothing_behind(clock: ManualClock) -> None:
    backend = CountingStore({"emptied": {"old": 1}})
    harness = AppHarness.create(name="home", clock=clock, store=backend)

    @harness.app.telemetry("unused", interval=10, persist=SaveOnPublish())
    async def read(store: DeviceStore) -> Reading:
        return {"value": clock.now()}

    @harness.app.device("emptied")
    async def empty(ctx: DeviceContext, store: DeviceStore) -> None:
        del store["old"]
        await ctx.sleep(100)

    async with harness.running():
        await clock.settle()
    assert backend.saves == {"emptied": 1}
    assert backend.load("unused") is None
    assert backend.load("emptied") == {}
