"""The device of pysunspec2's own tests (device_1547.json) as its registers."""

import json
from pathlib import Path
import struct

import sunspec2  # type: ignore[import-untyped]
from sunspec2.file.client import FileClientDevice, FileClientModel  # type: ignore[import-untyped]

DEVICE_1547 = Path(sunspec2.__file__).parent / "tests" / "test_data" / "device_1547.json"
BASE = 40_000


def reference_device() -> FileClientDevice:
    """Return the device as pysunspec2 reads it."""
    device, address = FileClientDevice(), BASE + 2
    for data in json.loads(DEVICE_1547.read_text())["models"][:-1]:
        model = FileClientModel(model_id=data["ID"], model_addr=address, model_len=data.get("L"), data=data)
        device.add_model(model)
        address += model.len
    return device


def reference_image(device: FileClientDevice) -> dict[int, int]:
    """Return its holding registers by address."""
    data = b"SunS" + device.get_mb() + b"\xff\xff\x00\x00"
    return dict(enumerate(struct.unpack(f">{len(data) // 2}H", data), BASE))
