"""Who wants to hear of something, told one after another."""

from collections.abc import Callable
import logging

_LOGGER = logging.getLogger(__name__)

type Unsubscribe = Callable[[], None]


class Listeners[**P]:
    """Callables that are told together; one that fails takes neither the teller nor the others with it."""

    __slots__ = ("_listeners", "anybody", "failures")

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[P, None]] = {}
        self.anybody = False
        """Whether there is a listener; looked at where even a call that tells nobody counts."""
        self.failures = 0
        """Calls that raised; the first one is logged."""

    def add(self, listener: Callable[P, None]) -> Unsubscribe:
        """Tell ``listener`` from now on; the returned function ends that, idempotent."""
        token = object()
        self._listeners[token] = listener
        self.anybody = True

        def unsubscribe() -> None:
            self._listeners.pop(token, None)
            self.anybody = bool(self._listeners)

        return unsubscribe

    def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every listener."""
        for listener in tuple(self._listeners.values()):
            try:
                listener(*args, **kwargs)
            except Exception:
                self.failures += 1
                if self.failures == 1:
                    _LOGGER.exception("A listener failed; further failures of its kind are only counted")
