"""The flow of a device that is a group of topics."""

from typing import Any, override

from homeassistant.config_entries import ConfigEntryState, SubentryFlowResult
from homeassistant.core import CALLBACK_TYPE, callback

from ..bridge.links.mqtt_link import MqttLink
from ..const import CONF_TOPICS
from .device_edit_flow import DeviceEditFlow
from .listening import nothing_to_stop
from .mqtt_listening import TopicListening
from .topic_steps import FoundDevice, TopicSteps


class MqttDeviceFlow(TopicSteps, DeviceEditFlow):
    """Adds a device from the topics of a running link; the steps that change one are inherited."""

    _several_devices = False

    def __init__(self) -> None:
        """Begin with nothing heard."""
        super().__init__()
        self._stop_listening: CALLBACK_TYPE = nothing_to_stop

    @callback
    @override
    def async_remove(self) -> None:
        """Stop listening: the dialog was closed, or the flow is over."""
        self._stop_listening()

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a device to a link that runs."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            gone: SubentryFlowResult = self.async_abort(reason="link_not_loaded")
            return gone
        return await self.async_step_mqtt_listen_again()

    async def async_step_mqtt_listen_again(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Listen to the running link."""
        self._stop_listening()
        self._topics = TopicListening(self.hass)
        self._stop_listening = self._topics.stop
        self._topics.follow(self._link)
        result: SubentryFlowResult = await self.async_step_mqtt_listen()
        return result

    async def async_step_mqtt_nothing(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Nothing was said on the topics of the link."""
        result: SubentryFlowResult = self.async_show_menu(step_id="mqtt_nothing", menu_options=["mqtt_listen_again"])
        return result

    @property
    def _link(self) -> MqttLink:
        link: MqttLink = self._get_entry().runtime_data.link
        return link

    @override
    def _trees(self) -> list[str]:
        trees: list[str] = self._get_entry().data[CONF_TOPICS]
        return trees

    @override
    def _taken_bases(self) -> set[str]:
        return {subentry.unique_id for subentry in self._get_entry().subentries.values() if subentry.unique_id}

    @override
    async def _finish(self, devices: list[FoundDevice]) -> SubentryFlowResult:
        (name, base, profile) = devices[0]
        return self.async_create_entry(title=name, data=profile.to_dict(), unique_id=base)
