"""What HACS, the Marketplace and hassfest read, and the rules that hold for the whole tree."""

import json
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_hacs_json_says_what_hacs_and_the_marketplace_read() -> None:
    hacs = json.loads((ROOT / "hacs.json").read_text())

    assert hacs == {"name": "Fieldbridge", "homeassistant": "2026.11.0"}
