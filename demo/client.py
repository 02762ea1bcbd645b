"""Home Assistant's REST and websocket API, as the demo and the end-to-end tests use it."""

import asyncio
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp

FLOW = "/api/config/config_entries/flow"
_PROGRESS_POLL = 0.2
_FLOW_TIMEOUT = 90.0


class HassError(Exception):
    """Home Assistant refused a request; the text says which and why."""


def form_values(schema: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a form of the frontend holds before anybody types: suggested values, else defaults."""
    values: dict[str, Any] = {}
    for field in schema:
        suggested = (field.get("description") or {}).get("suggested_value")
        if field.get("type") == "expandable":
            if inner := form_values(field["schema"]):
                values[field["name"]] = inner
        elif suggested is not None:
            values[field["name"]] = suggested
        elif "default" in field:
            values[field["name"]] = field["default"]
    return values


class HassClient:
    """An asynchronous client with a long-lived token; use it as a context manager."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self._token}"})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the decoded JSON of a request; raises HassError for every status of 400 and above."""
        assert self._session is not None, "used outside its context"  # noqa: S101
        async with self._session.request(method, self._url + path, json=body) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise HassError(f"{method} {path}: {response.status} {await response.text()}")
            return await response.json()

    async def get(self, path: str) -> Any:
        """Return the decoded JSON of a GET request."""
        return await self.request("GET", path)

    async def command(self, kind: str, **fields: Any) -> Any:
        """Return the result of one websocket command, on a connection of its own."""
        assert self._session is not None, "used outside its context"  # noqa: S101
        async with self._session.ws_connect(f"{self._url}/api/websocket", max_msg_size=0) as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self._token})
            await socket.receive_json()
            await socket.send_json({"id": 1, "type": kind, **fields})
            answer = await socket.receive_json()
        if not answer.get("success"):
            raise HassError(f"{kind}: {answer.get('error', answer)}")
        return answer["result"]

    async def add_entry(self, domain: str, answers: dict[str, dict[str, Any]]) -> str:
        """Go through a config flow as a person would and return the id of the entry that it creates.

        ``answers`` maps step ids to what is typed there (for a menu: ``{"next_step_id": ...}``); every other field
        keeps what its form suggests. Raises HassError when the flow aborts or shows an error.
        """
        async with asyncio.timeout(_FLOW_TIMEOUT):
            step = await self.request("POST", FLOW, {"handler": domain})
            while step["type"] != "create_entry":
                step = await self._next_step(step, answers)
        entry_id: str = step["result"]["entry_id"]
        return entry_id

    async def _next_step(self, step: dict[str, Any], answers: dict[str, dict[str, Any]]) -> dict[str, Any]:
        kind, step_id = step["type"], step.get("step_id", "")
        next_step: dict[str, Any]
        if kind == "progress":
            await asyncio.sleep(_PROGRESS_POLL)
            next_step = await self.get(f"{FLOW}/{step['flow_id']}")
        elif kind == "menu" and step_id in answers:
            next_step = await self.request("POST", f"{FLOW}/{step['flow_id']}", answers[step_id])
        elif kind == "form" and not step.get("errors"):
            values = form_values(step["data_schema"] or []) | answers.get(step_id, {})
            next_step = await self.request("POST", f"{FLOW}/{step['flow_id']}", values)
        else:
            raise HassError(f"config flow: {kind} at {step_id!r}: {step.get('reason') or step.get('errors')}")
        return next_step

    async def remove_entry(self, entry_id: str) -> None:
        """Remove a config entry."""
        await self.request("DELETE", f"/api/config/config_entries/entry/{entry_id}")

    async def reload_entry(self, entry_id: str) -> None:
        """Reload a config entry."""
        await self.request("POST", f"/api/config/config_entries/entry/{entry_id}/reload")

    async def entry_ids(self, domain: str) -> set[str]:
        """Return the ids of the config entries of an integration."""
        return {entry["entry_id"] for entry in await self.command("config_entries/get", domain=domain)}

    async def entities(self, entry_id: str) -> list[str]:
        """Return the ids of the enabled entities of a config entry that are no configuration or diagnostic ones."""
        return [
            entity["entity_id"]
            for entity in await self.command("config/entity_registry/list")
            if entity["config_entry_id"] == entry_id
            and entity["disabled_by"] is None
            and entity["entity_category"] is None
        ]

    async def states(self, entry_id: str) -> dict[str, dict[str, Any]]:
        """Return the states of ``entities(entry_id)`` by entity id; one that has no state yet is left out."""
        wanted = set(await self.entities(entry_id))
        return {state["entity_id"]: state for state in await self.get("/api/states") if state["entity_id"] in wanted}
