"""Home Assistant's MQTT discovery: the devices of an app that runs elsewhere appear through its MQTT integration.

What is offered is what the app says of its devices: the fields of a ``state_model``, the ``@controls`` of a handler.
"""

from collections.abc import Iterable
from dataclasses import dataclass
import re
from typing import Any

from ..controls import ButtonControl, Control, NumberControl, SelectControl, SwitchControl, controls_of
from ..payloads import to_json
from ..runners.registrations import Registration
from ..runners.services import Services, load_store, save_store
from ..schema import StateField, choices, state_fields
from ..topics import device_topic, status_topic
from .registry import Registry

_STORE = "/discovery"
"""No device can have this name."""
_ONLINE = "{{ 'offline' if value == 'offline' else 'online' }}"


@dataclass(frozen=True, slots=True)
class Discovery:
    """Whose devices are offered, and below which ``discovery_prefix``."""

    app: str
    version: str
    discovery_prefix: str
    topic_prefix: str

    def messages(self, registry: Registry) -> dict[str, dict[str, object]]:
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
        by_name: dict[str, list[Registration]] = {}
        for registration in registry.all:
            by_name.setdefault(registration.name, []).append(registration)
        for name, registrations in by_name.items():
            if components := self._components(registrations):
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

    def _components(self, registrations: list[Registration]) -> dict[str, dict[str, object]]:
        components: dict[str, dict[str, object]] = {}
        for registration in registrations:
            state = self._topic(registration, "state")
            for field in state_fields(registration.state_model) if registration.state_model is not None else ():
                components[".".join(field.path)] = {"state_topic": state, **_shown(field)}
            for control in controls_of(registration.func):
                command = f"{control.sub_topic}/set" if control.sub_topic else "set"
                shown = {"state_topic": state} if control.state else {}
                components[f"control {control.name}"] = {
                    "name": control.name,
                    "command_topic": self._topic(registration, command),
                    **shown,
                    **_commanded(control),
                }
        return components

    def _topic(self, registration: Registration, channel: str) -> str:
        return device_topic(self.topic_prefix, registration.name, channel, is_root=registration.is_root)

    def _id(self, device: str = "") -> str:
        return _slug(f"{self.topic_prefix}/{device}" if device else self.topic_prefix)


async def publish_discovery(discovery: Discovery, registry: Registry, services: Services) -> None:
    """Publish the configurations, retained; with a store those of an earlier run that are no more are cleared."""
    messages = discovery.messages(registry)
    store = services.device_store(_STORE)
    await load_store(store)
    if store is not None:
        for topic in store.get("topics", []):
            if topic not in messages:
                await services.mqtt.publish(topic, "", retain=True, qos=1)
        if store.get("topics") != list(messages):
            store["topics"] = list(messages)
        await save_store(store, "discovery")
    for topic, payload in messages.items():
        await services.mqtt.publish(topic, to_json(payload), retain=True, qos=1)


def _shown(field: StateField) -> dict[str, object]:
    """Return the entity that shows a field: a binary sensor or a sensor."""
    metadata, value = field.metadata, _value(field.path)
    shown: dict[str, object] = {"name": metadata.get("display_name") or _readable(" ".join(field.path))}
    shown |= {key: metadata[key] for key in ("device_class", "icon") if key in metadata}
    if field.kind is bool:
        return {**shown, "platform": "binary_sensor", "value_template": f"{{{{ 'ON' if {value} else 'OFF' }}}}"}
    shown |= {"platform": "sensor", "value_template": f"{{{{ {value} }}}}"}
    if options := choices(field):
        return {**shown, "device_class": "enum", "options": list(options)}
    if isinstance(field.kind, type) and issubclass(field.kind, int | float):
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


def _value(path: Iterable[str]) -> str:
    """Return the template expression of a value in a JSON object."""
    return "value_json" + "".join(f"[{to_json(key)}]" for key in path)


def _slug(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", name)


def _readable(name: str) -> str:
    words = " ".join(re.split(r"[._/\s-]+", name))
    return words[:1].upper() + words[1:]
