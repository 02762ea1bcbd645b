"""Whether a link is up, and who wants to know."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
import logging

_LOGGER = logging.getLogger(__name__)

type LinkListener = Callable[[LinkStatus], None]


class LinkState(StrEnum):
    """Where a link is between closed and open."""

    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """State of one link; ``since`` is the monotonic time in seconds at which the state began."""

    name: str
    state: LinkState
    error: Exception | None = None
    """Why it is down, or why the last attempt failed."""
    attempts: int = 0
    """Failed attempts since it was last up."""
    reconnects: int = 0
    """Times that it came back."""
    since: float = 0.0


@dataclass
class LinkBoard:
    """The current status of every link of an app; listeners hear each change."""

    _statuses: dict[str, LinkStatus] = field(default_factory=dict, init=False)
    _listeners: list[LinkListener] = field(default_factory=list, init=False)

    def report(self, status: LinkStatus) -> None:
        """Take a new status and tell the listeners, whose errors are logged."""
        self._statuses[status.name] = status
        for listener in list(self._listeners):
            try:
                listener(status)
            except Exception:
                _LOGGER.exception("A listener failed on the status of link %s", status.name)

    def status(self, name: str) -> LinkStatus:
        """Return the status of link ``name``. Raises LookupError when there is no such link."""
        try:
            return self._statuses[name]
        except KeyError:
            raise LookupError(f"No link named '{name}'") from None

    def subscribe(self, listener: LinkListener) -> Callable[[], None]:
        """Call ``listener`` on every change; returns the unsubscribe."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
