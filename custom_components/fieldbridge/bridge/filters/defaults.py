"""Filters that a new channel has unless somebody removes them."""

from typing import Any

TOTAL_INCREASING = "total_increasing"


def default_filters(state_class: str | None) -> tuple[dict[str, Any], ...]:
    """Return the filters of a new number: a total that jumps to 0 and back would be counted twice by statistics."""
    return ({"kind": "counter_guard"},) if state_class == TOTAL_INCREASING else ()
