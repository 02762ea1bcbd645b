"""YAML to plain data that knows its lines: bounded, and blind to everything that YAML could run.

The text is read as a stream of events, never by PyYAML's own constructors: the depth is counted before anything
recursive could fail, an alias is counted as often as it would be written out, and a tag is only a word.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import json
from math import isfinite
import re
from typing import Any, override

import yaml

from .errors import ProfileError

MAX_LENGTH = 1_000_000
"""Characters of one text."""
MAX_NODES = 100_000
"""Values of one text with every alias written out."""
MAX_DEPTH = 50

_EVENTS: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD_TAG = "tag:yaml.org,2002:"
_LAST_STEP = re.compile(r"(\.[^.\[\]]*|\[\d+\]|[^.\[\]]+)$")


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with a tag that means something to its author only (``!secret name``)."""

    tag: str
    value: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class YamlText:
    """What a YAML text holds, and where: ``lines`` by path (``channels[2].scale``)."""

    data: Any
    lines: Mapping[str, int]
    duplicates: tuple[str, ...] = ()
    """Paths of keys that are written twice; the last one counts."""

    def line(self, path: str) -> int | None:
        """Return the line (from 1) of a path, or of the nearest place around it."""
        while path and path not in self.lines:
            path = _LAST_STEP.sub("", path)
        return self.lines.get(path)


def read_yaml(text: str, *, home_assistant: bool = False) -> YamlText:
    """Return the data of one document; raises ProfileError with the line.

    Plain words are read by YAML 1.2, where ``on`` and ``no`` are texts; with ``home_assistant`` by YAML 1.1 as
    Home Assistant reads them. Keys are always texts.
    """
    if len(text) > MAX_LENGTH:
        raise ProfileError("", f"the text is longer than {MAX_LENGTH} characters")
    builder = _Builder(_word_1_1 if home_assistant else _word_1_2)
    try:
        text.encode()
        for event in yaml.parse(text, Loader=_EVENTS):
            builder.take(event)
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        raise ProfileError(f"line {mark.line + 1}" if mark else "", err.problem or "is no YAML") from err
    except (yaml.YAMLError, UnicodeError) as err:
        raise ProfileError("", f"is no YAML text: {err}") from err
    return YamlText(data=builder.root, lines=builder.lines, duplicates=tuple(builder.duplicates))


def write_yaml(data: Any) -> str:
    """Return JSON data as a YAML text that ``read_yaml`` reads as the same data, by YAML 1.1 and 1.2 alike."""
    plain = json.loads(json.dumps(data))  # an enumeration is its text, a tuple is a list
    return str(yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


def fits_json(number: float) -> bool:
    """Return whether a JSON file can hold the number: finite, and of 64 bits where it is whole.

    Home Assistant writes all entries to one file; a single number that does not fit would keep it from saving any.
    """
    return -(2**63) <= number < 2**64 if isinstance(number, int) else isfinite(number)


class _Dumper(yaml.SafeDumper):
    """Quotes what one of the two versions of YAML would read as something else than text."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out: a person edits the file."""
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    is_other_word = _word_1_2(text) != text or _word_1_1(text) != text
    # Line breaks of Unicode are escaped in double quotes only.
    style = '"' if is_other_word or not text.isprintable() else None
    return dumper.represent_scalar(f"{_STANDARD_TAG}str", text, style=style)


_Dumper.add_representer(str, _represent_text)


@dataclass(kw_only=True, slots=True)
class _Open:
    """A list or mapping that is being filled."""

    value: list[Any] | dict[str, Any]
    path: str
    line: int
    anchor: str | None
    tag: str | None
    nodes_before: int
    key: str | None = None
    is_merge: bool = False
    """The key is a plain ``<<``."""
    merged: list[dict[str, Any]] = field(default_factory=list)


class _Builder:
    """Events to data; the stack is a list, so that no input can exhaust the interpreter's."""

    def __init__(self, word: Callable[[str], Any]) -> None:
        self.root: Any = None
        self.lines: dict[str, int] = {}
        self.duplicates: list[str] = []
        self._word = word
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        """Take the next event; raises ProfileError with the line."""
        line = event.start_mark.line + 1
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise ProfileError(f"line {line}", "there must be only one document")
            case yaml.ScalarEvent():
                self._scalar(event, line)
            case yaml.AliasEvent():
                if event.anchor not in self._anchors:
                    raise ProfileError(f"line {line}", f"nothing is called {event.anchor} before this line")
                value, nodes = self._anchors[event.anchor]
                self._add(value, line, nodes)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._begin(event, line)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end()

    def _scalar(self, event: Any, line: int) -> None:
        parent = self._open[-1] if self._open else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._count(line, 1)
            parent.key, parent.is_merge = event.value, event.implicit[0] and event.value == "<<"
            self.lines[self._path(line)] = line
            return
        if event.tag is not None and not event.tag.startswith(_STANDARD_TAG):
            value: Any = Tagged(event.tag, event.value)
        else:
            is_word = event.implicit[0] or event.tag not in (None, f"{_STANDARD_TAG}str")
            value = self._word(event.value) if is_word else event.value
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._add(value, line, 1)

    def _begin(self, event: Any, line: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise ProfileError(f"line {line}", f"is nested deeper than {MAX_DEPTH} levels")
        value: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        opened = _Open(
            value=value, path=self._path(line), line=line, anchor=event.anchor, tag=event.tag, nodes_before=self._nodes
        )
        self._open.append(opened)
        self.lines.setdefault(opened.path, line)

    def _end(self) -> None:
        done = self._open.pop()
        for merged in done.merged:
            done.value = {**merged, **done.value}  # type: ignore[dict-item]  # merges are found in mappings only
        value: Any = done.value
        if done.tag is not None and not done.tag.startswith(_STANDARD_TAG):
            value = Tagged(done.tag, value)
        if done.anchor:
            self._anchors[done.anchor] = (value, self._nodes - done.nodes_before + 1)
        self._add(value, done.line, 1)

    def _add(self, value: Any, line: int, nodes: int) -> None:
        """Put a finished value where it belongs."""
        self._count(line, nodes)
        if not self._open:
            self.root = value
            self.lines.setdefault("", line)
            return
        parent = self._open[-1]
        self.lines.setdefault(self._path(line), line)
        if isinstance(parent.value, list):
            parent.value.append(value)
            return
        key, parent.key = parent.key or "", None
        if parent.is_merge and (merged := _mappings(value)):
            parent.merged.extend(merged)
            return
        if key in parent.value:
            self.duplicates.append(f"{parent.path}.{key}" if parent.path else key)
        parent.value[key] = value

    def _count(self, line: int, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise ProfileError(f"line {line}", f"there are more than {MAX_NODES} values")

    def _path(self, line: int) -> str:
        """Return the path of the value that comes next."""
        if not self._open:
            return ""
        parent = self._open[-1]
        if isinstance(parent.value, list):
            return f"{parent.path}[{len(parent.value)}]"
        if parent.key is None:
            raise ProfileError(f"line {line}", "a key must be a text or a number")
        return f"{parent.path}.{parent.key}" if parent.path else parent.key


def _mappings(value: Any) -> list[dict[str, Any]]:
    """Return what ``<<`` merges: one mapping or a list of them; nothing for other values."""
    values = value if isinstance(value, list) else [value]
    return values if all(isinstance(item, dict) for item in values) else []


_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MAX_DIGITS = 100
"""No address or value has more; Python refuses thousands of digits."""


def _word_1_2(text: str) -> Any:
    """Return what a plain word means in YAML 1.2's core schema."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if len(text) > _MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return _storable(int(text), text)
    if _BASED.fullmatch(text):
        return _storable(int(text, 0), text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _word_1_1(text: str) -> Any:
    """Return what a plain word means in YAML 1.1, as PyYAML and Home Assistant read it; dates stay texts."""
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
    construct = _CONSTRUCTORS.get(tag.removeprefix(_STANDARD_TAG))
    if construct is None or len(text) > _MAX_DIGITS:
        return text
    try:
        return _storable(construct(yaml.ScalarNode(tag, text)), text)
    except ValueError:  # 0x_
        return text


def _storable(value: Any, text: str) -> Any:
    """Return the value, or its text where it is a whole number that no device has and no JSON file can hold."""
    return value if not isinstance(value, int) or fits_json(value) else text


_RESOLVER: Any = yaml.resolver.Resolver()
_CONSTRUCTOR: Any = yaml.constructor.SafeConstructor()
_CONSTRUCTORS: dict[str, Callable[[Any], Any]] = {
    "null": _CONSTRUCTOR.construct_yaml_null,
    "bool": _CONSTRUCTOR.construct_yaml_bool,
    "int": _CONSTRUCTOR.construct_yaml_int,
    "float": _CONSTRUCTOR.construct_yaml_float,
}
