"""Changes to a device that is there: its name and silence, and its channels one by one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntryState, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.channels import DeviceProfile
from ..bridge.channels.profile import unique_key
from ..bridge.errors import ProfileError
from ..bridge.links import Link
from ..bridge.profiles import changes, list_profiles, newer_profile, updated
from ..presentable import given_name, printable
from .channel_form import channel_form, channel_of_form, channel_schema, check_channel, guarded
from .device_export import core_text, is_exportable, profile_text, save_profile
from .filter_preview import SampleSource
from .filter_steps import FilteredDevice, FilterSteps, filterable, with_channel
from .general_form import GENERAL_SCHEMA, general_form, general_of_form
from .modbus_definition import PROFILES_FOLDER
from .presentation import decoded_text, frames_text, source_options
from .recognised_form import own_frames

_CHANNEL: Final = "channel"
_CHANNELS: Final = "channels"
_PROFILE: Final = "profile"
_CORE_YAML: Final = "core_yaml"
_SAVE: Final = "save_profile"
_SHOWN_CHANGES: Final = 50


class DeviceEditFlow(ConfigSubentryFlow, FilterSteps):
    """The steps of reconfiguring a device; each ends with one stored change."""

    has_preview = False

    def __init__(self) -> None:
        """Begin with nothing chosen."""
        self._key: str | None = None
        self._channel_form: dict[str, Any] | None = None
        self._checked_key = ""
        self._checked_device: dict[str, Any] = {}

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose what to change."""
        return self.abort_if_wrong() or self.async_show_menu(step_id="reconfigure", menu_options=self._choices)

    @callback
    def abort_if_wrong(self) -> SubentryFlowResult | None:
        """Return the end of the flow when the stored device cannot be read; forms would only hide what is wrong."""
        try:
            DeviceProfile.from_dict(self._device)
        except ProfileError as err:
            return self.async_abort(reason="bad_profile", description_placeholders={"error": printable(str(err))})
        return None

    async def async_step_general(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change the name, the origin and what silence means."""
        title = self._get_reconfigure_subentry().title
        if user_input is not None:
            name = given_name(user_input[CONF_NAME], title)
            return self._store(general_of_form(user_input), name)
        return self.async_show_form(
            step_id="general",
            data_schema=self.add_suggested_values_to_schema(GENERAL_SCHEMA, general_form(title, self._device)),
        )

    async def async_step_add_channel(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Describe a new channel."""
        return await self.async_step_channel()

    async def async_step_edit_channel(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose the channel to change."""
        if user_input is not None:
            self._key = user_input[_CHANNEL]
            self._channel_form = channel_form(self._channels[self._key])
            return await self.async_step_channel()
        schema = probatio.Schema({probatio.Required(_CHANNEL): self._channel_selector(multiple=False)})
        return self.async_show_form(step_id="edit_channel", data_schema=schema)

    async def async_step_channel(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Describe one channel; what it makes of the last frames is shown before it is stored."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            self._channel_form = user_input
            key = self._key or unique_key(user_input[CONF_NAME], set(self._channels))
            stored = self._channels.get(key)
            channel = guarded(channel_of_form(user_input, key, stored), stored)
            device = {**self._device, _CHANNELS: list({**self._channels, key: channel}.values())}
            errors, placeholders = check_channel(device, channel)
            if not errors:
                self._checked_key, self._checked_device = key, device
                return await self.async_step_check_channel()
        frames = self._recent_frames()
        schema = channel_schema(self._source_options(frames))
        return self.async_show_form(
            step_id="channel",
            data_schema=self.add_suggested_values_to_schema(schema, self._channel_form),
            errors=errors,
            description_placeholders={"frames": frames_text(frames), **placeholders},
        )

    async def async_step_check_channel(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show raw and decoded values; store, or change the description again."""
        profile = DeviceProfile.from_dict(self._checked_device)
        return self.async_show_menu(
            step_id="check_channel",
            menu_options=["save_channel", "channel"],
            description_placeholders={"values": decoded_text(profile, self._checked_key, self._recent_frames())},
        )

    async def async_step_save_channel(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Store the channel."""
        return self._store({_CHANNELS: self._checked_device[_CHANNELS]})

    async def async_step_remove_channels(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose the channels that go, with their entities."""
        errors: dict[str, str] = {}
        if user_input is not None:
            kept = [channel for key, channel in self._channels.items() if key not in user_input[_CHANNELS]]
            if kept:
                return self._store({_CHANNELS: kept})
            errors[_CHANNELS] = "no_channel_left"
        schema = probatio.Schema({probatio.Required(_CHANNELS): self._channel_selector(multiple=True)})
        return self.async_show_form(step_id="remove_channels", data_schema=schema, errors=errors)

    @override
    def filtered_devices(self) -> Mapping[str, FilteredDevice]:
        subentry = self._get_reconfigure_subentry()
        entry = self._get_entry()
        link: Link | None = entry.runtime_data.link if entry.state is ConfigEntryState.LOADED else None
        session = link.sessions.get(subentry.subentry_id) if link else None
        if link is None or session is None:
            return {}
        source = SampleSource(profile=session.profile, frames=link.recent_frames, subscribe=session.on_samples)
        return {subentry.subentry_id: FilteredDevice(title=subentry.title, data=subentry.data, source=source)}

    @override
    def keep_channel(self, device_id: str, channel: dict[str, Any]) -> SubentryFlowResult:
        """Store the channel."""
        return self._store({_CHANNELS: with_channel(self._device, channel)[_CHANNELS]})

    async def async_step_update_profile(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show what a newer version of the device's profile changes; store it on agreement."""
        device = DeviceProfile.from_dict(self._device)
        files = await self.hass.async_add_executor_job(
            list_profiles, Path(self.hass.config.path(*PROFILES_FOLDER.parts))
        )
        profile = newer_profile(device, [file.profile for file in files if file.profile])
        if profile is None:
            return self.async_abort(reason="profile_is_current")
        if user_input is not None:
            return self._store(updated(device, profile).to_dict())
        lines = [printable(line) for line in changes(device, profile)]
        return self.async_show_form(
            step_id="update_profile",
            data_schema=probatio.Schema({}),
            description_placeholders={
                "profile": printable(profile.name),
                "version": str(profile.version),
                "changes": "\n".join(f"- {line}" for line in lines[:_SHOWN_CHANGES]) or "-",
            },
        )

    async def async_step_export(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show the device as text that can be kept, shared and saved as a profile; the device stays as it is."""
        errors: dict[str, str] = {}
        placeholders = {"error": ""}
        if user_input is not None:
            if not user_input[_SAVE]:
                return self.async_abort(reason="exported")
            try:
                name = await self.hass.async_add_executor_job(
                    save_profile, self.hass.config.config_dir, user_input.get(_PROFILE) or ""
                )
            except ProfileError as err:
                errors, placeholders = {_PROFILE: "bad_value"}, {"error": str(err)}
            except FileExistsError:
                errors[_SAVE] = "profile_exists"
            else:
                return self.async_abort(reason="profile_saved", description_placeholders={"file": name})
        entry, subentry = self._get_entry(), self._get_reconfigure_subentry()
        texts = {
            _PROFILE: await self.hass.async_add_executor_job(profile_text, entry, subentry),
            _CORE_YAML: await self.hass.async_add_executor_job(core_text, entry, subentry),
        }
        multiline = TextSelector(TextSelectorConfig(multiline=True))
        fields: dict[probatio.Marker, Any] = {
            probatio.Optional(name, default=text): multiline for name, text in texts.items() if text is not None
        }
        fields[probatio.Required(_SAVE, default=False)] = BooleanSelector()
        return self.async_show_form(
            step_id="export",
            data_schema=self.add_suggested_values_to_schema(probatio.Schema(fields), user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    @property
    def _choices(self) -> list[str]:
        """What can be changed."""
        has_channels = ["edit_channel", "remove_channels"] if self._device[_CHANNELS] else []
        return ["general", "add_channel", *has_channels, *self._filter_choices, *self._profile_choices]

    @property
    def _filter_choices(self) -> list[str]:
        """The filters, where there are numbers that can be watched."""
        entry, subentry = self._get_entry(), self._get_reconfigure_subentry()
        runs = entry.state is ConfigEntryState.LOADED and subentry.subentry_id in entry.runtime_data.link.sessions
        return ["filters"] if runs and filterable(subentry.data) else []

    @property
    def _profile_choices(self) -> list[str]:
        """What concerns the profile: exporting it, and taking a newer one."""
        update = ["update_profile"] if self._device.get("origin") else []
        return [*update, *(["export"] if is_exportable(self._get_entry()) else [])]

    def _source_options(self, frames: list[bytes]) -> list[SelectOptionDict]:
        """Return where values are found in the last frames."""
        return source_options(DeviceProfile.from_dict(self._device).decoder, frames[-1]) if frames else []

    @property
    def _device(self) -> dict[str, Any]:
        return dict(self._get_reconfigure_subentry().data)

    @property
    def _channels(self) -> dict[str, Mapping[str, Any]]:
        """The stored channels by key."""
        return {channel["key"]: channel for channel in self._device[_CHANNELS]}

    @callback
    def _channel_selector(self, *, multiple: bool) -> SelectSelector:
        options = [SelectOptionDict(value=key, label=channel["name"]) for key, channel in self._channels.items()]
        return SelectSelector(SelectSelectorConfig(options=options, multiple=multiple, mode=SelectSelectorMode.LIST))

    @callback
    def _recent_frames(self) -> list[bytes]:
        """Return the device's last frames on the running link, none when it is not loaded."""
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return []
        frames = [frame.data for frame in entry.runtime_data.link.recent_frames]
        return own_frames(DeviceProfile.from_dict(self._device), frames)

    @callback
    def _store(self, changes: dict[str, Any], title: str | None = None) -> SubentryFlowResult:
        """Store the changed device; the link notices and rebuilds this device alone."""
        subentry = self._get_reconfigure_subentry()
        return self.async_update_and_abort(
            self._get_entry(), subentry, title=title or subentry.title, data_updates=changes
        )
