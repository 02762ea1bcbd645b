"""Actions of recordings: start, stop, list, delete; all of them answer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from homeassistant.const import ATTR_NAME
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_excluded_entity_ids,
    async_extract_referenced_entity_ids,
)
from homeassistant.requirements import RequirementsNotFound, async_process_requirements
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType
import probatio

from .bridge.channels import Channel
from .bridge.errors import BridgeError
from .bridge.recordings import RecordingState, RunningRecording
from .bridge.recordings.running import MAX_RATE_HZ
from .bridge.streams import OverflowPolicy
from .const import DOMAIN
from .coordinator import SessionCoordinator
from .device_taps import async_coordinators, tappable_channels
from .live_sensor import live_unique_id
from .recording_view import LINK_LIFETIME, async_register_views, signed_link
from .recordings import ATTR_RECORDING, DATA_RECORDINGS, RecordingRequest

SERVICE_START: Final = "start_recording"
SERVICE_STOP: Final = "stop_recording"
SERVICE_LIST: Final = "list_recordings"
SERVICE_DELETE: Final = "delete_recording"

ATTR_CHANNELS: Final = "channels"
ATTR_RATE: Final = "rate"
ATTR_DURATION: Final = "duration"
ATTR_FORMAT: Final = "format"
ATTR_LAYOUT: Final = "layout"
ATTR_OVERFLOW: Final = "overflow"

PARQUET_REQUIREMENT: Final = "pyarrow>=22"
_PARQUET: Final = "parquet"
_FORMATS: Final = ("csv", "jsonl", "sqlite", _PARQUET)
_LAYOUTS: Final = ("wide", "long")

_TARGET: Final = cv.TARGET_SERVICE_FIELDS
START_SCHEMA: Final = probatio.Schema(
    {
        **_TARGET,
        probatio.Optional(ATTR_NAME): probatio.All(cv.string, probatio.Length(max=255)),
        probatio.Optional(ATTR_CHANNELS): probatio.All(cv.ensure_list, [cv.string]),
        probatio.Optional(ATTR_RATE): probatio.All(
            probatio.Coerce(float), probatio.Range(min=0, max=MAX_RATE_HZ, min_included=False)
        ),
        # No time at all would be taken for "until it is stopped".
        probatio.Optional(ATTR_DURATION): probatio.All(
            cv.positive_time_period, probatio.Range(min=timedelta(0), min_included=False)
        ),
        probatio.Optional(ATTR_FORMAT, default="csv"): probatio.In(_FORMATS),
        probatio.Optional(ATTR_LAYOUT, default="wide"): probatio.In(_LAYOUTS),
        probatio.Optional(ATTR_OVERFLOW, default=OverflowPolicy.BLOCK): probatio.Coerce(OverflowPolicy),
    }
)
STOP_SCHEMA: Final = probatio.Schema({**_TARGET, probatio.Optional(ATTR_RECORDING): cv.string})
LIST_SCHEMA: Final = probatio.Schema({})
DELETE_SCHEMA: Final = probatio.Schema(
    {probatio.Required(ATTR_RECORDING): probatio.All(cv.ensure_list, [cv.string], probatio.Length(min=1))}
)


@callback
def async_setup_recording_services(hass: HomeAssistant) -> None:
    """Register the actions, and the downloads that they link to."""
    async_register_views(hass)
    optional = SupportsResponse.OPTIONAL
    register = hass.services.async_register
    register(DOMAIN, SERVICE_START, _async_start, schema=START_SCHEMA, supports_response=optional)
    register(DOMAIN, SERVICE_STOP, _async_stop, schema=STOP_SCHEMA, supports_response=optional)
    register(DOMAIN, SERVICE_LIST, _async_list, schema=LIST_SCHEMA, supports_response=SupportsResponse.ONLY)
    async_register_admin_service(
        hass, DOMAIN, SERVICE_DELETE, _async_delete, schema=DELETE_SCHEMA, supports_response=optional
    )


def recording_title(names: Iterable[str]) -> str:
    """Return the name of a recording that was given none: its devices and the time."""
    return f"{', '.join(names)} {dt_util.now():%Y-%m-%d %H-%M-%S}"


async def async_begin(hass: HomeAssistant, request: RecordingRequest) -> RunningRecording:
    """Begin a recording. Raises HomeAssistantError."""
    if request.suffix == f".{_PARQUET}":
        await _async_install_parquet(hass)
    try:
        return await hass.data[DATA_RECORDINGS].async_start(request)
    except (ValueError, BridgeError, OSError) as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="recording_not_started",
            translation_placeholders={"error": str(err)},
        ) from err


async def _async_start(call: ServiceCall) -> ServiceResponse:
    """Begin one recording of all that is targeted. Raises HomeAssistantError, ServiceValidationError."""
    data = call.data
    devices = _targeted(call.hass, data)
    if (wanted := data.get(ATTR_CHANNELS)) is not None:
        devices = _restricted(devices, wanted)
    duration: timedelta | None = data.get(ATTR_DURATION)
    request = RecordingRequest(
        devices=devices,
        title=_given_title(data) or recording_title(coordinator.shown_name for coordinator, _ in devices),
        suffix=f".{data[ATTR_FORMAT]}",
        wide=data[ATTR_LAYOUT] == "wide",
        rate_hz=data.get(ATTR_RATE),
        duration=duration.total_seconds() if duration else None,
        overflow=data[ATTR_OVERFLOW],
    )
    return (await async_begin(call.hass, request)).summary()


async def _async_stop(call: ServiceCall) -> ServiceResponse:
    """End recordings: the one of a name, those of targets, or all. Raises ServiceValidationError."""
    recordings = call.hass.data[DATA_RECORDINGS]
    running = list(recordings.catalogue.running)
    if (name := call.data.get(ATTR_RECORDING)) is not None:
        running = [recording for recording in running if recording.name == name]
        if not running:
            raise _unknown(name)
    elif set(call.data):
        prefixes = [coordinator.unique_prefix for coordinator, _ in _targeted(call.hass, call.data)]
        running = [recording for recording in running if any(recording in recordings.of_device(p) for p in prefixes)]
    for recording in running:
        await recording.stop()
    return {"recordings": [recording.summary() for recording in running]}


async def _async_list(call: ServiceCall) -> ServiceResponse:
    """Return all recordings, the newest first, with links to those that are complete. Raises HomeAssistantError.

    Raw captures, whose messages may hold what no entity shows, are for administrators and automations.
    """
    recordings = call.hass.data[DATA_RECORDINGS]
    user = await call.hass.auth.async_get_user(call.context.user_id) if call.context.user_id else None
    sees_captures = user is None or user.is_admin
    entries = [info for info in await recordings.async_entries() if sees_captures or not info.is_capture]
    listed: list[JsonValueType] = []
    for info in entries:
        facts = info.to_dict()
        if info.state is not RecordingState.RUNNING:
            facts["url"] = signed_link(call.hass, info.name)
        listed.append(facts)
    return {
        "recordings": listed,
        "bytes": sum(info.size for info in entries),
        "folder": str(recordings.catalogue.folder),
        "links_expire": (dt_util.utcnow() + LINK_LIFETIME).isoformat(),
    }


async def _async_delete(call: ServiceCall) -> ServiceResponse:
    """Delete recordings. Raises ServiceValidationError for an unknown name, HomeAssistantError."""
    recordings = call.hass.data[DATA_RECORDINGS]
    known = {info.name for info in await recordings.async_entries()}
    for name in call.data[ATTR_RECORDING]:
        if name not in known:
            raise _unknown(name)  # before any of the others is gone
    deleted: list[JsonValueType] = []
    for name in call.data[ATTR_RECORDING]:
        try:
            deleted.append((await recordings.async_delete(name)).name)
        except LookupError as err:
            raise _unknown(name) from err
        except (BridgeError, OSError) as err:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="recording_not_deleted",
                translation_placeholders={"name": name, "error": str(err)},
            ) from err
    return {"deleted": deleted}


def _given_title(data: Mapping[str, Any]) -> str:
    """Return the wanted name without the ending that the file has anyway, empty for none."""
    name: str = data.get(ATTR_NAME, "")
    return name.strip().removesuffix(f".{data[ATTR_FORMAT]}").strip()


def _targeted(hass: HomeAssistant, data: Mapping[str, Any]) -> list[tuple[SessionCoordinator[Any], Sequence[Channel]]]:
    """Return the devices that are targeted, whole or by the channels of entities, without what is excluded."""
    selection = TargetSelection(dict(data))
    selected = async_extract_referenced_entity_ids(hass, selection)
    coordinators = async_coordinators(hass)
    devices = dr.async_get(hass)
    found: dict[str, dict[str, Channel]] = {}
    for device_id in selected.referenced_devices:
        device = devices.async_get(device_id)
        for domain, identifier in device.identifiers if device is not None else ():
            if domain == DOMAIN and identifier in coordinators:
                channels = tappable_channels(coordinators[identifier])
                found[identifier] = {channel.key: channel for channel in channels}
    for prefix, channel in _channels_of(hass, coordinators, selected.referenced | selected.indirectly_referenced):
        found.setdefault(prefix, {})[channel.key] = channel
    for prefix, channel in _channels_of(hass, coordinators, async_extract_excluded_entity_ids(hass, selection)):
        found.get(prefix, {}).pop(channel.key, None)
    if not any(found.values()):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="nothing_to_record",
            translation_placeholders={
                "targets": ", ".join(each for field in cv.TARGET_ID_KEYS for each in cv.ensure_list(data.get(field)))
                or "-"
            },
        )
    return [
        (coordinators[prefix], list(found[prefix].values())) for prefix in coordinators if found.get(prefix)
    ]  # in the order of the entries, whatever order the targets have


def _channels_of(
    hass: HomeAssistant, coordinators: Mapping[str, SessionCoordinator[Any]], entity_ids: Iterable[str]
) -> Iterator[tuple[str, Channel]]:
    """Yield the channels that these entities show, each with the unique prefix of its device."""
    entities = er.async_get(hass)
    for entity_id in entity_ids:
        registered = entities.async_get(entity_id)
        if registered is None or registered.platform != DOMAIN:
            continue
        for prefix, coordinator in coordinators.items():
            for channel in tappable_channels(coordinator):
                if registered.unique_id in (f"{prefix}_{channel.key}", live_unique_id(prefix, channel.key)):
                    yield prefix, channel


def _restricted(
    devices: Sequence[tuple[SessionCoordinator[Any], Sequence[Channel]]], wanted: Sequence[str]
) -> list[tuple[SessionCoordinator[Any], Sequence[Channel]]]:
    """Return the devices with the wanted channels only, which are named by key or name."""
    names = {name.casefold() for name in wanted}
    known = {text.casefold() for _, channels in devices for channel in channels for text in (channel.key, channel.name)}
    if unknown := [name for name in wanted if name.casefold() not in known]:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="unknown_channels",
            translation_placeholders={"channels": ", ".join(unknown)},
        )
    chosen = [
        (coordinator, [each for each in channels if names & {each.key.casefold(), each.name.casefold()}])
        for coordinator, channels in devices
    ]
    return [(coordinator, channels) for coordinator, channels in chosen if channels]


async def _async_install_parquet(hass: HomeAssistant) -> None:
    """Install what Parquet needs. Raises HomeAssistantError where it does not exist."""
    try:
        await async_process_requirements(hass, DOMAIN, [PARQUET_REQUIREMENT], is_built_in=False)
    except RequirementsNotFound as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="parquet_not_available",
            translation_placeholders={"requirement": PARQUET_REQUIREMENT},
        ) from err


def _unknown(name: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key="unknown_recording", translation_placeholders={"name": name}
    )
