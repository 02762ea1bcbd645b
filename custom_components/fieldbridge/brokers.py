"""MQTT brokers as the user knows them: one of the user's, or the one of Home Assistant's own client."""

from collections.abc import Callable, Mapping
from pathlib import Path
import ssl
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import instance_id
from homeassistant.helpers.importlib import async_import_module
from homeassistant.util.ssl import create_client_context

from .bridge.mqtt import MqttClient
from .bridge.settings import MqttSettings
from .const import CONF_CERTIFICATE, CONF_TLS, DOMAIN


async def async_broker_client(hass: HomeAssistant, options: Mapping[str, Any], client_id: str = "") -> MqttClient:
    """Return a client, not started yet, for the broker that ``options`` name. Raises ConfigEntryError."""
    await async_import_module(hass, "aiomqtt")
    settings = MqttSettings(
        host=options[CONF_HOST],
        port=options[CONF_PORT],
        username=options.get(CONF_USERNAME),
        password=options.get(CONF_PASSWORD),
        tls=options.get(CONF_TLS, False),
        client_id=client_id,
    )
    client = MqttClient(settings)
    if settings.tls:
        try:
            client.tls_context = await hass.async_add_executor_job(
                _tls_context, Path(hass.config.config_dir), options.get(CONF_CERTIFICATE)
            )
        except (OSError, ValueError) as err:
            raise ConfigEntryError(
                translation_domain=DOMAIN,
                translation_key="bad_certificate",
                translation_placeholders={"error": str(err)},
            ) from err
    return client


def _tls_context(folder: Path, certificate: str | None) -> ssl.SSLContext:
    """Return a context that trusts the given authority alone (PEM, or a file in ``folder``), else those of the system.

    Raises OSError and ValueError (ssl.SSLError is an OSError).
    """
    if not certificate:
        return create_client_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if "-----BEGIN" in certificate:
        context.load_verify_locations(cadata=certificate)
        return context
    path = (folder / certificate.strip()).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{certificate.strip()} is not in Home Assistant's configuration folder")
    context.load_verify_locations(cafile=path)
    return context


async def async_client_id(hass: HomeAssistant, entry: ConfigEntry, purpose: str = "") -> str:
    """Return a client id of its own: two clients of one id would throw each other off the broker for ever."""
    return f"{DOMAIN}-{(await instance_id.async_get(hass))[:8]}-{entry.entry_id[-8:]}{purpose}"


class HomeAssistantClient:
    """Home Assistant's own MQTT client: whether it is connected, and when that changes."""

    def __init__(self, hass: HomeAssistant, mqtt: Any) -> None:
        """Take the client of ``mqtt``, the module of that integration, which is imported late."""
        self._hass = hass
        self._mqtt = mqtt

    @property
    def is_connected(self) -> bool:
        """Whether Home Assistant's client is connected."""
        return self._mqtt.DATA_MQTT in self._hass.data and self._mqtt.is_connected(self._hass)

    def on_connection_change(self, listener: Callable[[bool], None]) -> Callable[[], None]:
        """Call ``listener`` when Home Assistant's client connects or disconnects; returns the unsubscribe."""

        @callback  # else Home Assistant calls it in a thread
        def tell(connected: bool) -> None:
            listener(connected)

        unsubscribe: Callable[[], None] = self._mqtt.async_subscribe_connection_status(self._hass, tell)
        return unsubscribe
