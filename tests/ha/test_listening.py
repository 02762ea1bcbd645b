"""How long recognition takes: at most three whole frames and two seconds."""

from collections.abc import Sequence
import csv
from pathlib import Path

from homeassistant.core import HomeAssistant
import pytest

from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.links.probe import Capture
from custom_components.fieldbridge.bridge.profiles import Profile, shipped_profiles
from custom_components.fieldbridge.config_flow.listening import Listening
from custom_components.fieldbridge.config_flow.looking import LOOK_INTERVAL

DATA = Path(__file__).parents[1] / "data"


def pieces(name: str, length: int) -> list[bytes]:
    """Return the frames of a recording of frames of one length."""
    data = (DATA / "serial" / name).read_bytes()
    return [data[start : start + length] for start in range(0, len(data), length)]


def balance() -> list[bytes]:
    with (DATA / "balance-10hz.csv").open() as file:
        return [bytes.fromhex(row["raw"]) for row in csv.DictReader(file)]


def inertial_sensor() -> list[bytes]:
    return (DATA / "imu-100hz.csv").read_bytes().splitlines(keepends=True)[1:]


DEVICES = {
    "gas analyser": ((DATA / "gas-analyser-5ch.bin").read_bytes().splitlines(keepends=True), 2.0),
    "balance": (balance(), 0.1),
    "inertial sensor": (inertial_sensor(), 0.01),
    "particle sensor": (pieces("plantower_pms5003.bin", 32), 10.0),
    "dust sensor": (pieces("nova_sds011.bin", 10), 10.0),
    "json": ([b'{"t": 2%d.5}\r\n' % number for number in range(9)], 1.0),
    "carriage returns": ([b"T=2%d.5\r" % number for number in range(9)], 1.0),
}


class Source:
    """What a port has sent until now; time passes between two frames only."""

    lost: LinkError | None = None

    def __init__(self) -> None:
        self.now = 0.0
        self.capture = Capture(lambda: self.now)
        self._framer = DelimiterFramer()

    def send(self, data: bytes, pause: float) -> None:
        """Let a frame arrive after a pause."""
        self.now += pause
        self.capture.add_bytes(data)
        self.capture.add_frames([Frame(self.now, line) for line in self._framer.feed(data)])

    async def close(self) -> None:
        """Nothing was opened."""


def no_models() -> Sequence[Profile]:
    return ()


def all_models() -> Sequence[Profile]:
    return [file.profile for file in shipped_profiles() if file.profile and file.profile.kind == "serial"]


@pytest.mark.parametrize("name", DEVICES)
async def test_a_device_is_recognised_after_three_whole_frames_and_two_seconds(hass: HomeAssistant, name: str) -> None:
    frames, pause = DEVICES[name]
    source = Source()
    # Three equal frames of this one have no value that could be told from a constant; its model is known.
    profiles = all_models if name == "dust sensor" else no_models
    listening = Listening(hass, source, finds_framing=True, profiles=profiles)
    source.send(frames[0][len(frames[0]) // 2 :], pause)  # the port was opened in the middle of a frame
    for frame in frames[1:4]:
        source.send(frame, pause)

    looks = 0
    while not listening.finished:
        await listening.look()
        looks += 1
        assert looks * LOOK_INTERVAL <= 2.0

    assert listening.outcome == ("model_fits" if name == "dust sensor" else "recognised")


async def test_no_check_is_proposed_before_it_held_on_three_frames(hass: HomeAssistant) -> None:
    source = Source()
    listening = Listening(hass, source, finds_framing=True)
    frames = balance()
    for frame in frames[:2]:
        source.send(frame, 0.1)
    await listening.look()
    assert "check" not in (listening.framing or {})

    for frame in frames[2:5]:
        source.send(frame, 0.1)
    await listening.look()
    assert listening.framing is not None
    assert listening.framing["check"]["algorithm"] == "sum8"
