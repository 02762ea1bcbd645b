"""Steps that find devices in topics, for the flow of a link and for that of a device."""

from dataclasses import replace
from typing import Any

from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import FlowHandler

from ..bridge.channels import DeviceProfile
from ..bridge.channels.recognise import RecognisedField, Recognition
from ..bridge.channels.topic_groups import availability_of, bases_of, fields_of, propose_patterns
from ..bridge.codecs.topics import TopicDecoder
from .general_form import silence_of_form
from .mqtt_form import CONF_AVAILABILITY, CONF_BASES, CONF_PATTERN, bases_schema, name_of, pattern_schema, values_schema
from .mqtt_listening import TopicListening
from .recognised_form import CONF_FIELDS, make_profile

type FoundDevice = tuple[str, str, DeviceProfile]
"""Name, base topic and profile."""


class TopicSteps(FlowHandler[Any, Any, Any]):
    """Listens to topics, groups them into devices and lets a person tick their values."""

    _topics: TopicListening
    _several_devices = True
    _pattern = ""
    _bases: tuple[str, ...] = ()

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
        patterns = propose_patterns(heard, self._trees())
        found = {pattern: len(bases_of(pattern, heard)) for pattern in patterns}
        return self.async_show_form(
            step_id="mqtt_group",
            data_schema=self.add_suggested_values_to_schema(pattern_schema(patterns, found), user_input),
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
        heard, bases = self._topics.heard, self._bases
        # What one device says under a source, the others are likely to say as well.
        fields: dict[str, RecognisedField] = {
            field.source: field for base in reversed(bases) for field in fields_of(base, heard)
        }
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_FIELDS]:
                devices = [self._describe(base, list(fields.values()), user_input) for base in bases]
                return await self._finish([device for device in devices if device[2].channels])
            errors[CONF_FIELDS] = "no_fields"
        name = name_of(bases[0]) if len(bases) == 1 else None
        schema = values_schema(list(fields.values()), availability_of(bases[0], heard), name)
        return self.async_show_form(
            step_id="mqtt_values",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"bases": "\n".join(f"- {base}" for base in bases)},
        )

    def _describe(self, base: str, fields: list[RecognisedField], form: dict[str, Any]) -> FoundDevice:
        heard = self._topics.heard
        said = {one.source: one for one in availability_of(base, heard)}
        chosen = [said[source] for source in form.get(CONF_AVAILABILITY, ()) if source in said]
        own = {field.source for field in fields_of(base, heard)}
        profile = make_profile(
            Recognition(
                decoder=TopicDecoder(base=base, availability=tuple(chosen)),
                fields=tuple(field for field in fields if field.source in own),
            ),
            form[CONF_FIELDS],
        )
        return form.get(CONF_NAME, name_of(base)), base, replace(profile, **silence_of_form(form))
