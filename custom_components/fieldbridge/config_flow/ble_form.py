"""The forms of a Bluetooth LE link, and how they map to what an entry stores."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from homeassistant.const import CONF_ADDRESS
from homeassistant.data_entry_flow import Required, section
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.codecs.characteristics import CharacteristicInfo, ServiceInfo, short_uuid
from ..bridge.links.ble_profiles import READ_INTERVAL
from ..bridge.profiles import Profile
from ..presentable import printable

CONF_OTHER_ADDRESS: Final = "other_address"
CONF_PROFILES: Final = "profiles"
CONF_CHARACTERISTICS: Final = "characteristics"
CONF_READ_INTERVAL: Final = "read_interval"
CONF_RECEIVE: Final = "receive"
CONF_SEND: Final = "send"
CONF_DELIMITER: Final = "delimiter"
CONF_WRITES: Final = "writes"
CONF_COMMANDED: Final = "commanded"
CONF_CHARACTERISTIC: Final = "characteristic"
CONF_WRITE_TYPE: Final = "write_type"
CONF_START: Final = "start"
CONF_START_HEX: Final = "start_hex"
CONF_CONNECTING: Final = "connecting"
CONF_INTERVAL: Final = "interval"
CONF_PAIR: Final = "pair"
SECTION_CONNECTION: Final = "connection"
SECTION_START: Final = "start_section"
OTHER: Final = "other"
"""The choice of a peripheral that is not heard now."""
_WRITE_TYPES: Final = ["uint8", "sint8", "uint16", "sint16", "uint32", "sint32", "text", "hex"]
_WAYS: Final = ["always", "rate", "seen"]


def _seconds(minimum: float, maximum: float = 86400) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(min=minimum, max=maximum, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="s")
    )


def _choice(options: Sequence[SelectOptionDict], *, multiple: bool = False) -> SelectSelector:
    mode = SelectSelectorMode.LIST if multiple else SelectSelectorMode.DROPDOWN
    return SelectSelector(SelectSelectorConfig(options=list(options), multiple=multiple, mode=mode))


def connection_fields(connecting: str = "always", interval: float = 600, *, pair: bool = False) -> dict[Any, Any]:
    """Return the fields of when the link is connected."""
    return {
        probatio.Required(CONF_CONNECTING, default=connecting): SelectSelector(
            SelectSelectorConfig(options=_WAYS, translation_key=CONF_CONNECTING, mode=SelectSelectorMode.LIST)
        ),
        probatio.Required(CONF_INTERVAL, default=interval): _seconds(10),
        probatio.Required(CONF_PAIR, default=pair): BooleanSelector(),
    }


def _connection_section(connecting: str, *, pair: bool) -> dict[probatio.Marker, Any]:
    fields = probatio.Schema(connection_fields(connecting, pair=pair))
    return {probatio.Required(SECTION_CONNECTION): section(fields, {"collapsed": True})}


def _start_section(offered: Iterable[CharacteristicInfo]) -> dict[probatio.Marker, Any]:
    writable = [characteristic_option(one) for one in offered if one.is_writable]
    if not writable:
        return {}
    fields = probatio.Schema(
        {probatio.Optional(CONF_START): _choice(writable), probatio.Optional(CONF_START_HEX): TextSelector()}
    )
    return {probatio.Required(SECTION_START): section(fields, {"collapsed": True})}


def peripheral_schema(options: Sequence[SelectOptionDict]) -> probatio.Schema:
    """Return the form that chooses a peripheral, or asks for the address of one that is not heard now."""
    # No custom value: the frontend would show the address of what is chosen instead of its name.
    chosen = SelectSelectorConfig(
        options=[*options, SelectOptionDict(value=OTHER, label=OTHER)], translation_key="peripheral"
    )
    is_other: FieldCondition = {"field": CONF_ADDRESS, "operator": ConditionOperator.EQ, "value": OTHER}
    return probatio.Schema(
        {
            Required(CONF_ADDRESS): SelectSelector(chosen),
            Required(CONF_OTHER_ADDRESS, visible=is_other): TextSelector(),
        }
    )


def profiles_schema(profiles: Sequence[Profile], connecting: str, *, pair: bool) -> probatio.Schema:
    """Return the form of the proposed profiles, all of them ticked."""
    options = [SelectOptionDict(value=profile.id, label=profile.name) for profile in profiles]
    return probatio.Schema(
        {
            probatio.Required(CONF_PROFILES, default=[profile.id for profile in profiles]): _choice(
                options, multiple=True
            ),
            **_connection_section(connecting, pair=pair),
        }
    )


def characteristics_schema(offered: Sequence[CharacteristicInfo], *, pair: bool) -> probatio.Schema:
    """Return the form that chooses what is subscribed to and read."""
    options = [characteristic_option(one) for one in offered if one.notifies or one.is_readable]
    return probatio.Schema(
        {
            probatio.Required(CONF_CHARACTERISTICS): _choice(options, multiple=True),
            probatio.Required(CONF_READ_INTERVAL, default=READ_INTERVAL): _seconds(1),
            **_start_section(offered),
            **_connection_section("always", pair=pair),
        }
    )


def stream_schema(offered: Sequence[CharacteristicInfo], stream: Mapping[str, str], *, pair: bool) -> probatio.Schema:
    """Return the form of a byte stream; ``stream`` is what a profile knows of its characteristics."""
    receive = [characteristic_option(one) for one in offered if one.notifies]
    send = [characteristic_option(one) for one in offered if one.is_writable]
    # Cheap devices have a known service without all that belongs to it.
    known = [one["value"] for one in receive if one["value"] == stream.get("receive")]
    default = next(iter([*known, *(one["value"] for one in receive)]), "")
    fields: dict[probatio.Marker, Any] = {probatio.Required(CONF_RECEIVE, default=default): _choice(receive)}
    if send:
        is_known = any(one["value"] == stream.get("send") for one in send)
        suggested = {"suggested_value": stream["send"]} if is_known else None
        fields[probatio.Optional(CONF_SEND, description=suggested)] = _choice(send)
    return probatio.Schema(
        {
            **fields,
            probatio.Required(CONF_DELIMITER, default="\\n"): TextSelector(),
            **_start_section(offered),
            **_connection_section("always", pair=pair),
        }
    )


def command_fields(
    channels: Mapping[str, Mapping[str, Any]], writable: Iterable[CharacteristicInfo]
) -> dict[probatio.Marker, Any]:
    """Return the fields of which value is set, and where and how it is written."""
    known = [SelectOptionDict(value=key, label=channel["name"]) for key, channel in channels.items()]
    targets = [characteristic_option(one) for one in writable]
    return {
        probatio.Required(CONF_COMMANDED): _typed_or(known),
        probatio.Required(CONF_CHARACTERISTIC): _typed_or(targets),
        probatio.Required(CONF_WRITE_TYPE, default="uint8"): SelectSelector(
            SelectSelectorConfig(options=_WRITE_TYPES, mode=SelectSelectorMode.DROPDOWN)
        ),
    }


def target_of_form(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target of a write: characteristic and type."""
    return {"characteristic": short_uuid(form[CONF_CHARACTERISTIC].strip()), "type": form[CONF_WRITE_TYPE]}


def _typed_or(options: Sequence[SelectOptionDict]) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(options=list(options), custom_value=True, mode=SelectSelectorMode.DROPDOWN)
    )


def reconfigure_schema(data: Mapping[str, Any]) -> probatio.Schema:
    """Return the form of what can be changed of a link."""
    rates, rate = _read_rates(data)
    return probatio.Schema(
        {
            **connection_fields(data[CONF_CONNECTING], data[CONF_INTERVAL], pair=data[CONF_PAIR]),
            **({probatio.Required(CONF_READ_INTERVAL, default=rate): _seconds(1)} if rates else {}),
            probatio.Optional(CONF_WRITES, default=[_write_line(one) for one in data["start"]]): TextSelector(
                TextSelectorConfig(multiple=True)
            ),
        }
    )


def _read_rates(data: Mapping[str, Any]) -> tuple[Mapping[str, float], float]:
    """Return the seconds between reads by characteristic, none for a byte stream, and the one that the form shows."""
    rates: Mapping[str, float] = data.get("read", {})
    return rates, min(rates.values(), default=READ_INTERVAL)


def reconfigure_data(form: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changed data of a link."""
    changed = {name: form[name] for name in (CONF_CONNECTING, CONF_INTERVAL, CONF_PAIR)}
    lines = (line.partition("=") for line in form.get(CONF_WRITES, ()) if line.strip())
    changed["start"] = [{"characteristic": short_uuid(where.strip()), "hex": what.strip()} for where, _, what in lines]
    rates, rate = _read_rates(data)
    if CONF_READ_INTERVAL in form and form[CONF_READ_INTERVAL] != rate:
        changed["read"] = dict.fromkeys(rates, float(form[CONF_READ_INTERVAL]))
    return {**data, **changed}


def _write_line(written: Mapping[str, str]) -> str:
    return f"{written['characteristic']} = {written['hex']}"


def connection_data(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the sections of a form say about the connection."""
    connection, start = form[SECTION_CONNECTION], form.get(SECTION_START, {})
    written = start.get(CONF_START_HEX, "").strip()
    return {
        "connecting": connection[CONF_CONNECTING],
        "interval": float(connection[CONF_INTERVAL]),
        "pair": connection[CONF_PAIR],
        "start": [{"characteristic": start[CONF_START], "hex": written}] if written and CONF_START in start else [],
    }


def characteristics_data(form: Mapping[str, Any], offered: Iterable[CharacteristicInfo]) -> dict[str, Any]:
    """Return what is subscribed to and what is read; what can do both is subscribed to and read."""
    chosen = [one for one in offered if one.reference in form[CONF_CHARACTERISTICS]]
    rate = float(form[CONF_READ_INTERVAL])
    return {
        "notify": [one.reference for one in chosen if one.notifies],
        "read": {one.reference: rate for one in chosen if one.is_readable},
    }


def characteristic_option(characteristic: CharacteristicInfo) -> SelectOptionDict:
    """Return a characteristic as a person chooses it: ``Heart Rate Measurement (2a37: notify)``."""
    properties = ", ".join(characteristic.properties)
    label = f"{characteristic.name} ({characteristic.reference}: {properties})"
    return SelectOptionDict(value=characteristic.reference, label=printable(label))


def services_text(services: Iterable[ServiceInfo]) -> str:
    """Return services and characteristics as lines."""
    lines = []
    for service in services:
        lines.append(f"{service.name} ({service.uuid})")
        lines += [f"    {characteristic_option(one)['label']}" for one in service.characteristics]
    return "\n".join(map(printable, lines)) or "-"
