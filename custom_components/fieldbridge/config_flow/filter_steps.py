"""Steps that change the filters of a channel one by one, each with what it makes of the running values."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
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

from ..bridge.channels import Channel, ValueKind
from ..bridge.errors import ProfileError
from ..bridge.filters import KINDS, from_pasted
from ..presentable import printable
from .filter_form import (
    CONF_POSITION,
    FieldError,
    filter_form,
    filter_label,
    filter_of_form,
    filter_schema,
    kind_selector,
)
from .filter_preview import SampleSource, preview_table, start_filter_preview
from .presentation import NOTHING
from .preview import PreviewedSteps, Send, async_setup_preview, typed_form
from .selector_texts import async_field_texts, async_selector_texts

_CHANNEL: Final = "channel"
_FILTER: Final = "filter"
_FILTERS: Final = "filters"
_KIND: Final = "kind"
_PASTED: Final = "pasted"
_PUBLISH: Final = "publish"
_LIVE: Final = "live"
_AT_MOST_EVERY: Final = "at_most_every"
_MIN_INTERVAL: Final = "min_interval"
_POLICY_FIELDS: Final = ("absolute", "percent", "at_least_every", "at_once")


@dataclass(kw_only=True)
class FilteredDevice:
    """A device whose channels can be filtered."""

    title: str
    data: Mapping[str, Any]
    """The stored profile."""
    source: SampleSource


def filterable(profile: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the channels of a stored profile that filters can act on."""
    return [
        channel
        for channel in profile["channels"]
        if channel.get(_KIND, ValueKind.NUMBER) == ValueKind.NUMBER and channel["source"]
    ]


def with_channel(profile: Mapping[str, Any], channel: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored profile with one of its channels changed."""
    channels = [channel if each["key"] == channel["key"] else each for each in profile["channels"]]
    return {**profile, "channels": channels}


class FilterSteps(PreviewedSteps):
    """Changes the filters and the publish policy of one channel; nothing is stored before the last step."""

    _device_id: str
    _channel: dict[str, Any]
    """The stored form of the channel, with the changes so far."""
    _item_kind: str
    _item_place: int | None = None
    """Of the filter on the screen; None for one that is added."""
    _source: SampleSource
    """Where the values of the device came from when it was last seen to run."""

    @abstractmethod
    def filtered_devices(self) -> Mapping[str, FilteredDevice]:
        """Return the devices whose channels can be filtered, by id."""

    @abstractmethod
    def keep_channel(self, device_id: str, channel: dict[str, Any]) -> Any:
        """Keep the changed channel."""

    @staticmethod
    @override
    async def async_setup_preview(hass: HomeAssistant) -> None:
        """Register the preview's command."""
        await async_setup_preview(hass)

    async def async_step_filters(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose a channel."""
        channels = {
            f"{device_id}/{channel['key']}": (device_id, device.title, channel)
            for device_id, device in self.filtered_devices().items()
            for channel in filterable(device.data)
        }
        if not channels:
            return self.async_abort(reason="nothing_to_filter")
        if user_input is not None:
            if user_input[_CHANNEL] not in channels:
                return self.async_abort(reason="device_gone")
            self._device_id, _, channel = channels[user_input[_CHANNEL]]
            self._channel = dict(channel)
            return await self.async_step_channel_filters()
        options = [
            SelectOptionDict(value=value, label=printable(f"{title}: {channel['name']}"))
            for value, (_, title, channel) in channels.items()
        ]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST))
        return self.async_show_form(
            step_id="filters", data_schema=probatio.Schema({probatio.Required(_CHANNEL): selector})
        )

    async def async_step_channel_filters(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show the filters and what they make of the last values; choose what to change."""
        has_filters = ["edit_filter", "remove_filters"] if self._items else []
        labels = await self._async_labels()
        return self.async_show_menu(
            step_id="channel_filters",
            menu_options=["add_filter", "paste_filters", *has_filters, "publish_policy", "save_filters"],
            description_placeholders={
                "channel": printable(self._channel["name"]),
                "filters": "\n".join(f"{place}. {label}" for place, label in enumerate(labels, 1)) or NOTHING,
                "values": preview_table(self.sample_source(), Channel.from_dict(self._channel)),
            },
        )

    async def async_step_add_filter(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose the kind of a new filter."""
        if user_input is not None:
            self._item_kind, self._item_place = user_input[_KIND], None
            return await self.async_step_filter()
        schema = probatio.Schema({probatio.Required(_KIND): kind_selector()})
        return self.async_show_form(step_id="add_filter", data_schema=schema)

    async def async_step_edit_filter(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose the filter to change."""
        if user_input is not None:
            self._item_place = int(user_input[_FILTER])
            self._item_kind = self._items[self._item_place][_KIND]
            return await self.async_step_filter()
        selector = await self._async_items_selector(multiple=False)
        return self.async_show_form(
            step_id="edit_filter", data_schema=probatio.Schema({probatio.Required(_FILTER): selector})
        )

    async def async_step_filter(self, user_input: dict[str, Any] | None = None) -> Any:
        """Describe one filter; its effect is shown while it is described."""
        errors: dict[str, str] = {}
        reason = ""
        if user_input is not None:
            try:
                self._channel = self._with_filter(user_input)
            except FieldError as err:
                errors = {err.field: err.error}
            except ProfileError as err:
                errors, reason = {"base": "bad_filter"}, str(err)
            else:
                return await self.async_step_channel_filters()
        place = self._item_place
        count = len(self._items) + (place is None)
        stored = None if place is None else filter_form(self._items[place], place)
        texts = await async_selector_texts(self.hass)
        return self.show_previewed(
            "filter",
            filter_schema(self._item_kind, Channel.from_dict(self._channel), count),
            user_input or stored,
            errors,
            {
                "filter": texts[f"filter_kind.options.{self._item_kind}"],
                "about": texts[f"filter_about.options.{self._item_kind}"],
                "error": reason,
            },
            self.start_filter_preview,
        )

    async def async_step_remove_filters(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose the filters that go."""
        if user_input is not None:
            gone = {int(place) for place in user_input[_FILTERS]}
            self._channel[_FILTERS] = [item for place, item in enumerate(self._items) if place not in gone]
            return await self.async_step_channel_filters()
        selector = await self._async_items_selector(multiple=True)
        return self.async_show_form(
            step_id="remove_filters", data_schema=probatio.Schema({probatio.Required(_FILTERS): selector})
        )

    async def async_step_paste_filters(self, user_input: dict[str, Any] | None = None) -> Any:
        """Take a list of filters from a configuration of ESPHome or of Home Assistant's filter platform."""
        errors: dict[str, str] = {}
        reason = ""
        if user_input is not None:
            try:
                self._channel = self._with_pasted(user_input)
            except ProfileError as err:
                errors, reason = {_PASTED: "bad_filter"}, str(err)
            else:
                return await self.async_step_channel_filters()
        schema = probatio.Schema({probatio.Required(_PASTED): TextSelector(TextSelectorConfig(multiline=True))})
        return self.show_previewed(
            "paste_filters", schema, user_input, errors, {"error": reason}, self.start_filter_preview
        )

    async def async_step_publish_policy(self, user_input: dict[str, Any] | None = None) -> Any:
        """Describe how often the value is worth showing."""
        errors: dict[str, str] = {}
        reason = ""
        if user_input is not None:
            try:
                self._channel = self._with_policy(user_input)
            except ProfileError as err:
                errors, reason = {"base": "bad_filter"}, str(err)
            else:
                return await self.async_step_channel_filters()
        channel = Channel.from_dict(self._channel)
        stored = {**(channel.publish or {}), _LIVE: channel.live}
        if _AT_MOST_EVERY not in stored and channel.min_interval is not None:
            stored[_AT_MOST_EVERY] = channel.min_interval
        return self.show_previewed(
            "publish_policy",
            _policy_schema(channel),
            user_input or stored,
            errors,
            {"error": reason, "pace": f"{channel.default_pace:g}"},
            self.start_filter_preview,
        )

    async def async_step_save_filters(self, user_input: dict[str, Any] | None = None) -> Any:
        """Keep the channel as it is now described."""
        return self.keep_channel(self._device_id, self._channel)

    @callback
    def start_filter_preview(self, form: dict[str, Any], send: Send) -> CALLBACK_TYPE:
        """Send what the form on the screen would show; raises FieldError and ProfileError."""
        return start_filter_preview(self.hass, self.sample_source(), self.previewed_channel(form), send)

    def previewed_channel(self, form: dict[str, Any]) -> Channel:
        """Return the channel as the form on the screen describes it; raises FieldError, ProfileError and Invalid."""
        changed = {"filter": self._with_filter, "paste_filters": self._with_pasted, "publish_policy": self._with_policy}
        step = self.cur_step["step_id"] if self.cur_step else ""
        channel = Channel.from_dict(changed[step](typed_form(self, form)))
        # A filter is judged by what comes out of it, not by how seldom that is shown.
        return channel if step == "publish_policy" else _without_policy(channel)

    def sample_source(self) -> SampleSource:
        """Return where the values of the chosen device come from; what was typed outlives a device that stops."""
        if (device := self.filtered_devices().get(self._device_id)) is not None:
            self._source = device.source
        return self._source

    @property
    def _items(self) -> list[dict[str, Any]]:
        return list(self._channel.get(_FILTERS, ()))

    def _with_filter(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return the channel with the filter of the form in its place."""
        items, place = self._items, self._item_place
        item = filter_of_form(self._item_kind, form)
        if place is not None:
            del items[place]
        items.insert(form.get(CONF_POSITION, len(items) + 1) - 1, item)
        return self._checked({_FILTERS: items})

    def _with_pasted(self, form: Mapping[str, Any]) -> dict[str, Any]:
        return self._checked({_FILTERS: [*self._items, *from_pasted(form.get(_PASTED, ""))]})

    def _with_policy(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return the channel with the policy of the form; the pace alone needs none."""
        policy = {name: form[name] for name in _POLICY_FIELDS if form.get(name)}
        changes = {_PUBLISH: policy or None, _MIN_INTERVAL: form.get(_AT_MOST_EVERY), _LIVE: form.get(_LIVE, False)}
        return self._checked(changes)

    def _checked(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the changed channel; raises ProfileError when it makes no sense."""
        changed = {**self._channel, **changes}
        Channel.from_dict(changed)
        return changed

    async def _async_items_selector(self, *, multiple: bool) -> SelectSelector:
        options = [
            SelectOptionDict(value=str(place), label=f"{place + 1}. {label}")
            for place, label in enumerate(await self._async_labels())
            if multiple or self._items[place][_KIND] in KINDS
        ]
        return SelectSelector(SelectSelectorConfig(options=options, multiple=multiple, mode=SelectSelectorMode.LIST))

    async def _async_labels(self) -> list[str]:
        """Return the filters as a person reads them."""
        texts, fields = await async_selector_texts(self.hass), await async_field_texts(self.hass, "options", "filter")
        unit = self._channel.get("unit")
        return [printable(filter_label(item, texts, fields, unit)) for item in self._items]


def _policy_schema(channel: Channel) -> probatio.Schema:
    def number(unit: str | None) -> NumberSelector:
        config = NumberSelectorConfig(min=0, step="any", mode=NumberSelectorMode.BOX)
        if unit:
            config["unit_of_measurement"] = unit
        return NumberSelector(config)

    return probatio.Schema(
        {
            probatio.Optional("absolute"): number(channel.unit),
            probatio.Optional("percent"): number("%"),
            probatio.Optional(_AT_MOST_EVERY): number("s"),
            probatio.Optional("at_least_every"): number("s"),
            probatio.Optional("at_once"): number(channel.unit),
            probatio.Optional(_LIVE, default=False): BooleanSelector(),
        }
    )


def _without_policy(channel: Channel) -> Channel:
    return Channel.from_dict({**channel.to_dict(), _PUBLISH: None})
