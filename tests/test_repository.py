"""What HACS, the Marketplace and hassfest read, and the rules that hold for the whole tree."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import subprocess
import sys
import tomllib
from typing import Any

import homeassistant
from packaging.requirements import Requirement
import pytest

from custom_components.fieldbridge.acceleration import NUMBA_REQUIREMENT

ROOT = Path(__file__).parent.parent
INTEGRATION = ROOT / "custom_components" / "fieldbridge"
BRIDGE = INTEGRATION / "bridge"
HOME_ASSISTANT = Path(homeassistant.__file__).parent

MANIFEST: dict[str, Any] = json.loads((INTEGRATION / "manifest.json").read_text())
TRANSLATIONS = sorted((INTEGRATION / "translations").glob("*.json"))

_TEXT_SUFFIXES = {"", ".py", ".md", ".txt", ".toml", ".json", ".yaml", ".yml", ".sh"}


def _texts() -> Iterator[Path]:
    """Return every text file of the project."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and path.suffix in _TEXT_SUFFIXES and not _is_hidden(parts):
            yield path


def _is_hidden(parts: tuple[str, ...]) -> bool:
    """Return whether a path leads to what tools keep for themselves: git, caches, coverage data."""
    return any(part[0] in "._" for part in parts[:-1]) or parts[-1].startswith(".")


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return nested translations as one dictionary with dotted keys."""
    if not isinstance(value, dict):
        return {path: value}
    return {key: text for name, inner in value.items() for key, text in _flat(inner, f"{path}.{name}").items()}


def test_hacs_json_says_what_hacs_and_the_marketplace_read() -> None:
    hacs = json.loads((ROOT / "hacs.json").read_text())

    assert hacs == {"name": "Fieldbridge", "homeassistant": "2026.11.0"}
    assert [folder.name for folder in (ROOT / "custom_components").iterdir() if folder.name[0] not in "_."] == [
        "fieldbridge"
    ]
    assert (ROOT / "README.md").exists()
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_the_manifest_has_the_keys_that_hacs_and_the_marketplace_read() -> None:
    assert {
        "domain": "fieldbridge",
        "name": "Fieldbridge",
        "config_flow": True,
        "integration_type": "hub",
        "iot_class": "local_push",
    }.items() <= MANIFEST.items()
    for key in ("categories", "codeowners", "connectivity", "documentation", "issue_tracker", "loggers", "version"):
        assert MANIFEST[key], key
    assert MANIFEST["quality_scale"]
    assert list(MANIFEST) == ["domain", "name", *sorted(set(MANIFEST) - {"domain", "name"})]


@pytest.mark.parametrize("key", ["categories", "connectivity"])
def test_the_marketplace_knows_what_it_filters_by(key: str) -> None:
    known = json.loads((HOME_ASSISTANT / "generated" / f"integration_{key}.json").read_text())

    slugs = {item["slug"] for item in known}
    slugs |= {f"{item['slug']}.{inner['slug']}" for item in known for inner in item.get("subcategories", [])}
    assert set(MANIFEST[key]) <= slugs


def test_what_may_fail_to_set_up_is_no_hard_dependency() -> None:
    assert "usb" in MANIFEST["dependencies"]
    assert {"bluetooth_adapters", "modbus", "mqtt"} <= set(MANIFEST["after_dependencies"])
    assert not {"bluetooth_adapters", "modbus", "mqtt"} & set(MANIFEST["dependencies"])


@pytest.mark.parametrize("text", MANIFEST["requirements"])
def test_requirements_are_ranges_since_home_assistant_changes_its_constraints_monthly(text: str) -> None:
    requirement = Requirement(text)

    assert requirement.url is None
    assert requirement.specifier
    assert not any(specifier.operator in ("==", "===") for specifier in requirement.specifier)


@pytest.mark.timeout(120)
def test_requirements_resolve_under_home_assistants_constraints() -> None:
    constraints = str(HOME_ASSISTANT / "package_constraints.txt")

    result = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--constraint", constraints, "-"],
        input="\n".join(MANIFEST["requirements"]),
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    resolved = {Requirement(line).name for line in result.stdout.splitlines() if re.match(r"\w", line)}
    assert {Requirement(text).name for text in MANIFEST["requirements"]} <= resolved


def test_the_wheel_and_the_integration_ask_for_the_same_numba() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["optional-dependencies"]["accelerate"] == [NUMBA_REQUIREMENT]


@pytest.mark.parametrize(("suffix", "side"), [("", 256), ("@2x", 512)])
@pytest.mark.parametrize("prefix", ["", "dark_"])
def test_brand_images_have_the_sizes_that_home_assistant_asks_for(prefix: str, suffix: str, side: int) -> None:
    assert _png_size(INTEGRATION / "brand" / f"{prefix}icon{suffix}.png") == (side, side)

    width, height = _png_size(INTEGRATION / "brand" / f"{prefix}logo{suffix}.png")
    assert height == side
    assert width > height


def _png_size(path: Path) -> tuple[int, int]:
    header = path.read_bytes()[:24]
    assert header.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_translations_are_complete_and_flat(path: Path) -> None:
    texts = _flat(json.loads(path.read_text()))

    # Home Assistant resolves references and falls back to strings.json for its own integrations only.
    assert not (INTEGRATION / "strings.json").exists()
    assert not [key for key, text in texts.items() if not isinstance(text, str) or not text or "[%key:" in text]
    assert not [key for key, text in texts.items() if re.search(r"https?://|<[a-z]+>", text)]
    assert texts.keys() == _flat(json.loads((INTEGRATION / "translations" / "en.json").read_text())).keys()


def test_every_field_of_a_form_is_explained() -> None:
    texts = _flat(json.loads((INTEGRATION / "translations" / "en.json").read_text()))
    fields = [
        key for key in texts if ".data." in key and key.startswith((".config.", ".options.", ".config_subentries."))
    ]

    assert fields
    assert not [key for key in fields if key.replace(".data.", ".data_description.") not in texts]


def test_no_text_names_a_path_of_one_machine() -> None:
    machine_path = re.compile(r"(?<![\w./$}])/(?:work|farm|home|root|Users)/\w")

    assert not [
        f"{path.relative_to(ROOT)}: {line}"
        for path in _texts()
        for line in path.read_text().splitlines()
        if machine_path.search(line)
    ]


def test_the_architecture_names_what_is_there_once_and_nothing_that_is_gone() -> None:
    tree = (ROOT / "docs" / "architecture.md").read_text().split("```")[1]
    outside, _, rest = tree.partition("\n  bridge/ ")
    inside = rest.partition("\nexamples/")[0]

    for folder, text in ((INTEGRATION, outside), (BRIDGE, inside)):
        named = re.findall(r"\b\w+\.py\b|(?<![\w/])\w+/(?![^\s,;])", text)
        there = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
        there |= {f"{path.name}/" for path in folder.iterdir() if path.is_dir() and not _is_hidden((path.name, ""))}
        assert there - {"bridge/"} <= set(named)
        assert not [name for name in named if named.count(name) > 1]
        assert not [name for name in named if not any(folder.rglob(name.removesuffix("/")))]


def test_no_python_file_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in _texts() if path.suffix == ".py"
    }

    assert not {path: length for path, length in lengths.items() if length > 500}
