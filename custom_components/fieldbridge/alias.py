"""Bridge apps ``import fieldbridge``: inside Home Assistant that is the bridge of this integration, not a copy of it.

``<config>/fieldbridge`` is no package, but without the finder it would be found as one.
"""

from .bridge.alias import BridgeAlias
from .bridge.alias import install_aliases as _install_aliases

__all__ = ["BridgeAlias", "install_aliases"]


def install_aliases() -> None:
    """Make ``fieldbridge``, and ``cosalette`` where that is not installed, names of the bridge; idempotent."""
    _install_aliases("fieldbridge")
