"""Home Assistant's MQTT discovery: the devices of an app that runs elsewhere appear through its MQTT integration.

What is offered is what the app says of its devices: the fields of a ``state_model``, the ``@controls`` of a handler.
Other values that a device publishes are offered with its first state that holds them, by what they look like.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
import logging
from numbers import Real
import re
from typing import Any

from ..controls import ButtonControl, Control, NumberControl, SelectControl, SwitchControl, controls_of
from ..payloads import Path, leaves, to_json
from ..runners.registrations import Registration
from ..runners.services import Services, load_store, save_store
from ..runners.states import declared_fields
from ..schema import ConsumerMeta, choices
from ..topics import device_topic, status_topic
from .registry import Registry

_LOGGER = logging.getLogger(__name__)

MAX_INFERRED = 200
"""Values of one device that are offered without being declared; keys that never repeat must not fill a registry."""
_STORE = "/discovery"
"""No device can have this name."""
_KINDS: dict[str, type] = {"bool": bool, "float": float, "str": str}
_ONLINE = "{{ 'offline' if value == 'offline' else 'online' }}"


type Inferred = Mapping[str, Mapping[Path, type]]
"""What was found in the states of devices: the kinds of values by their path."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """Whose devices are offered, and below which ``discovery_prefix``."""

    app: str
    version: str
    discovery_prefix: str
    topic_prefix: str
    enrich: Callable[[str, str, dict[str, Any]], None] | None = None

    def messages(self, registry: Registry, inferred: Inferred) -> dict[str, dict[str, object]]:
        """Return the configurations by topic: that of the app, and one for each device that has something to show."""
        running: dict[str, object] = {
            "platform": "binary_sensor",
            "name": "Running",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": status_topic(self.topic_prefix),
            "value_template": "{{ 'OFF' if value == 'offline' else 'ON' }}",
        }
        messages = [self._message(self._id(), {"name": self.app}, {"running": running}, availability=[])]
        for name in registry.names:
            registrations = [each for each in registry.all if each.name == name]
            if components := self._components(registrations, inferred.get(name, {})):
                device: dict[str, object] = {"name": _readable(name), "via_device": self._id()}
                available = {"topic": self._topic(registrations[0], "availability")}
                messages.append(self._message(self._id(name), device, components, availability=[available]))
        return dict(messages)

    def _message(
        self, own_id: str, device: dict[str, object], components: dict[str, Any], *, availability: list[dict[str, str]]
    ) -> tuple[str, dict[str, object]]:
        for key, component in components.items():
            component["unique_id"] = f"{own_id}_{_slug(key)}"
        alive = {"topic": status_topic(self.topic_prefix), "value_template": _ONLINE}
        payload: dict[str, object] = {
            "device": {"identifiers": [own_id], "sw_version": self.version, **device},
            "origin": {"name": self.app, "sw_version": self.version},
            "components": components,
            # The app's own connectivity is known at any time.
            **({"availability": [alive, *availability], "availability_mode": "all"} if availability else {}),
        }
        return f"{self.discovery_prefix}/device/{own_id}/config", payload

    def _components(
        self, registrations: list[Registration], inferred: Mapping[Path, type]
    ) -> dict[str, dict[str, object]]:
        components: dict[str, dict[str, object]] = {}
        state = self._topic(registrations[0], "state")
        for path, kind in inferred.items():
            components[".".join(map(str, path))] = {"state_topic": state, **_shown(path, kind, {})}
        for registration in registrations:
            for field in declared_fields(registration):
                shown = _shown(field.path, field.kind, field.metadata, choices(field))
                components[".".join(field.path)] = {"state_topic": state, **shown}
            for control in controls_of(registration.func):
                command = f"{control.sub_topic}/set" if control.sub_topic else "set"
                shown = {"state_topic": state} if control.state else {}
                components[f"control {control.name}"] = {
                    "name": control.name,
                    "command_topic": self._topic(registration, command),
                    **shown,
                    **_commanded(control),
                }
        for key, component in components.items():
            self._enrich(registrations[0].name, key, component)
        return components

    def _enrich(self, device: str, key: str, component: dict[str, Any]) -> None:
        try:
            if self.enrich is not None:
                self.enrich(device, key, component)
        except Exception:
            _LOGGER.exception("Enriching %s of %s failed", key, device)

    def _topic(self, registration: Registration, channel: str) -> str:
        return device_topic(self.topic_prefix, registration.name, channel, is_root=registration.is_root)

    def _id(self, device: str = "") -> str:
        return _slug(f"{self.topic_prefix}/{device}" if device else self.topic_prefix)


class DiscoveryPublisher:
    """Publishes the configurations, retained, and again when a device publishes values that nobody declared.

    With a store they are remembered over a restart, and those of devices that are no more are taken back.
    """

    def __init__(self, discovery: Discovery, registry: Registry, services: Services) -> None:
        self._discovery = discovery
        self._registry = registry
        self._services = services
        self._store = services.device_store(_STORE)
        self._declared = {name: set(_declared(registry, name)) for name in registry.names}
        self._inferred: dict[str, dict[Path, type]] = {}
        self._published: dict[str, str] = {}

    async def start(self) -> None:
        """Publish what is declared, and what was found out before."""
        await load_store(self._store)
        kept: dict[str, list[list[Any]]] = {} if self._store is None else self._store.get("inferred", {})
        for name in kept.keys() & self._declared.keys():
            self._inferred[name] = {tuple(path): _KINDS[kind] for kind, *path in kept[name]}
        messages = await self._publish()
        if self._store is None:
            return
        for topic in self._store.get("topics", []):
            if topic not in messages:
                await self._services.mqtt.publish(topic, "", retain=True, qos=1)
        await self._remember(messages)

    async def take_state(self, device: str, state: dict[str, object]) -> None:
        """Offer what is new in a state of a device."""
        declared, inferred = self._declared.get(device), self._inferred.setdefault(device, {})
        if declared is None:
            return
        new = {
            path: _kind_of(value)
            for path, value in leaves(state)
            if path not in inferred and path not in declared and value is not None
        }
        if new and len(inferred) < MAX_INFERRED:
            inferred.update(list(new.items())[: MAX_INFERRED - len(inferred)])
            await self._remember(await self._publish())

    async def _publish(self) -> dict[str, dict[str, object]]:
        messages = self._discovery.messages(self._registry, self._inferred)
        for topic, message in messages.items():
            payload = to_json(message)
            if self._published.get(topic) != payload:
                self._published[topic] = payload
                await self._services.mqtt.publish(topic, payload, retain=True, qos=1)
        return messages

    async def _remember(self, messages: Mapping[str, object]) -> None:
        if self._store is None:
            return
        inferred = {
            name: [[kind.__name__, *path] for path, kind in found.items()] for name, found in self._inferred.items()
        }
        self._store.update({"topics": list(messages), "inferred": inferred})
        await save_store(self._store, "discovery")


def _declared(registry: Registry, name: str) -> Iterator[Path]:
    """Yield the paths of a device's state that are offered in any case."""
    for registration in registry.all:
        if registration.name != name:
            continue
        for field in declared_fields(registration):
            yield field.path
        for control in controls_of(registration.func):
            if control.state is not None:
                yield tuple(control.state.split("."))


def _kind_of(value: object) -> type:
    if isinstance(value, bool):
        return bool
    return float if isinstance(value, Real) else str


def _shown(path: Path, kind: Any, metadata: ConsumerMeta, options: tuple[str, ...] = ()) -> dict[str, object]:
    """Return the entity that shows a value: a binary sensor or a sensor."""
    value, name = _value(path), metadata.get("display_name") or _readable(" ".join(map(str, path)))
    shown: dict[str, object] = {"name": name}
    shown |= {key: metadata[key] for key in ("device_class", "icon") if key in metadata}
    if kind is bool:
        return {**shown, "platform": "binary_sensor", "value_template": f"{{{{ 'ON' if {value} else 'OFF' }}}}"}
    shown |= {"platform": "sensor", "value_template": f"{{{{ {value} }}}}"}
    if options:
        return {**shown, "device_class": "enum", "options": list(options)}
    if isinstance(kind, type) and issubclass(kind, int | float):
        # Without a class of its own any number may be plotted.
        state_class = metadata.get("state_class", None if "device_class" in metadata else "measurement")
        shown |= {"unit_of_measurement": metadata["unit"]} if "unit" in metadata else {}
        shown |= {"state_class": state_class} if state_class else {}
    return shown


def _commanded(control: Control) -> dict[str, object]:
    """Return what the entity of a control has beside its topics."""
    value = _value(control.state.split(".")) if control.state else None
    template = {} if value is None else {"value_template": f"{{{{ {value} }}}}"}
    match control:
        case NumberControl():
            unit = {"unit_of_measurement": control.unit} if control.unit else {}
            limits = {"min": control.minimum, "max": control.maximum, "step": control.step}
            return {"platform": "number", **limits, **unit, **template}
        case SwitchControl():
            is_on = f"{{{{ 'on' if {value} == true or {value} == {to_json(control.on)} else 'off' }}}}"
            shown = {} if value is None else {"value_template": is_on, "state_on": "on", "state_off": "off"}
            return {"platform": "switch", "payload_on": control.on, "payload_off": control.off, **shown}
        case SelectControl():
            return {"platform": "select", "options": list(control.options), **template}
        case ButtonControl():
            return {"platform": "button", "payload_press": control.payload}
    return {"platform": "text", "max": getattr(control, "max_length", 255), **template}


def _value(path: Iterable[str | int]) -> str:
    """Return the template expression of a value in a JSON object."""
    return "value_json" + "".join(f"[{to_json(key)}]" for key in path)


def _slug(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", name)


def _readable(name: str) -> str:
    words = " ".join(re.split(r"[._/\s-]+", name))
    return words[:1].upper() + words[1:]
