"""Fields between separators, as CSV and most line protocols have them."""

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ...errors import DecodeError, ProfileError
from ..checks import FieldCheck
from .decoder import Fields, Getter, number_reader, require_encoding, require_flag, require_text, text_of


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparatedDecoder:
    """Fields by position between separators; a source is the position, counted from 0."""

    separator: str = ";"
    fields: int | None = None
    """Fields that every frame has; a frame with another number is cut or garbled."""
    check: FieldCheck | None = None
    encoding: str = "utf-8"
    decimal_comma: bool = False
    leading_number: bool = False
    """Of ``12.5 g`` only the number counts."""

    def parse(self, data: bytes) -> list[str]:
        """Return the texts between the separators. Reasons: ``checksum``, ``encoding``, ``field_count``."""
        if self.check is not None:
            self.check.verify(data, self.separator.encode())
        text = text_of(data, self.encoding)
        # A blank separator stands for any run of white space, as people see columns.
        fields = text.split() if self.separator == " " else text.split(self.separator)
        if self.fields is not None and len(fields) != self.fields:
            raise DecodeError("field_count", f"{len(fields)} instead of {self.fields}")
        return fields

    def getter(self, source: str) -> Getter:
        """Return the picker of one position."""
        position = int(source)
        if position < 0:
            raise ValueError(f"a position counts from 0, got {source}")
        read = number_reader(decimal_comma=self.decimal_comma, leading_number=self.leading_number)
        if read is None:
            return itemgetter(position)

        def pick(fields: Fields) -> str:
            return read(fields[position])

        return pick

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "kind": "separated",
            "separator": self.separator,
            "fields": self.fields,
            "check": self.check.to_dict() if self.check else None,
            "encoding": self.encoding,
            "decimal_comma": self.decimal_comma,
            "leading_number": self.leading_number,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], path: str) -> SeparatedDecoder:
        """Return the decoder described by ``data``; raises ProfileError."""
        fields, check = data.get("fields"), data.get("check")
        separator = require_text(data, "separator", path)
        if fields is not None and (type(fields) is not int or fields < 1):
            raise ProfileError(f"{path}.fields", "must be a whole number from 1")
        return cls(
            separator=separator,
            fields=fields,
            check=None if check is None else FieldCheck.from_dict(check, f"{path}.check"),
            encoding=require_encoding(data, path),
            decimal_comma=require_flag(data, "decimal_comma", path),
            leading_number=require_flag(data, "leading_number", path),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyValueDecoder:
    """Named values in any order (``T=21.5;H=40``, or lines of ``label<TAB>value``); a source is the name."""

    separator: str = "="
    """Between name and value."""
    between: str = ";"
    """Between two pairs; a blank stands for any white space, a line feed for any line end."""
    encoding: str = "utf-8"
    decimal_comma: bool = False
    leading_number: bool = False

    def parse(self, data: bytes) -> dict[str, str]:
        """Return the texts by name; the last one counts. Reasons: ``encoding``, ``key_value``."""
        fields = {}
        for pair in self.pairs(text_of(data, self.encoding)):
            name, separator, value = pair.partition(self.separator)
            if separator and (key := name.strip()):
                fields[key] = value.strip()
        if not fields:
            raise DecodeError("key_value", f"no name and {self.separator!r}")
        return fields

    def pairs(self, text: str) -> list[str]:
        """Return what stands between the separators of pairs, whether it is one or not."""
        match self.between:
            case " ":
                return text.split()
            case "\n":
                return text.splitlines()
            case between:
                return text.split(between)

    def getter(self, source: str) -> Getter:
        """Return the picker of one name."""
        if not source.strip():
            raise ValueError("a name must not be empty")
        read = number_reader(decimal_comma=self.decimal_comma, leading_number=self.leading_number)
        if read is None:
            return itemgetter(source)

        def pick(fields: Fields) -> str:
            return read(fields[source])

        return pick

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "kind": "key_value",
            "separator": self.separator,
            "between": self.between,
            "encoding": self.encoding,
            "decimal_comma": self.decimal_comma,
            "leading_number": self.leading_number,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], path: str) -> KeyValueDecoder:
        """Return the decoder described by ``data``; raises ProfileError."""
        return cls(
            separator=require_text(data, "separator", path, "="),
            between=require_text(data, "between", path, ";"),
            encoding=require_encoding(data, path),
            decimal_comma=require_flag(data, "decimal_comma", path),
            leading_number=require_flag(data, "leading_number", path),
        )
