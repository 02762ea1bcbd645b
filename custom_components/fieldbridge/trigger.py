"""Triggers: a link goes down or comes back; values cross, change or become something."""

from typing import ClassVar, override

from homeassistant.const import ATTR_DEVICE_ID, CONF_OPTIONS
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.trigger import Trigger, TriggerActionRunner, TriggerConfig, TriggerNotTriggeredReporter
from homeassistant.helpers.typing import ConfigType
import probatio

from .const import DOMAIN
from .coordinator import SIGNAL_LINK
from .value_triggers import VALUE_TRIGGERS

_CONFIG_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_OPTIONS): {
            probatio.Required(ATTR_DEVICE_ID): probatio.All(probatio.EnsureList(), probatio.Length(min=1), [cv.string]),
        },
    }
)


class LinkTrigger(Trigger):
    """Fires when a link changes between up and down; a device stands for the link that it is on."""

    to_up: ClassVar[bool]

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the configuration; raises probatio.Invalid for a device of others."""
        checked: ConfigType = _CONFIG_SCHEMA(config)
        for device_id in checked[CONF_OPTIONS][ATTR_DEVICE_ID]:
            if dr.async_get_device_and_config_entry_for_domain(hass, device_id, domain=DOMAIN)[1] is None:
                raise probatio.Invalid(f"Device {device_id} is not one of Fieldbridge")
        return checked

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Watch the links of the devices in ``config``."""
        super().__init__(hass, config)
        options = config.options or {}
        self._device_ids: list[str] = options[ATTR_DEVICE_ID]

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action with ``device_id`` and ``error`` (why it is down) until the returned function is called."""
        unsubscribes = [self._watch(device_id, run_action) for device_id in self._device_ids]

        @callback
        def remove() -> None:
            for unsubscribe in unsubscribes:
                unsubscribe()

        return remove

    @callback
    def _watch(self, device_id: str, run_action: TriggerActionRunner) -> CALLBACK_TYPE:
        device, entry = dr.async_get_device_and_config_entry_for_domain(self._hass, device_id, domain=DOMAIN)
        if device is None or entry is None:
            return lambda: None
        description = f"link of {device.name_by_user or device.name} {'came back' if self.to_up else 'went down'}"

        @callback
        def changed(is_up: bool, error: str | None) -> None:
            if is_up is self.to_up:
                run_action({ATTR_DEVICE_ID: device_id, "error": error}, description)

        # By the name of the entry, so that a reload of it changes nothing.
        return async_dispatcher_connect(self._hass, SIGNAL_LINK.format(entry.entry_id), changed)


class LinkDown(LinkTrigger):
    """The link went down."""

    to_up = False


class LinkBack(LinkTrigger):
    """The link came back."""

    to_up = True


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return {"link_down": LinkDown, "link_back": LinkBack, **VALUE_TRIGGERS}
