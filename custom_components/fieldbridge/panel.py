"""The panel in the sidebar, for administrators: a live look at every link, and the recordings."""

import json
from pathlib import Path
from typing import Final

from homeassistant.components import frontend, panel_custom
from homeassistant.components.http import StaticPathConfig
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

_ELEMENT: Final = "fieldbridge-panel"
_STATIC_URL: Final[HassKey[str]] = HassKey(f"{DOMAIN}_static_url")
_FOLDER: Final = Path(__file__).parent / "frontend"


async def async_setup_frontend(hass: HomeAssistant) -> None:
    """Serve the files of panel and card, once per process: a path cannot be taken back."""
    version = await hass.async_add_executor_job(_version)
    url = f"/fieldbridge_static/{version}"
    hass.data[_STATIC_URL] = url
    await hass.http.async_register_static_paths([StaticPathConfig(url, str(_FOLDER), cache_headers=True)])
    frontend.add_extra_js_url(hass, f"{url}/card.js")
    await async_show_panel(hass)


async def async_show_panel(hass: HomeAssistant) -> None:
    """Put the panel into the sidebar unless it is there.

    It is not the integration's ``config_panel_domain``: the gear of a link would open it then, and nothing the options.
    """
    if frontend.async_panel_exists(hass, DOMAIN):
        return
    await panel_custom.async_register_panel(
        hass,
        DOMAIN,
        _ELEMENT,
        sidebar_title="Fieldbridge",
        sidebar_icon="mdi:transit-connection-variant",
        module_url=f"{hass.data[_STATIC_URL]}/panel.js",
        require_admin=True,
    )


@callback
def async_hide_panel(hass: HomeAssistant) -> None:
    """Take the panel out of the sidebar: the last entry was removed."""
    frontend.async_remove_panel(hass, DOMAIN, warn_if_unknown=False)


def _version() -> str:
    version: str = json.loads((Path(__file__).parent / "manifest.json").read_text())["version"]
    return version
