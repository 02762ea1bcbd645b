"""Home Assistant's own ``modbus:`` YAML, pasted, from a file or as the running configuration, to devices."""

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ProfileError
from ...yaml_text import Tagged, read_yaml
from .build import DeviceBuild
from .core_entities import DEFAULT_UNIT, Notes, add_binary_sensor, add_sensor, add_switch
from .options import Options
from .result import Import, ImportedDevice, ImportedLink, Reason, Remark

type Adder = Callable[[Options, DeviceBuild], Notes]

_ADDERS: dict[str, tuple[str, Adder]] = {
    "sensors": ("sensor", add_sensor),
    "binary_sensors": ("binary_sensor", add_binary_sensor),
    "switches": ("switch", add_switch),
}
_UNSUPPORTED = ("climates", "covers", "fans", "lights")
_CONNECTION = (
    *("type", "host", "port", "baudrate", "bytesize", "method", "parity", "stopbits"),
    *("timeout", "delay", "message_wait_milliseconds"),
)
_DEFAULT_HUB = "modbus_hub"


def read_core_yaml(text: str, secrets: Mapping[str, Any] | None = None) -> Import:
    """Return what a YAML text describes; raises ProfileError with the line when it is no YAML.

    The text may be a whole configuration, what stands below ``modbus:``, one hub, or only its entities. ``secrets``
    resolves ``!secret``; one that is missing is remarked.
    """
    document = read_yaml(text, home_assistant=True)
    return _Importer(document.line).read(_resolve(document.data, secrets or {}))


def import_core_config(config: Any) -> Import:
    """Return what a configuration describes that Home Assistant has read already; raises ProfileError."""
    return _Importer(lambda _path: None).read(config)


class _Importer:
    def __init__(self, line_of: Callable[[str], int | None]) -> None:
        self._line_of = line_of
        self._remarks: list[Remark] = []
        self._names: set[tuple[str, str]] = set()

    def read(self, data: Any) -> Import:
        links = tuple(self._link(hub, path) for path, hub in self._hubs(data))
        return Import(links=links, remarks=tuple(self._remarks))

    def _remark(self, reason: Reason, place: str, detail: str, path: str) -> None:
        self._remarks.append(Remark(reason=reason, place=place, detail=detail, line=self._line_of(path)))

    def _hubs(self, data: Any) -> list[tuple[str, dict[str, Any]]]:
        """Return every hub with its path, whichever part of a configuration the data is."""
        if isinstance(data, Mapping) and (keys := [key for key in data if str(key).split(" ")[0] == "modbus"]):
            for key in data:
                if key not in keys:
                    self._remark(Reason.FOREIGN, str(key), "belongs to another integration", str(key))
            return [hub for key in keys for hub in self._hubs_below(data[key], str(key))]
        return self._hubs_below(data, "")

    def _hubs_below(self, data: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
        if isinstance(data, Mapping) and data and not _is_hub(data) and all(_is_hub(each) for each in data.values()):
            return [(f"{path}.{name}" if path else str(name), {"name": name, **hub}) for name, hub in data.items()]
        items = list(data) if isinstance(data, list | tuple) else [data]
        if items and all(isinstance(item, Mapping) and "address" in item and not _is_hub(item) for item in items):
            raise ProfileError(path, "put the entities below sensors:, binary_sensors: or switches:")
        hubs = []
        for index, item in enumerate(items):
            where = f"{path}[{index}]" if isinstance(data, list | tuple) else path
            if not _is_hub(item):
                raise ProfileError(where, "is no hub of Home Assistant's Modbus integration")
            hubs.append((where, dict(item)))
        return hubs

    def _link(self, hub: dict[str, Any], path: str) -> ImportedLink:
        name = str(hub.get("name") or _DEFAULT_HUB)
        connection: dict[str, Any] = {}
        for option in _CONNECTION:
            value = hub.get(option)
            if isinstance(value, Tagged):
                self._remark(Reason.SECRET, f"{name}: {option}", f"{value.tag} {value.value}", _join(path, option))
            elif value is not None:
                connection[option] = value
        for option, value in hub.items():
            if option in _UNSUPPORTED:
                self._unsupported(value, option, _join(path, option))
            elif option not in ("name", *_CONNECTION, *_ADDERS):
                self._remark(Reason.IGNORED, f"{name}: {option}", "", _join(path, str(option)))
        return ImportedLink(name=name, connection=connection, devices=self._devices(hub, name, path))

    def _unsupported(self, entities: Any, platform: str, path: str) -> None:
        for index, entity in enumerate(entities if isinstance(entities, list | tuple) else [entities]):
            name = entity.get("name") if isinstance(entity, Mapping) else None
            where = f"{path}[{index}]"
            self._remark(Reason.UNSUPPORTED, str(name or where), platform, where)

    def _devices(self, hub: dict[str, Any], name: str, path: str) -> tuple[ImportedDevice, ...]:
        builds: dict[Any, DeviceBuild] = {}
        for plural, (platform, add) in _ADDERS.items():
            entities = hub.get(plural)
            # One entity may stand there without a list.
            for index, entity in enumerate(entities if isinstance(entities, list | tuple) else [entities]):
                if entity is not None:
                    self._entity(entity, platform, add, builds, f"{_join(path, plural)}[{index}]")
        devices = []
        for unit, build in builds.items():
            if build.is_empty:  # everything of it is remarked
                continue
            is_secret = isinstance(unit, Tagged)
            if is_secret:
                self._remark(Reason.SECRET, f"{name}: device_address", f"{unit.tag} {unit.value}", path)
            title = name if len(builds) == 1 else f"{name} {unit.value if is_secret else unit}"
            devices.append(build.finish(title, None if is_secret else unit))
        return tuple(devices)

    def _entity(self, entity: Any, platform: str, add: Adder, builds: dict[Any, DeviceBuild], path: str) -> None:
        name = str(entity.get("name", path)) if isinstance(entity, Mapping) else path
        try:
            options = _options(entity, is_known=(platform, name) in self._names)
            unit = _unit(options, entity)
            notes = add(options, builds.setdefault(unit, DeviceBuild()))
            self._names.add((platform, name))
        except ProfileError as err:
            self._remark(Reason.INVALID, name, str(err), path)
            return
        for reason, detail in notes:
            self._remark(reason, name, detail, path)
        for option in options.left_over("structure", "slave", "device_address"):
            self._remark(Reason.IGNORED, name, option, path)


def _options(entity: Any, *, is_known: bool) -> Options:
    if isinstance(entity, Tagged):
        raise ProfileError("", f"{entity.tag} {entity.value} cannot be followed")
    if is_known:
        raise ProfileError("name", "is used twice; Home Assistant does not load the second one")
    return Options(entity)


def _unit(options: Options, entity: Mapping[str, Any]) -> int | Tagged:
    for name in ("slave", "device_address"):
        value = entity.get(name)
        if isinstance(value, Tagged) and value.tag == "!secret":
            return value
        unit = options.integer(name, high=255)
        if unit is not None:
            return unit
    return DEFAULT_UNIT


def _is_hub(data: Any) -> bool:
    known = {*_ADDERS, *_UNSUPPORTED}
    return isinstance(data, Mapping) and (bool(known & set(data)) or ("type" in data and "address" not in data))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _resolve(data: Any, secrets: Mapping[str, Any]) -> Any:
    """Return the data with every secret that is known in its place."""
    if isinstance(data, Tagged):
        return secrets.get(str(data.value), data) if data.tag == "!secret" else data
    if isinstance(data, dict):
        return {name: _resolve(value, secrets) for name, value in data.items()}
    if isinstance(data, list):
        return [_resolve(value, secrets) for value in data]
    return data
