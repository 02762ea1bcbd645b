"""A sender that floods is decoded in small portions: the loop is never held, and every frame is accounted for."""

import asyncio
from pathlib import Path
import socket
import time

import pytest

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.channels.profile import unique_key
from custom_components.fieldbridge.bridge.channels.recognise import recognise
from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer

from .running import serial_link

GAS_ANALYSER = Path(__file__).parents[2] / "data" / "gas-analyser-5ch.bin"
RECORDING = GAS_ANALYSER.read_bytes()


def recognised_profile() -> DeviceProfile:
    recognition = recognise(DelimiterFramer().feed(RECORDING))
    assert recognition is not None
    channels: list[Channel] = []
    for field in recognition.fields:
        key = unique_key(field.name, {channel.key for channel in channels})
        channels.append(Channel(key=key, name=field.name, source=field.source, unit=field.unit))
    return DeviceProfile(decoder=recognition.decoder, channels=tuple(channels))


@pytest.mark.usefixtures("loopback_sockets")
async def test_a_megabyte_of_the_gas_analyser_at_once_is_decoded_without_holding_the_loop() -> None:
    repeats = 850
    listening = socket.create_server(("127.0.0.1", 0))

    def send_flood() -> None:
        with listening, listening.accept()[0] as connection:
            connection.sendall(RECORDING * repeats)

    link = serial_link(f"socket://127.0.0.1:{listening.getsockname()[1]}")
    devices = [link.set_device(str(number), recognised_profile()) for number in range(3)]
    longest = 0.0
    async with asyncio.TaskGroup() as group, link.running():
        group.create_task(asyncio.to_thread(send_flood))
        await link.until_state("up")  # start-up may take its time
        before = time.thread_time()
        while link.frames_given < 6 * repeats:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, before = max(longest, now - before), now
        statistics = link.statistics()

    assert (statistics["frames"], statistics["dropped"], statistics["rejected"]) == (6 * repeats, 0, 0)
    assert [device.counters.decoded for device in devices] == [6 * repeats] * 3
    assert devices[0].values["oxygen"] == 20.378
    # One turn of the loop may hold several callbacks: it bounds each of them.
    assert longest < 0.01
