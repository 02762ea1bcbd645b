"""Steps of the config flow that make a Bluetooth LE link from a connected peripheral, and change one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry, ConfigFlowResult
from homeassistant.core import callback
import probatio

from ..bridge.channels import Channel, DeviceProfile
from ..bridge.channels.profile import unique_key
from ..bridge.channels.recognise_messages import recognise_messages
from ..bridge.codecs.characteristics import CharacteristicsDecoder
from ..bridge.errors import LinkError, ProfileError
from ..bridge.links.ble_profiles import combined, link_data, with_patience
from ..bridge.links.probe import LinkProbe
from ..bridge.profiles import Profile
from ..connections.bluetooth import async_load_bluetooth
from ..connections.serial import LINES, link_framing
from ..const import SUBENTRY_DEVICE
from ..device_start import read_profile
from .ble_connect_steps import BleConnectSteps
from .ble_form import (
    CONF_CHARACTERISTICS,
    CONF_CONNECTING,
    CONF_PROFILES,
    CONF_RECEIVE,
    CONF_SEND,
    characteristics_data,
    characteristics_schema,
    connection_data,
    profiles_schema,
    reconfigure_data,
    reconfigure_schema,
    stream_schema,
)
from .ble_watching import Watching
from .listening import Listening
from .message_fields import message_fields_schema
from .recognised_form import CONF_FIELDS, async_recognised_placeholders, fields_schema, make_profile

_BAD: Final = {"hex": "bad_hex", "start": "bad_hex", "stream.framing.delimiter": "bad_delimiter"}
"""What a person may write wrongly, by the place that is told."""


class BleSteps(BleConnectSteps):
    """Adds and changes a Bluetooth LE link."""

    _watching: Watching
    _ble_listening: Listening

    @override
    def __init__(self) -> None:
        """Begin with nothing described."""
        super().__init__()
        self._known: DeviceProfile | None = None
        """What profiles make of the chosen characteristics."""

    async def async_step_ble_services(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what the peripheral offers, and what can be made of it."""
        offered = self._offered
        for way in ("notify", "read", "stream"):
            self._data.pop(way, None)  # of another way that was tried before
        ways = ["ble_profiles"] if self._device_profiles else []
        if any(one.notifies or one.is_readable for one in offered):
            ways.append("ble_characteristics")
        if any(one.notifies for one in offered):
            # What a known service of a byte stream is for comes first.
            ways.insert(0 if self._stream else len(ways), "ble_stream")
        return self.async_show_menu(
            step_id="ble_services",
            menu_options=[*ways, "ble_connect"],
            description_placeholders={"name": self._title, "services": self._services_text},
        )

    # ---- known services ----

    async def async_step_ble_discovered(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """A discovered peripheral was confirmed: make it with everything that is known."""
        await self._async_make_once()
        self._know(self._device_profiles)
        return self._create_known()

    async def async_step_ble_as_advertised(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """A discovered peripheral cannot be reached now: make it with what it advertised."""
        decoders = [profile.device.decoder for profile in self._advertised]
        references = [
            reference
            for decoder in decoders
            if isinstance(decoder, CharacteristicsDecoder)
            for reference in decoder.characteristics
        ]
        self._data |= {"notify": [reference for reference in references if "#" not in reference][:1], "read": {}}
        first = set(self._data["notify"])
        device = self._advertised[0].device
        channels = tuple(channel for channel in device.channels if channel.source.partition(":")[0] in first)
        self._known = replace(device, channels=channels)
        ways = [profile.link["connecting"] for profile in self._advertised if "connecting" in profile.link]
        self._data |= {"connecting": next(iter(ways), "always"), "interval": 600.0, "start": []}
        return self._create_known()

    async def async_step_ble_profiles(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose from the profiles that the services propose."""
        errors: dict[str, str] = {}
        if user_input is not None:
            chosen = [profile for profile in self._device_profiles if profile.id in user_input[CONF_PROFILES]]
            if chosen:
                self._know(chosen, connection_data(user_input))
                return await self._async_watch()
            errors[CONF_PROFILES] = "no_fields"
        connecting = link_data(self._device_profiles, self._offered)["connecting"]
        schema = profiles_schema(self._device_profiles, connecting, pair=self._data["pair"])
        return self.async_show_form(
            step_id="ble_profiles",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"services": self._services_text},
        )

    # ---- any characteristic ----

    async def async_step_ble_characteristics(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose what is subscribed to and read."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if not user_input[CONF_CHARACTERISTICS]:
                errors[CONF_CHARACTERISTICS] = "no_fields"
            else:
                self._data |= characteristics_data(user_input, self._offered) | connection_data(user_input)
                chosen = [one for one in self._offered if one.reference in user_input[CONF_CHARACTERISTICS]]
                known = combined(self._device_profiles, chosen)
                self._known = known if known.channels else None
                errors = self._check()
            if not errors:
                return await self._async_watch()
        schema = characteristics_schema(self._offered, pair=self._data["pair"])
        return self.async_show_form(
            step_id="ble_characteristics",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"services": self._services_text},
        )

    async def async_step_ble_watch(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what arrives."""
        if not self._watching.finished:
            return self.async_show_progress(
                step_id="ble_watch",
                progress_action="ble_watching",
                progress_task=self._watching.look(),
                description_placeholders=self._watching.placeholders,
            )
        step = "ble_values"
        if not self._watching.has_heard:
            step = "ble_silent" if self._watching.lost is None else self._step_of(self._watching.lost)
        return self.async_show_progress_done(next_step_id=step)

    async def async_step_ble_watch_again(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Connect and look once more."""
        return await self._async_watch()

    async def async_step_ble_silent(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Connected, but nothing came."""
        all_the_same = ["ble_anyway"] if self._known else []
        return self.async_show_menu(
            step_id="ble_silent",
            menu_options=["ble_watch_again", "ble_services", *all_the_same],
            description_placeholders={"name": self._title},
        )

    async def async_step_ble_anyway(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make a known device that is silent now."""
        return self._create_known()

    async def async_step_ble_values(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Confirm the values of a known device, or tick those that were found."""
        known = self._known.channels if self._known else ()
        covered = {channel.source.partition(":")[0] for channel in known}
        unknown = {
            reference: list(seen) for reference, seen in self._watching.messages.items() if reference not in covered
        }
        names = {one.reference: one.name for one in self._offered}
        recognition = await self.hass.async_add_executor_job(recognise_messages, unknown, names)
        errors: dict[str, str] = {}
        if user_input is not None:
            found = make_profile(recognition, user_input.get(CONF_FIELDS, []))
            if known or found.channels:
                self._known = _merged(self._known, found)
                return self._create_known()
            errors[CONF_FIELDS] = "no_fields"
        return self.async_show_form(
            step_id="ble_values",
            data_schema=probatio.Schema(message_fields_schema(recognition)),
            errors=errors,
            description_placeholders=self._watching.placeholders,
        )

    # ---- a byte stream ----

    async def async_step_ble_stream(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the characteristics of a byte stream, and listen as on a serial port."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self._data |= connection_data(user_input)
            self._data["stream"] = {
                "receive": user_input[CONF_RECEIVE],
                "send": user_input.get(CONF_SEND),
                "framing": link_framing(user_input),
            }
            errors = self._check()
            if not errors:
                return await self.async_step_ble_listen_again()
        schema = stream_schema(self._offered, self._stream, pair=self._data["pair"])
        return self.async_show_form(
            step_id="ble_stream",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"services": self._services_text},
        )

    async def async_step_ble_listen_again(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Connect and listen."""
        from ..connections import ble  # brings bleak

        probe = LinkProbe(ble.make_ble_transport(self.hass, self._data))
        # Who wrote how messages end knows better than what was recognised.
        is_open = self._data["stream"]["framing"] == LINES
        self._ble_listening = Listening(self.hass, probe, finds_framing=is_open)
        self._stop_listening = self._ble_listening.stop
        try:
            await probe.open()
        except LinkError as err:
            await probe.close()
            return await self._async_show_step(self._step_of(err))
        return await self.async_step_ble_listen()

    async def async_step_ble_listen(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what arrives, until it is understood or time is up."""
        listening = self._ble_listening
        if listening.finished:
            step = "ble_recognised" if listening.recognition.fields else "ble_not_recognised"
            return self.async_show_progress_done(next_step_id=step)
        return self.async_show_progress(
            step_id="ble_listen",
            progress_action="listening",
            progress_task=listening.look(),
            description_placeholders=listening.placeholders,
        )

    async def async_step_ble_recognised(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Tick the fields that become entities."""
        recognition = self._ble_listening.recognition
        errors: dict[str, str] = {}
        if user_input is not None:
            if sources := user_input[CONF_FIELDS]:
                if (framing := self._ble_listening.framing) is not None:
                    self._data["stream"]["framing"] = framing
                return self._create_link(self._title, make_profile(recognition, sources))
            errors[CONF_FIELDS] = "no_fields"
        return self.async_show_form(
            step_id="ble_recognised",
            data_schema=probatio.Schema(fields_schema(recognition)),
            errors=errors,
            description_placeholders=await async_recognised_placeholders(self.hass, self._ble_listening, recognition),
        )

    async def async_step_ble_not_recognised(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Nothing came, or nothing that is understood."""
        return self.async_show_menu(
            step_id="ble_not_recognised",
            menu_options=["ble_listen_again", "ble_stream", "ble_without_device"],
            description_placeholders=self._ble_listening.placeholders,
        )

    async def async_step_ble_without_device(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the link alone; devices can be added to it later."""
        return self._create_link()

    # ---- changes ----

    async def async_step_reconfigure_ble(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change when the link is connected, how often is read, and what starts the device."""
        entry = self._get_reconfigure_entry()
        if not await async_load_bluetooth(self.hass):
            return self.async_abort(reason="no_bluetooth")
        errors: dict[str, str] = {}
        if user_input is not None:
            self._data = reconfigure_data(user_input, entry.data)
            errors = self._check()
            if not errors:
                self._let_devices_wait(entry)
                return self._update_link(entry, data=self._data)
        schema = self.add_suggested_values_to_schema(reconfigure_schema(entry.data), user_input)
        return self.async_show_form(step_id="reconfigure_ble", data_schema=schema, errors=errors)

    # ---- what the steps share ----

    @property
    def _device_profiles(self) -> list[Profile]:
        return [profile for profile in self._profiles if profile.device.channels]

    @property
    def _stream(self) -> Mapping[str, str]:
        """The characteristics of a known byte stream, empty when there is none."""
        return next((profile.link["stream"] for profile in self._profiles if "stream" in profile.link), {})

    @callback
    def _know(self, profiles: Sequence[Profile], connection: Mapping[str, Any] | None = None) -> None:
        """Keep what the link does for ``profiles``, and the device that they make."""
        self._data |= {"interval": 600.0, "start": [], **link_data(profiles, self._offered), **(connection or {})}
        self._known = combined(profiles, self._offered)

    @callback
    def _check(self) -> dict[str, str]:
        """Return the errors of what a person wrote."""
        from ..bridge.links.ble_link import BleDescription  # brings bleak

        try:
            BleDescription.from_dict(self._data)
        except ProfileError as err:
            return {"base": _BAD.get(err.path, "bad_link")}
        return {}

    @callback
    def _let_devices_wait(self, entry: ConfigEntry) -> None:
        """Values are as old as the changed link lets them become."""
        for subentry in entry.get_subentries_of_type(SUBENTRY_DEVICE):
            device = read_profile(subentry)
            if device is not None and isinstance(device.decoder, CharacteristicsDecoder):
                patient = with_patience(device, self._data).to_dict()
                self.hass.config_entries.async_update_subentry(entry, subentry, data=patient)

    async def _async_watch(self) -> ConfigFlowResult:
        from ..connections import ble  # brings bleak

        references = dict.fromkeys([*self._data["notify"], *self._data["read"]])
        names = {one.reference: one.name for one in self._offered if one.reference in references}
        # Whatever the way of connecting will be: now a person is waiting.
        transport = ble.make_ble_transport(self.hass, {**self._data, CONF_CONNECTING: "always"})
        self._watching = Watching(self.hass, transport, names, self._known)
        self._stop_listening = self._watching.stop
        try:
            await self._watching.open()
        except LinkError as err:
            return await self._async_show_step(self._step_of(err))
        return await self.async_step_ble_watch()

    async def _async_show_step(self, step: str) -> ConfigFlowResult:
        result: ConfigFlowResult = await getattr(self, f"async_step_{step}")()
        return result

    @callback
    def _create_known(self) -> ConfigFlowResult:
        return self._create_link(self._title, with_patience(self._known, self._data) if self._known else None)


def _merged(known: DeviceProfile | None, found: DeviceProfile) -> DeviceProfile:
    """Return one device with the channels of both."""
    if known is None:
        return found
    if not found.channels:
        return known
    decoders: dict[str, Any] = {}
    for each in (found, known):
        if isinstance(each.decoder, CharacteristicsDecoder):
            decoders |= each.decoder.characteristics
    channels: list[Channel] = list(known.channels)
    for channel in found.channels:
        channels.append(replace(channel, key=unique_key(channel.key, {other.key for other in channels})))
    decoder = CharacteristicsDecoder(characteristics=decoders)
    return replace(known, decoder=decoder, channels=tuple(channels))
