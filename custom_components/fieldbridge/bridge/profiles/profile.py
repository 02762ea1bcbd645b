"""One profile: the description of a device with where it comes from, read from YAML and written as YAML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
import math
import re
from typing import Any, override

from ..channels import Channel, DeviceProfile
from ..channels.profile import SCHEMA_VERSION
from ..codecs.framing import framer_from_dict
from ..errors import ProfileError
from ..yaml_text import Tagged, YamlText, read_yaml, write_yaml

KINDS = ("serial", "modbus", "ble", "mqtt")
"""Kinds of links that a profile can be for."""

_ID = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
_TEXTS = ("name", "source")
_META = {"id", "name", "kind", "version", "source", "link"}
_DEVICE = {"schema_version", *(each.name for each in fields(DeviceProfile))} - {"origin"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """One thing that is wrong in a profile's file."""

    line: int | None
    """From 1; None when the file cannot be read at all."""
    path: str
    """The place in the data (``channels[2].scale``)."""
    message: str

    @override
    def __str__(self) -> str:
        where = ", ".join(part for part in (f"line {self.line}" if self.line else "", self.path) if part)
        return f"{where}: {self.message}" if where else self.message


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """A device as its file describes it."""

    id: str
    name: str
    kind: str
    """The kind of link: one of KINDS."""
    version: int
    """Counts up with every change; a device keeps the version that it was made with."""
    source: str
    """Where the facts come from: a register map, a data sheet, a capture."""
    device: DeviceProfile
    link: Mapping[str, Any] = field(default_factory=dict)
    """What the link should be set to, where the device does not leave a choice (baud rate, framing ...)."""

    def to_dict(self) -> dict[str, Any]:
        """Return the form that the YAML file has."""
        device = replace(self.device, origin=None).to_dict()
        head = {"schema_version": device.pop("schema_version")}
        head |= {name: getattr(self, name) for name in ("id", "name", "kind", "version", "source")}
        return {**head, **({"link": dict(self.link)} if self.link else {}), **device}


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileFile:
    """What became of one file: a profile, or the mistakes that keep it from being one."""

    origin: str
    """Name of the file."""
    profile: Profile | None = None
    mistakes: tuple[Mistake, ...] = ()
    is_shipped: bool = False


def read_profile(text: str, origin: str = "", *, is_shipped: bool = False) -> ProfileFile:
    """Return the profile in a YAML text, or its mistakes with their lines; never raises for what is written there."""
    try:
        document = read_yaml(text)
    except ProfileError as err:
        return ProfileFile(origin=origin, mistakes=(_syntax_mistake(err),), is_shipped=is_shipped)
    errors = [ProfileError(path, "is written twice") for path in document.duplicates]
    errors += list(_strange_values(document.data)) or _mistakes(document.data)
    if errors:
        mistakes = tuple(_mistake(document, err) for err in errors)
        return ProfileFile(origin=origin, mistakes=mistakes, is_shipped=is_shipped)
    data = document.data
    try:
        device = DeviceProfile.from_dict({name: value for name, value in data.items() if name in _DEVICE})
    except ProfileError as err:
        return ProfileFile(origin=origin, mistakes=(_mistake(document, err),), is_shipped=is_shipped)
    head = {name: data[name] for name in ("id", "name", "kind", "version", "source")}
    device = replace(device, origin=f"{data['id']}@{data['version']}")
    profile = Profile(**head, device=device, link=data.get("link") or {})
    return ProfileFile(origin=origin, profile=profile, is_shipped=is_shipped)


def export_profile(profile: Profile) -> str:
    """Return the profile as a YAML text that ``read_profile`` reads; what has its default is left out."""
    data = profile.to_dict()
    data["channels"] = [_without_defaults(channel) for channel in data["channels"]]
    data = {name: value for name, value in data.items() if value is not None and value is not False}
    return write_yaml(data)


def _without_defaults(channel: dict[str, Any]) -> dict[str, Any]:
    defaults = Channel(key="k", name="n", source="s").to_dict() | {"key": None, "name": None, "source": None}
    described = {name: channel[name] for name in ("key", "name", "source", "kind", "state_class", "write")}
    defaults["filters"] = Channel.from_dict(described).to_dict()["filters"]
    write = channel["write"] and _plain_write(channel["write"])
    return {name: value for name, value in (channel | {"write": write}).items() if value != defaults[name]}


def _plain_write(write: dict[str, Any]) -> dict[str, Any]:
    """Return only what the control uses and what is not empty."""
    used = {
        "number": ("minimum", "maximum", "step"),
        "select": ("options",),
        "switch": ("on", "off"),
        "button": ("press",),
        "text": ("max_length",),
    }
    names = ("control", *used[write["control"]], *(["target"] if write["target"] else []))
    return {name: write[name] for name in names}


def _mistakes(data: Any) -> list[ProfileError]:
    """Return everything that is wrong and can be seen without the whole being right."""
    if not isinstance(data, dict):
        return [ProfileError("", "a profile must be a mapping of names to values")]
    errors = [ProfileError(name, "is unknown") for name in data if name not in _META | _DEVICE]
    if data.get("schema_version") != SCHEMA_VERSION:
        errors.append(ProfileError("schema_version", f"must be {SCHEMA_VERSION}"))
    if not (isinstance(data.get("id"), str) and _ID.fullmatch(data["id"])):
        errors.append(ProfileError("id", "must be lower-case letters, digits and _"))
    errors += [
        ProfileError(name, "must be a text") for name in _TEXTS if not (isinstance(data.get(name), str) and data[name])
    ]
    if data.get("kind") not in KINDS:
        errors.append(ProfileError("kind", f"must be one of {', '.join(KINDS)}"))
    if type(data.get("version")) is not int or data["version"] < 1:
        errors.append(ProfileError("version", "must be a whole number from 1"))
    errors += _link_mistakes(data.get("link") or {})
    channels = data.get("channels")
    for index, channel in enumerate(channels if isinstance(channels, list) else ()):
        try:
            Channel.from_dict(channel, f"channels[{index}]")
        except ProfileError as err:
            errors.append(err)
    return errors


def _strange_values(data: Any, path: str = "") -> Iterator[ProfileError]:
    """Yield the values that YAML can write and that mean nothing in a profile."""
    match data:
        case dict():
            for name, value in data.items():
                yield from _strange_values(value, f"{path}.{name}" if path else str(name))
        case list():
            for index, value in enumerate(data):
                yield from _strange_values(value, f"{path}[{index}]")
        case Tagged(tag=tag):
            yield ProfileError(path, f"{tag} means nothing here")
        case float() if not math.isfinite(data):
            yield ProfileError(path, "must be a finite number")


def _link_mistakes(link: Any) -> list[ProfileError]:
    if not isinstance(link, dict):
        return [ProfileError("link", "must be a mapping of names to values")]
    try:
        if link.get("framing") is not None:
            framer_from_dict(link["framing"], "link.framing")
    except ProfileError as err:
        return [err]
    return []


def _mistake(document: YamlText, error: ProfileError) -> Mistake:
    message = str(error).removeprefix(f"{error.path}: ") if error.path else str(error)
    return Mistake(line=document.line(error.path), path=error.path, message=message)


def _syntax_mistake(error: ProfileError) -> Mistake:
    """Return the mistake of a text that is no YAML: its path is ``line N``."""
    number = error.path.removeprefix("line ")
    line = int(number) if number.isdecimal() else None
    message = str(error).removeprefix(f"{error.path}: ") if error.path else str(error)
    return Mistake(line=line, path="", message=message)
