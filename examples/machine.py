"""Telemetry: how busy this machine is. Needs no hardware, works on Linux and macOS.

On its own: ``fieldbridge run machine.py``. In Home Assistant: copy the file to ``fieldbridge/apps`` in the
configuration folder and add it as a bridge app.
"""

from dataclasses import dataclass, field
import os
from pathlib import Path
import shutil

from fieldbridge import App, OnChange, Settings
from fieldbridge.schema import consumer
from pydantic import Field


class MachineSettings(Settings):
    """Asked for in Home Assistant; on its own from the environment: ``INTERVAL``, ``FOLDER``."""

    interval: float = Field(default=10.0, gt=0, description="Seconds between two measurements.")
    folder: str = Field(default=str(Path.home()), description="The disk that holds this folder is measured.")


@dataclass
class Machine:
    """What is published, and what it means to whoever shows it."""

    load: float = field(metadata=consumer(display_name="Load", state_class="measurement"))
    disk_free: float = field(
        metadata=consumer(display_name="Free on disk", unit="GB", device_class="data_size", state_class="measurement")
    )
    disk_low: bool = field(metadata=consumer(display_name="Disk", device_class="problem"))


app = App("machine", version="1.0.0", settings_class=MachineSettings)


@app.telemetry("machine", interval=lambda settings: settings.interval, publish=OnChange(), state_model=Machine)
async def machine(settings: MachineSettings) -> dict[str, object]:
    """Measure once; whatever is raised here makes the device unavailable until the next success."""
    disk = shutil.disk_usage(settings.folder)
    return {
        "load": round(os.getloadavg()[0], 2),
        "disk_free": round(disk.free / 1e9, 1),
        "disk_low": disk.free < disk.total / 10,
    }


if __name__ == "__main__":
    app.cli()
