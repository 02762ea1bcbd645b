"""Steps that find devices in topics, for the flow of a link and for that of a device."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import FlowHandler

from ..bridge.channels import DeviceProfile
from ..bridge.channels.recognise import RecognisedField, Recognition
from ..bridge.channels.topic_groups import Heard, availability_of, bases_of, fields_of, propose_patterns
from ..bridge.codecs.topics import Availability, TopicDecoder
from ..presentable import given_name
from .general_form import silence_of_form
from .mqtt_form import CONF_AVAILABILITY, CONF_BASES, CONF_PATTERN, bases_schema, name_of, pattern_schema, values_schema
from .mqtt_listening import TopicListening
from .recognised_form import CONF_FIELDS, make_profile

type FoundDevice = tuple[str, str, DeviceProfile]
"""Name, base topic and profile."""


class TopicGroup(NamedTuple):
    """What is said below one base topic."""

    fields: list[RecognisedField]
    availability: list[Availability]


class TopicSteps(FlowHandler[Any, Any, Any]):
    """Listens to topics, groups them into devices and lets a person tick their values."""

    _topics: TopicListening
    _several_devices = True
    _pattern = ""
    _bases: tuple[str, ...] = ()
    _groups: Mapping[str, TopicGroup] = MappingProxyType({})

    def _trees(self) -> list[str]:
        """Return the topic filters of the link."""
        raise NotImplementedError

    def _taken_bases(self) -> set[str]:
        """Return the base topics that devices of the link have already."""
        raise NotImplementedError

    async def _finish(self, devices: list[FoundDevice]) -> Any:
        """Store what was found."""
        raise NotImplementedError

    async def async_step_mqtt_listen(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show what is said, until nothing new comes."""
        if self._topics.finished:
            return self.async_show_progress_done(next_step_id="mqtt_group" if self._topics.heard else "mqtt_nothing")
        return self.async_show_progress(
            step_id="mqtt_listen",
            progress_action="hearing",
            progress_task=self._topics.look(),
            description_placeholders=self._topics.placeholders,
        )

    async def async_step_mqtt_group(self, user_input: dict[str, Any] | None = None) -> Any:
        """Say which topics are the devices."""
        heard = self._topics.heard
        self._groups = {}
        errors: dict[str, str] = {}
        if user_input is not None:
            self._pattern = user_input[CONF_PATTERN].strip().removesuffix("/#").rstrip("/")
            bases = bases_of(self._pattern, heard)
            free = tuple(base for base in bases if base not in self._taken_bases())
            if len(free) == 1:
                self._bases = free
                return await self.async_step_mqtt_values()
            if free:
                return await self.async_step_mqtt_devices()
            errors[CONF_PATTERN] = "topics_taken" if bases else "no_topics"
        found = await self.hass.async_add_executor_job(_count_devices, heard, self._trees())
        return self.async_show_form(
            step_id="mqtt_group",
            data_schema=self.add_suggested_values_to_schema(pattern_schema(list(found), found), user_input),
            errors=errors,
            description_placeholders=self._topics.placeholders,
        )

    async def async_step_mqtt_devices(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose among the devices that were found."""
        errors: dict[str, str] = {}
        if user_input is not None:
            chosen = user_input[CONF_BASES]
            self._bases = tuple(chosen) if isinstance(chosen, list) else (chosen,)
            if self._bases:
                return await self.async_step_mqtt_values()
            errors[CONF_BASES] = "no_devices"
        free = [base for base in bases_of(self._pattern, self._topics.heard) if base not in self._taken_bases()]
        return self.async_show_form(
            step_id="mqtt_devices", data_schema=bases_schema(free, several=self._several_devices), errors=errors
        )

    async def async_step_mqtt_values(self, user_input: dict[str, Any] | None = None) -> Any:
        """Tick the values that become entities, and say how the device is known to be there."""
        bases = self._bases
        if tuple(self._groups) != bases:
            self._groups = await self.hass.async_add_executor_job(_groups, bases, self._topics.heard)
        # What one device says under a source, the others are likely to say as well.
        fields = {field.source: field for base in reversed(bases) for field in self._groups[base].fields}
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_FIELDS]:
                return await self._finish(
                    await self.hass.async_add_executor_job(_describe, self._groups, list(fields.values()), user_input)
                )
            errors[CONF_FIELDS] = "no_fields"
        name = name_of(bases[0]) if len(bases) == 1 else None
        schema = values_schema(list(fields.values()), self._groups[bases[0]].availability, name)
        return self.async_show_form(
            step_id="mqtt_values",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"bases": "\n".join(f"- {base}" for base in bases)},
        )


def _count_devices(heard: Heard, trees: list[str]) -> dict[str, int]:
    """Return the patterns that may name devices, with how many each finds."""
    return {pattern: len(bases_of(pattern, heard)) for pattern in propose_patterns(heard, trees)}


def _groups(bases: Sequence[str], heard: Heard) -> dict[str, TopicGroup]:
    """Return what is said below each base topic."""
    return {
        base: TopicGroup(fields=fields_of(base, heard), availability=availability_of(base, heard)) for base in bases
    }


def _describe(
    groups: Mapping[str, TopicGroup], fields: Sequence[RecognisedField], form: dict[str, Any]
) -> list[FoundDevice]:
    """Return the devices that a filled form makes of the groups; those that say nothing of it are left out."""
    devices: list[FoundDevice] = []
    for base, group in groups.items():
        chosen = [one for one in group.availability if one.source in form.get(CONF_AVAILABILITY, ())]
        own = {field.source for field in group.fields}
        profile = make_profile(
            Recognition(
                decoder=TopicDecoder(base=base, availability=tuple(chosen)),
                fields=tuple(field for field in fields if field.source in own),
            ),
            form[CONF_FIELDS],
        )
        if profile.channels:
            name = given_name(form.get(CONF_NAME, ""), name_of(base))
            devices.append((name, base, replace(profile, **silence_of_form(form))))
    return devices
