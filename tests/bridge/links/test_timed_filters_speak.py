"""What filters say without a frame is told when it is due, by one timer for all devices of a link."""

from typing import Any

from custom_components.fieldbridge.bridge.channels import DeviceProfile
from demo.pty_link import PtyLink

from .running import profile_of, serial_link


def _profile(name: str, **channel: Any) -> DeviceProfile:
    return profile_of(name, channels=[{"key": "x", "name": "X", "source": "1", **channel}])


async def test_the_earliest_of_all_devices_wakes_the_timer(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    late = link.set_device("late", _profile("late", filters=[{"kind": "timeout", "seconds": 20}]))
    soon = link.set_device("soon", _profile("soon", publish={"at_most_every": 0.25}))
    told: list[object] = []
    late.on_value("x", lambda value: told.append(("late", value)))
    soon.on_value("x", lambda value: told.append(("soon", value)))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b"late;1\n")
        await link.until_frames(1)
        pty_link.write(b"soon;2\n")
        await link.until_frames(2)
        pty_link.write(b"soon;3\n")
        await link.until_frames(3)
        assert told == [("late", 1), ("soon", 2)]
        await link.clock.advance(0.25)
        assert told[2:] == [("soon", 3)]
        await link.clock.advance(20)

    assert told[3:] == [("late", None)]


async def test_a_device_that_is_edited_keeps_the_history_of_its_filters(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    filters = [{"kind": "max", "window": 10}]
    link.set_device("a", _profile("a", filters=filters))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b"a;9\n")
        await link.until_frames(1)
        edited = link.set_device("a", _profile("a", filters=filters, unit="V"))
        pty_link.write(b"a;1\n")
        await link.until_frames(2)

    assert edited.value("x") == 9
