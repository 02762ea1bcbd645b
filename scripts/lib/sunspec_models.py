"""Write the compact table of SunSpec models that the bridge reads: facts from the SunSpec Alliance's model definitions.

Run by hand where pysunspec2 is installed (it carries the definitions, Apache-2.0): `scripts/run python
scripts/lib/sunspec_models.py`. One line per model keeps changes readable.
"""

import json
from pathlib import Path
from typing import Any

import sunspec2  # type: ignore[import-untyped]

INVERTERS = (*range(101, 104), *range(111, 114), *range(120, 125), 160)
METERS = (*range(201, 205), *range(211, 215))
OTHERS = (*range(302, 309), *range(401, 405), 501, 502, 601, *range(701, 716), *range(801, 806))
SOURCE = Path(sunspec2.__file__).parent / "models" / "json"
TARGET = Path(__file__).parents[2] / "custom_components/fieldbridge/bridge/modbus/sunspec_models.json"


def compact_point(point: dict[str, Any]) -> dict[str, Any]:
    """Return a point's facts under short names; what is not said is left out."""
    symbols = {str(symbol["value"]): symbol.get("label") or symbol["name"] for symbol in point.get("symbols", ())}
    facts = {
        "n": point["name"],
        "t": point["type"],
        "s": point["size"],
        "f": point.get("sf"),
        "u": point.get("units"),
        "l": point.get("label"),
        "w": point.get("access") == "RW" or None,
        "y": symbols or None,
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def compact_group(group: dict[str, Any]) -> dict[str, Any]:
    """Return a group's points and groups."""
    facts = {
        "n": group["name"],
        "l": group.get("label"),
        "c": group.get("count"),
        "p": [compact_point(point) for point in group.get("points", ())],
        "g": [compact_group(inner) for inner in group.get("groups", ())] or None,
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def main() -> None:
    """Write the table."""
    lines = []
    for number in (1, *INVERTERS, *METERS, *OTHERS):
        group = json.loads((SOURCE / f"model_{number}.json").read_text())["group"]
        lines.append(f'"{number}": {json.dumps(compact_group(group), separators=(",", ":"), ensure_ascii=False)}')
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
