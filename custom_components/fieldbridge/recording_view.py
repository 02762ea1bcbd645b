"""Recordings over HTTP: the file to download, the drawing to look at."""

import asyncio
from collections import OrderedDict
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import hdrs, web
from homeassistant.components.http import KEY_HASS, KEY_HASS_USER, HomeAssistantView
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant, callback

from .bridge.errors import BridgeError
from .bridge.recordings import RecordingInfo, RecordingState, plot_svg, read_rows
from .recordings import DATA_RECORDINGS

URL_RECORDINGS: Final = "/api/fieldbridge/recordings"
LINK_LIFETIME: Final = timedelta(hours=24)
MAX_PLOTTED_ROWS: Final = 1_000_000
"""Rows that are read for a drawing: some seconds of a thread."""
_KEPT_PLOTS: Final = 32
_SVG: Final = "image/svg+xml"
_LOCKED_DOWN: Final = {
    hdrs.CACHE_CONTROL: "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
"""A drawing holds names that people chose; it never runs anything."""


@callback
def async_register_views(hass: HomeAssistant) -> None:
    """Serve downloads and drawings."""
    hass.http.register_view(RecordingView())
    hass.http.register_view(RecordingPlotView())


def plot_path(name: str) -> str:
    """Return where the drawing of a recording is, to be signed."""
    return f"{URL_RECORDINGS}/{quote(name, safe='')}/plot.svg"


@callback
def signed_link(hass: HomeAssistant, name: str) -> str:
    """Return a link that downloads a recording without a login, for a day."""
    signed = async_sign_path(hass, f"{URL_RECORDINGS}/{quote(name, safe='')}", LINK_LIFETIME)
    path, _, query = signed.rpartition("?")  # the path comes back decoded
    return f"{quote(path)}?{query}"


class _View(HomeAssistantView):
    async def _async_find(self, request: web.Request, name: str) -> RecordingInfo:
        """Return a complete recording. Raises HTTPNotFound, HTTPConflict while it is being recorded."""
        hass = request.app[KEY_HASS]
        try:
            info = await hass.async_add_executor_job(hass.data[DATA_RECORDINGS].catalogue.find, name)
        except LookupError as err:
            raise web.HTTPNotFound from err
        if not await hass.async_add_executor_job(info.path.exists):
            raise web.HTTPConflict(text=f"{name} is not complete")
        return info


class RecordingView(_View):
    """Downloads of recordings."""

    url = f"{URL_RECORDINGS}/{{name}}"
    name = "api:fieldbridge:recording"

    async def get(self, request: web.Request, name: str) -> web.StreamResponse:
        """Return the file; a raw capture to administrators or by an automation's link, else HTTPForbidden."""
        info = await self._async_find(request, name)
        user = request[KEY_HASS_USER]
        if info.is_capture and not (user.is_admin or user.system_generated):
            raise web.HTTPForbidden
        disposition = f"attachment; filename*=UTF-8''{quote(info.name, safe='')}"
        return web.FileResponse(info.path, headers={**_LOCKED_DOWN, hdrs.CONTENT_DISPOSITION: disposition})


class RecordingPlotView(_View):
    """Drawings of recordings."""

    url = f"{URL_RECORDINGS}/{{name}}/plot.svg"
    name = "api:fieldbridge:recording:plot"

    def __init__(self) -> None:
        """Begin with nothing drawn."""
        self._plots: OrderedDict[tuple[str, float], str] = OrderedDict()
        self._drawing = asyncio.Lock()

    async def get(self, request: web.Request, name: str) -> web.Response:
        """Return the drawing; one at a time is made, since each keeps a thread busy."""
        hass = request.app[KEY_HASS]
        info = await self._async_find(request, name)
        if info.is_capture or info.description is None or info.state is RecordingState.RUNNING:
            return web.Response(text=f"{name} cannot be drawn", status=HTTPStatus.NOT_FOUND)
        key = (info.name, info.modified_at.timestamp())
        async with self._drawing:
            if key not in self._plots:
                try:
                    self._plots[key] = await hass.async_add_executor_job(_draw, info)
                except (BridgeError, ValueError, KeyError, OSError) as err:
                    return web.Response(text=f"{name} cannot be read: {err}", status=HTTPStatus.UNPROCESSABLE_ENTITY)
                if len(self._plots) > _KEPT_PLOTS:
                    self._plots.popitem(last=False)
        return web.Response(text=self._plots[key], content_type=_SVG, headers=_LOCKED_DOWN)


def _draw(info: RecordingInfo) -> str:
    assert info.description is not None  # noqa: S101  - see get
    rows = read_rows(info.path, info.description)
    return plot_svg(rows, info.description, max_rows=MAX_PLOTTED_ROWS)
