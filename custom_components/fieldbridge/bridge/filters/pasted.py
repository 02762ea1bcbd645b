"""Filters that a person pastes: a list of ESPHome or of Home Assistant's filter platform, or what stands around one."""

from collections.abc import Iterator
from dataclasses import dataclass
import textwrap
from typing import Any

from ..errors import ProfileError
from .esphome import LAMBDA, from_esphome
from .home_assistant import from_home_assistant


def from_pasted(text: str, path: str = "filters") -> list[dict[str, Any]]:
    """Return our filters for a pasted list; raises ProfileError that names the first item that cannot be taken."""
    loaded = _load(text, path)
    mappings = [part for part in _parts(loaded) if isinstance(part, dict)]
    lists = [mapping["filters"] for mapping in mappings if "filters" in mapping]
    if len(lists) > 1:
        raise ProfileError(path, f"there are {len(lists)} lists of filters; paste the one of this value")
    if lists:
        (loaded,) = lists
    for part in _parts(loaded):
        if isinstance(part, _Tagged):
            raise ProfileError(path, LAMBDA if part.tag == "lambda" else f"the tag !{part.tag} cannot be resolved here")
    if isinstance(loaded, list) and any(isinstance(item, dict) and "filter" in item for item in loaded):
        return from_home_assistant(loaded, path)
    return from_esphome(loaded, path)


@dataclass(frozen=True, slots=True)
class _Tagged:
    """A value that only ESPHome knows."""

    tag: str


def _load(text: str, path: str) -> Any:
    """Return the YAML as data."""
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML without any tag of its own."""

    Loader.add_multi_constructor("!", lambda _loader, suffix, _node: _Tagged(suffix))
    try:
        return yaml.load(textwrap.dedent(text), Loader)  # noqa: S506 - a subclass of the safe one
    except (yaml.YAMLError, ValueError, RecursionError) as err:  # a date in a thirteenth month, a thousand brackets
        raise ProfileError(path, f"not YAML: {err}") from err


def _parts(loaded: Any) -> Iterator[Any]:
    """Return all that a document holds, each part once, however often aliases name it."""
    seen: set[int] = set()
    waiting = [loaded]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
