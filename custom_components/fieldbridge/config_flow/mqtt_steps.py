"""Steps of the config flow that add and change a link to topics of an MQTT broker."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import ConfigFlowResult, ConfigSubentryData
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT
from homeassistant.core import callback
from homeassistant.exceptions import ConfigEntryError

from ..bridge.errors import LinkError
from ..bridge.mqtt import MqttAuthError
from ..bridge.topics import partly_overlapping
from ..connections.mqtt import async_make_topics
from ..const import CONF_BROKER, CONF_CERTIFICATE, CONF_TOPICS, MIRROR_HOME_ASSISTANT, SUBENTRY_DEVICE
from .broker import keep_password
from .link_steps import LinkSteps
from .mqtt_form import MQTT_SCHEMA, mqtt_data
from .mqtt_listening import TopicListening
from .topic_steps import FoundDevice, TopicSteps

_SAME_LINK = (CONF_BROKER, CONF_HOST, CONF_PORT, CONF_TOPICS)


class MqttSteps(TopicSteps, LinkSteps):
    """Adds and changes an MQTT link."""

    async def async_step_mqtt_broker(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a broker and topics, and begin to listen."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = self._take_mqtt(user_input, {}) or await self._async_hear()
            if not errors:
                return await self._listen()
        return self._show_mqtt("mqtt_broker", user_input or self._data, errors)

    async def async_step_mqtt_nothing(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Nothing was said on these topics."""
        result: ConfigFlowResult = self.async_show_menu(
            step_id="mqtt_nothing", menu_options=["mqtt_listen_again", "mqtt_broker", "mqtt_without_device"]
        )
        return result

    async def async_step_mqtt_listen_again(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Connect once more."""
        if errors := await self._async_hear():
            return self._show_mqtt("mqtt_broker", self._data, errors)
        return await self._listen()

    async def async_step_mqtt_without_device(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the link alone; devices can be added to it later."""
        return self._make_link([])

    async def async_step_reconfigure_mqtt(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change the broker or the topics, after a try."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = self._take_mqtt(user_input, entry.data) or await self._async_hear()
            if not errors:
                await self._topics.close()
                return self._update_link(entry, data=self._data)
        return self._show_mqtt("reconfigure_mqtt", user_input or entry.data, errors)

    @override
    def _trees(self) -> list[str]:
        trees: list[str] = self._data[CONF_TOPICS]
        return trees

    @override
    def _taken_bases(self) -> set[str]:
        return set()

    @override
    async def _finish(self, devices: list[FoundDevice]) -> ConfigFlowResult:
        return self._make_link(devices)

    async def _listen(self) -> ConfigFlowResult:
        result: ConfigFlowResult = await self.async_step_mqtt_listen()
        return result

    @callback
    def _make_link(self, devices: list[FoundDevice]) -> ConfigFlowResult:
        """Make the entry with its devices; aborts when another flow was faster."""
        self._async_abort_entries_match({key: self._data.get(key) for key in _SAME_LINK if key in self._data})
        return self.async_create_entry(
            title=", ".join(self._trees()),
            data=self._data,
            subentries=[
                ConfigSubentryData(subentry_type=SUBENTRY_DEVICE, title=name, data=profile.to_dict(), unique_id=base)
                for name, base, profile in devices
            ],
        )

    @callback
    def _take_mqtt(self, form: dict[str, Any], stored: Mapping[str, Any]) -> dict[str, str]:
        """Keep the filled form as entry data; return errors. Aborts when another entry listens to the same."""
        try:
            data = mqtt_data(form)
        except ValueError:
            return {CONF_TOPICS: "bad_topics"}
        if data[CONF_BROKER] == MIRROR_HOME_ASSISTANT:
            data = {key: data[key] for key in data if key in (*_SAME_LINK[:1], CONF_TOPICS, "kind")}
            if not self.hass.config_entries.async_loaded_entries("mqtt"):
                return {CONF_BROKER: "mqtt_not_set_up"}
        else:
            # Each subscription brings its own copy, and MQTT 3.1.1 does not say which one it is of.
            if pair := partly_overlapping(data[CONF_TOPICS]):
                self._placeholders = dict(zip(("first", "second"), pair, strict=True))
                return {CONF_TOPICS: "overlapping_topics"}
            keep_password(data, stored)
        self._async_abort_entries_match({key: data[key] for key in _SAME_LINK if key in data})
        self._data = data
        return {}

    async def _async_hear(self) -> dict[str, str]:
        """Connect and begin to listen; return errors."""
        self._stop_listening()
        self._topics = TopicListening(self.hass)
        try:
            await self._topics.open(await async_make_topics(self.hass, self._data))
        except ConfigEntryError as err:
            self._placeholders = {"error": (err.translation_placeholders or {}).get("error", "")}
            return {CONF_CERTIFICATE: "bad_certificate"}
        except MqttAuthError:
            return {"base": "invalid_auth"}
        except LinkError as err:
            self._placeholders = {"error": str(err)}
            return {"base": "cannot_connect"}
        self._stop_listening = self._topics.stop
        return {}

    @callback
    def _show_mqtt(self, step_id: str, form: Mapping[str, Any], errors: dict[str, str]) -> ConfigFlowResult:
        """Show the form; a stored password is never sent back to a browser."""
        shown = {key: value for key, value in form.items() if key != CONF_PASSWORD}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(MQTT_SCHEMA, shown),
            errors=errors,
            description_placeholders=self._placeholders,
        )
