"""Streams of several kinds of messages, and messages whose check is not the framing's business."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from ...errors import DecodeError, ProfileError
from ..escapes import escape_bytes, parse_bytes
from ..frame_check import FrameCheck
from .decoder import Decoder, Fields, Getter


class MixedFields(NamedTuple):
    """The fields of a message and the name of its kind."""

    kind: str
    fields: Fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One kind of message: how it is told from others, and how it is read."""

    name: str
    decoder: Decoder
    prefix: bytes = b""
    """What its frames begin with."""
    length: int | None = None
    """Bytes that its frames have."""
    source: str | None = None
    """A field of its own decoder that must have the text ``equals``."""
    equals: str = ""

    def parse(self, data: bytes) -> Fields | None:
        """Return the fields, None when the frame is of another kind. Raises DecodeError."""
        if not data.startswith(self.prefix) or (self.length is not None and len(data) != self.length):
            return None
        if self.source is None:
            return self.decoder.parse(data)
        try:
            fields = self.decoder.parse(data)
            return fields if str(self.decoder.getter(self.source)(fields)).strip() == self.equals else None
        except DecodeError, LookupError, TypeError:
            return None  # nobody can tell of what kind it is

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        form: dict[str, Any] = {"name": self.name, "decoder": self.decoder.to_dict()}
        if self.prefix:
            form["prefix"] = escape_bytes(self.prefix)
        if self.length is not None:
            form["length"] = self.length
        if self.source is not None:
            form |= {"source": self.source, "equals": self.equals}
        return form


@dataclass(frozen=True, kw_only=True, slots=True)
class MixedDecoder:
    """The first case whose condition is met reads a frame; a source is the case and its field: ``status.3``."""

    cases: tuple[Case, ...]

    def parse(self, data: bytes) -> MixedFields:
        """Return the fields. Reasons: ``other_message``, and those of the case's decoder."""
        for case in self.cases:
            fields = case.parse(data)
            if fields is not None:
                return MixedFields(case.name, fields)
        raise DecodeError("other_message")

    def getter(self, source: str) -> Getter:
        """Return the picker of a field of one case."""
        name, dot, inner = source.partition(".")
        case = next((case for case in self.cases if case.name == name), None)
        if case is None or not dot:
            raise ValueError(f"a source begins with the name of a case, got {source!r}")
        get = case.decoder.getter(inner)

        def pick(fields: Fields) -> object:
            if fields.kind != name:
                raise LookupError(source)
            return get(fields.fields)

        return pick

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": "mixed", "cases": [case.to_dict() for case in self.cases]}


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedDecoder:
    """A decoder behind a check of the whole frame."""

    decoder: Decoder
    check: FrameCheck

    def parse(self, data: bytes) -> Fields:
        """Return the fields. Reasons: ``checksum``, and those of the decoder."""
        return self.decoder.parse(self.check.apply(data))

    def getter(self, source: str) -> Getter:
        """Return the picker of the decoder behind it."""
        return self.decoder.getter(source)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**self.decoder.to_dict(), "frame_check": self.check.to_dict()}


def case_of(data: Any, decoder: Decoder, path: str) -> Case:
    """Return the case described by ``data``, read by ``decoder``; raises ProfileError."""
    name, length, source, equals = (data.get(key) for key in ("name", "length", "source", "equals"))
    if not isinstance(name, str) or not name or "." in name:
        raise ProfileError(f"{path}.name", "must be a text without a dot")
    if length is not None and (type(length) is not int or length < 1):
        raise ProfileError(f"{path}.length", "must be a whole number from 1")
    try:
        prefix = parse_bytes(data.get("prefix", ""))
    except (TypeError, ValueError) as err:
        raise ProfileError(f"{path}.prefix", "must be a text of bytes") from err
    if source is not None:
        if not isinstance(source, str) or not isinstance(equals, str):
            raise ProfileError(path, "needs source and equals")
        try:
            decoder.getter(source)
        except ValueError as err:
            raise ProfileError(f"{path}.source", f"{source!r} is no field of this decoder") from err
    return Case(name=name, decoder=decoder, prefix=prefix, length=length, source=source, equals=equals or "")
