"""Bridge apps ``import fieldbridge``: inside Home Assistant that is the bridge of this integration, not a copy of it.

``<config>/fieldbridge`` is no package, but without the finder it would be found as one.
"""

from .bridge.alias import BridgeAlias
from .bridge.alias import install_aliases as _install_aliases
from .bridge.embedding import guest
from .bridge.stores import keep_state_by_default

__all__ = ["BridgeAlias", "install_aliases"]


def install_aliases() -> None:
    """Make ``fieldbridge``, and ``cosalette`` where that is not installed, names of the bridge; idempotent."""
    _install_aliases("fieldbridge", on_cosalette=_keep_state_of_guests)


def _keep_state_of_guests() -> None:
    # Only while an app is imported by its loader: nobody else is to find a store that nobody asked for.
    if guest() is not None:
        keep_state_by_default()
