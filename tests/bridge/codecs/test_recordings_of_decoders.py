"""Every kind of decoder reads a recording: what a device sends becomes the fields that a channel may take."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from custom_components.fieldbridge.bridge.codecs.decoders import KINDS, decoder_from_dict
from custom_components.fieldbridge.bridge.codecs.framing import framer_from_dict

DATA = Path(__file__).parents[2] / "data"
LINES = {"kind": "line"}
HEART_RATE = {"kind": "gatt", "flags": "uint8", "fields": [{"name": "rate", "type": "uint8"}]}
FLAGS = {"name": "flags", "type": "u8", "bits": {"alarm": [0, 1]}}
CASES = [
    {"name": "t", "prefix": "T,", "decoder": {"kind": "separated", "separator": ","}},
    {"name": "s", "length": 3, "decoder": {"kind": "structure", "fields": [FLAGS]}},
    {"name": "j", "source": "type", "equals": "x", "decoder": {"kind": "json"}},
]
BALANCE = [{"type": "pad", "size": 3}, {"name": "weight", "type": "f32"}]


class Recorded(NamedTuple):
    """A recording (bytes to be framed, or a frame per line in hexadecimal), its decoder, and what is in its frames."""

    file: str
    framing: dict[str, Any] | None
    decoder: dict[str, Any]
    values: dict[str, list[object]]
    """By source; only those frames that have it."""


RECORDED: dict[str, Recorded] = {
    "json": Recorded(
        "decoders/json.hex",
        None,
        {"kind": "json"},
        {"AM2301.Temperature": [21.5, 21.6, 21.7, 21.8], "relays.0": [True] * 4},
    ),
    "separated": Recorded(
        "gas-analyser-5ch.bin",
        LINES,
        {"kind": "separated", "separator": ";", "check": {"algorithm": "sum16", "start": 1}, "leading_number": True},
        {"7": ["20.379", "20.378", "20.378", "20.378", "20.378", "20.378"]},
    ),
    "key_value": Recorded(
        "serial/victron_ve_direct.bin",
        {"kind": "marks", "end": "\\r\\nChecksum\\t", "after": 1},
        {"kind": "key_value", "separator": "\t", "between": "\n", "encoding": "latin-1"},
        {"V": ["12000", "13790", "26201"], "SOC": ["986"]},
    ),
    "pattern": Recorded(
        "serial/scale_st_gs.bin",
        LINES,
        {"kind": "pattern", "pattern": r"^ST,(?P<mode>..),(?P<weight>.*)kg", "leading_number": True},
        {"weight": ["+12.34", "-0.56", "7.5"], "mode": ["GS", "NT", "GS"]},
    ),
    "columns": Recorded(
        "decoders/columns.hex",
        None,
        {"kind": "columns", "leading_number": True},
        {"6:17": ["+0.0012", "+5.0087", "+10.0162", "+15.0237"], "17:": ["g"] * 4},
    ),
    "structure": Recorded(
        "decoders/balance.hex",
        None,
        {"kind": "structure", "fields": BALANCE},
        {"weight": [pytest.approx(199.953), pytest.approx(200.011), pytest.approx(199.978)]},
    ),
    "bytes": Recorded(
        "serial/nova_sds011.bin",
        {"kind": "fixed", "length": 10, "start": "0xAA C0", "end": "0xAB"},
        {"kind": "bytes"},
        {"2:uint16": [6, 9, 9, 9, 9, 9, 9, 8, 8, 8]},
    ),
    "nmea": Recorded(
        "serial/nmea_gps.bin",
        LINES,
        {"kind": "nmea"},
        {"GGA.numSV": [8, 0], "sentence": ["GGA", "RMC", "GSV", "VTG", "GGA", "RMC"]},
    ),
    "obis": Recorded(
        "serial/dsmr_p1.bin",
        {"kind": "telegram", "start": "/", "end": "!"},
        {"kind": "obis"},
        {"1-0:1.7.0 kW": ["02.027", "00.244", "00.000"], "0-1:24.2.1#2": ["00981.443", "00000.107"]},
    ),
    "numbers": Recorded(
        "decoders/numbers.hex",
        None,
        {"kind": "numbers"},
        {"0": ["21.5", "21.6", "21.7", "21.8"], "1": ["40", "41", "42", "43"]},
    ),
    "plain": Recorded("decoders/plain.hex", None, {"kind": "plain"}, {"text": ["READY", "BUSY", "READY"]}),
    "mixed": Recorded(
        "decoders/mixed.hex",
        None,
        {"kind": "mixed", "cases": CASES},
        {"t.1": ["21.5", "21.6"], "s.flags.alarm": [1], "j.v": [5]},
    ),
    "gatt": Recorded("decoders/gatt.hex", None, HEART_RATE, {"rate": [72, 73], "flags.1": [True, True]}),
    "characteristics": Recorded(
        "decoders/characteristics.hex",
        None,
        {"kind": "characteristics", "characteristics": {"2a37": HEART_RATE, "2a19": {"kind": "bytes"}}},
        {"2a37:rate": [72], "2a19:0:uint8": [90]},
    ),
    "topics": Recorded(
        "decoders/topics.hex",
        None,
        {"kind": "topics", "base": "plant/boiler"},
        {"~/temperature": ["61.5"], "~/state#burner.on": [True]},
    ),
    "modbus": Recorded(
        "decoders/modbus.hex",
        None,
        {
            "kind": "modbus",
            "registers": {
                "t": {"address": 0},
                "u": {"table": "input", "address": 52, "type": "float32"},
            },
        },
        {"t": [2337], "u": [230.5]},
    ),
}


def frames_of(recorded: Recorded) -> list[bytes]:
    path = DATA / recorded.file
    if recorded.framing is None:
        return [bytes.fromhex(line) for line in path.read_text().splitlines()]
    return framer_from_dict(recorded.framing).feed(path.read_bytes())


def test_every_kind_has_a_recording() -> None:
    assert set(RECORDED) == set(KINDS)


@pytest.mark.parametrize("kind", RECORDED)
def test_the_recording_is_read(kind: str) -> None:
    recorded = RECORDED[kind]
    decoder = decoder_from_dict(recorded.decoder)
    frames = frames_of(recorded)
    for source, values in recorded.values.items():
        get, found = decoder.getter(source), []
        for frame in frames:
            try:
                found.append(get(decoder.parse(frame)))
            except LookupError, ValueError:
                continue
        assert found == values, source
