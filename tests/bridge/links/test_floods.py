"""A sender that floods is decoded in small portions: the loop is never held, and every frame is accounted for."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
import socket

import pytest

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.channels.profile import unique_key
from custom_components.fieldbridge.bridge.channels.recognise import recognise
from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer

from .running import serial_link

GAS_ANALYSER = Path(__file__).parents[2] / "data" / "gas-analyser-5ch.bin"
RECORDING = GAS_ANALYSER.read_bytes()
SHORTEST = DeviceProfile.from_dict(
    {
        "schema_version": 1,
        "decoder": {"kind": "separated", "separator": ";"},
        "channels": [{"key": "x", "name": "X", "source": "0"}],
    }
)

MOST_BYTES_PER_TURN = 1024
"""What is decoded for several devices in well under 10 ms; a socket hands over 256 KiB at once."""


def recognised_profile() -> DeviceProfile:
    recognition = recognise(DelimiterFramer().feed(RECORDING))
    assert recognition is not None
    channels: list[Channel] = []
    for field in recognition.fields:
        key = unique_key(field.name, {channel.key for channel in channels})
        channels.append(Channel(key=key, name=field.name, source=field.source, unit=field.unit))
    return DeviceProfile(decoder=recognition.decoder, channels=tuple(channels))


@dataclass(frozen=True)
class Flood:
    profile: DeviceProfile
    data: bytes
    frames: int
    last: object


FLOODS = {
    "gas analyser": Flood(recognised_profile(), RECORDING * 850, 6 * 850, 20.378),
    "shortest lines": Flood(SHORTEST, b"".join(b"%d\n" % (number % 10) for number in range(100_000)), 100_000, 9),
}


@pytest.mark.usefixtures("loopback_sockets")
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_flood_for_three_devices_is_decoded_completely_without_holding_the_loop(flood: Flood) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def send_flood() -> None:
        with listening, listening.accept()[0] as connection:
            connection.sendall(flood.data)

    link = serial_link(f"socket://127.0.0.1:{listening.getsockname()[1]}")
    devices = [link.set_device(str(number), flood.profile) for number in range(3)]
    most = 0
    async with asyncio.TaskGroup() as group, link.running():
        group.create_task(asyncio.to_thread(send_flood))
        await link.until_state("up")  # start-up may take its time
        while (before := link.frames_given) < flood.frames:
            await asyncio.sleep(0)
            most = max(most, link.frames_given - before)
        statistics = link.statistics()
        values = devices[0].values

    assert (statistics["frames"], statistics["dropped"], statistics["rejected"]) == (flood.frames, 0, 0)
    assert [device.counters.decoded for device in devices] == [flood.frames] * 3
    assert next(iter(values.values())) == flood.last
    assert 0 < most <= MOST_BYTES_PER_TURN * flood.frames / len(flood.data) + 1
