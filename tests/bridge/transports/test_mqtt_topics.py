"""Topics as a source of frames: bounded in size and rate, with every message accounted for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.frame import Batch, Frame
from custom_components.fieldbridge.bridge.codecs.topics import unpack
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.testing import ManualClock
from custom_components.fieldbridge.bridge.topics import matches, partly_overlapping
from custom_components.fieldbridge.bridge.transports.mqtt import MAX_PAYLOAD, MqttTransport

from .feeds import MemoryFeed


class Listener:
    """A transport over a broker in memory, and what it delivered."""

    def __init__(self, *trees: str, used: tuple[str, ...] = (), budget: int = 2000, ignored: str = "") -> None:
        self.feed = MemoryFeed()
        self.clock = ManualClock()
        self.batches: list[Batch] = []
        self.losses: list[LinkError] = []
        self.transport = MqttTransport(
            self.feed, trees or ("home/#",), budget=budget, clock=self.clock, ignored=(ignored,) if ignored else ()
        )
        self.transport.register_callback(self.batches.append)
        self.transport.register_loss_callback(self.losses.append)
        self.transport.use(used)

    @property
    def frames(self) -> list[Frame]:
        return [frame for batch in self.batches for frame in batch]

    @property
    def messages(self) -> list[tuple[str, bytes]]:
        return [unpack(frame.data) for frame in self.frames]

    def count(self, name: str) -> int:
        return self.transport.counters.as_dict()[name]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.transport.open()
        await self.transport.start_scan()
        try:
            await self.clock.settle()
            yield
        finally:
            await self.transport.stop_scan()
            await self.transport.close()


async def test_used_topics_are_delivered_and_others_are_counted() -> None:
    listener = Listener(used=("home/lamp",))
    async with listener.running():
        listener.feed.say("home/lamp", "1")
        listener.feed.say("home/other", "2")
        await listener.clock.settle()

        assert listener.messages == [("home/lamp", b"1")]
        assert (listener.count("frames"), listener.count("unused")) == (1, 1)


async def test_messages_of_one_turn_come_in_one_batch_and_in_order() -> None:
    listener = Listener(used=("home/lamp",))
    async with listener.running():
        for number in range(50):
            listener.feed.say("home/lamp", str(number))
        await listener.clock.settle()

        assert len(listener.batches) == 1
        assert [payload for _, payload in listener.messages] == [str(number).encode() for number in range(50)]


async def test_a_burst_is_worked_off_in_slices_so_that_others_have_their_turn() -> None:
    listener = Listener(used=("home/lamp",))
    async with listener.running():
        for number in range(1000):
            listener.feed.say("home/lamp", str(number))
        await listener.clock.settle()

        assert len(listener.frames) == 1000
        assert max(len(batch) for batch in listener.batches) == 100


async def test_a_payload_that_is_too_long_is_dropped_and_counted() -> None:
    listener = Listener(used=("home/camera",))
    async with listener.running():
        listener.feed.say("home/camera", b"x" * (MAX_PAYLOAD + 1))
        listener.feed.say("home/camera", b"x" * MAX_PAYLOAD)
        await listener.clock.settle()

        assert len(listener.frames) == 1
        assert listener.count("oversized") == 1


async def test_beyond_the_budget_the_latest_of_each_topic_is_kept_and_the_others_are_counted() -> None:
    listener = Listener(used=("home/a", "home/b"), budget=10)
    async with listener.running():
        for number in range(100):
            listener.feed.say("home/a", str(number))
        listener.feed.say("home/b", "7")
        await listener.clock.settle()
        assert len(listener.frames) == 10

        await listener.clock.advance(1.0)

        assert listener.messages[10:] == [("home/a", b"99"), ("home/b", b"7")]
        assert listener.count("frames") + listener.count("over_budget") == 101


async def test_what_came_before_the_end_is_delivered_also_where_it_waits_for_the_budget() -> None:
    listener = Listener(used=("home/a", "home/b"), budget=150)
    async with listener.running():
        for number in range(150):
            listener.feed.say("home/a", str(number))
        for number in range(3):
            listener.feed.say("home/b", str(number))
        listener.feed.go()

    assert [payload for _, payload in listener.messages] == [str(number).encode() for number in (*range(150), 2)]
    assert listener.count("frames") + listener.count("over_budget") == 153


async def test_the_budget_is_renewed_every_second() -> None:
    listener = Listener(used=("home/a",), budget=10)
    async with listener.running():
        for _ in range(3):
            for number in range(10):
                listener.feed.say("home/a", str(number))
            await listener.clock.advance(1.0)

        assert (listener.count("frames"), listener.count("over_budget")) == (30, 0)


async def test_our_own_topics_are_never_heard() -> None:
    listener = Listener("#", used=("fieldbridge_1/a/state",), ignored="fieldbridge_1/")
    async with listener.running():
        listener.feed.say("fieldbridge_1/a/state", "{}")
        await listener.clock.settle()

        assert listener.frames == []
        assert listener.count("bytes_received") == 0


async def test_what_the_broker_keeps_is_marked() -> None:
    listener = Listener(used=("home/lamp",))
    listener.feed.kept["home/lamp"] = b"on"
    async with listener.running():
        listener.feed.say("home/lamp", "off")
        await listener.clock.settle()

        assert [frame.retained for frame in listener.frames] == [True, False]


async def test_a_topic_that_is_used_from_now_on_brings_what_the_broker_keeps_of_it() -> None:
    listener = Listener()
    listener.feed.kept["home/new"] = b"5"
    async with listener.running():
        assert listener.frames == []

        listener.transport.use({"home/new"})
        await listener.clock.settle()

        assert listener.messages == [("home/new", b"5")]


async def test_a_used_topic_outside_the_trees_is_subscribed_to_by_itself() -> None:
    listener = Listener("home/#", used=("bridge/state", "home/a"))
    async with listener.running():
        assert listener.feed.subscriptions == ["home/#", "bridge/state"]


async def test_whoever_watches_sees_every_topic_but_nothing_too_long() -> None:
    listener = Listener()
    listener.feed.kept["home/kept"] = b"1"
    seen: list[tuple[str, bytes, bool]] = []
    async with listener.running():
        unwatch = listener.transport.watch(lambda *message: seen.append(message))
        await listener.clock.settle()
        listener.feed.say("home/live", "2")
        listener.feed.say("home/huge", b"x" * (MAX_PAYLOAD + 1))
        unwatch()
        listener.feed.say("home/live", "3")

        assert seen == [("home/kept", b"1", True), ("home/live", b"2", False)]


async def test_a_lost_connection_is_reported_once() -> None:
    listener = Listener()
    async with listener.running():
        listener.feed.go()
        listener.feed.go()

        assert len(listener.losses) == 1


async def test_a_refused_connection_is_told_by_open() -> None:
    listener = Listener()
    listener.feed.refuses = LinkError("not authorised")
    with pytest.raises(LinkError, match="not authorised"):
        await listener.transport.open()


@pytest.mark.parametrize(
    ("trees", "refused", "subscribed"),
    [
        (("home/lamp", "home/#", "home/#"), set(), ["home/#"]),
        (("home/lamp", "home/#"), {"home/#"}, ["home/#", "home/lamp"]),
        (("home/+", "home/#"), set(), ["home/#"]),
        (("#", "$SYS/#", "home/#"), set(), ["#", "$SYS/#"]),
        (("home/+/#", "home/#", "+/lamp"), set(), ["home/#", "+/lamp"]),
    ],
)
async def test_what_a_wider_tree_brings_is_not_subscribed_to_again(
    trees: tuple[str, ...], refused: set[str], subscribed: list[str]
) -> None:
    listener = Listener(*trees)
    listener.feed.refused = refused
    async with listener.running():
        assert sorted(listener.feed.subscriptions) == sorted(subscribed)


@pytest.mark.parametrize("tree", ["#", "+/broker/#"])
async def test_topics_that_no_wildcard_covers_are_subscribed_to_by_name(tree: str) -> None:
    listener = Listener(tree, used=("$SYS/broker/uptime", "home/broker/lamp"))
    async with listener.running():
        assert listener.feed.subscriptions == [tree, "$SYS/broker/uptime"]


LEVELS = st.lists(st.sampled_from(["a", "b", "+"]), min_size=1, max_size=3).map("/".join)
FILTERS = LEVELS | LEVELS.map("{}/#".format) | st.just("#")
TOPICS = ["/".join(levels) for depth in range(1, 5) for levels in product("ab", repeat=depth)]


@given(first=FILTERS, second=FILTERS)
def test_filters_that_share_topics_are_found_where_none_covers_the_other(first: str, second: str) -> None:
    shares = any(matches(first, topic) and matches(second, topic) for topic in TOPICS)
    covers = matches(first, second) or matches(second, first)

    assert (partly_overlapping([first, second]) is not None) == (shares and not covers)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["home/+", "+/lamp"], ("home/+", "+/lamp")),
        (["#", "home/+", "+/lamp"], None),
        (["$SYS/#", "+/uptime"], None),
        (["home/lamp", "home/lamp"], None),
    ],
)
def test_what_a_wider_filter_brings_overlaps_with_nothing(filters: list[str], found: tuple[str, str] | None) -> None:
    assert partly_overlapping(filters) == found


async def test_nothing_is_published_while_the_link_is_down() -> None:
    listener = Listener()
    with pytest.raises(LinkError):
        await listener.transport.publish("home/lamp/set", "on")


async def test_what_comes_after_the_end_is_not_delivered() -> None:
    listener = Listener(used=("home/lamp",))
    async with listener.running():
        pass
    listener.feed.say("home/lamp", "2")
    await listener.clock.settle()

    assert listener.frames == []
    assert listener.feed.stopped == 1
