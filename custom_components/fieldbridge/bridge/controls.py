"""How people command a device: what its handler understands, as numbers, switches, choices, buttons and texts.

@app.command("valve")
@controls(SwitchControl("Open", on="OPEN", off="CLOSE", state="is_open"))
async def valve(payload: str) -> dict[str, object]: ...
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

_ATTRIBUTE = "__fieldbridge_controls__"


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that can be commanded; ``state`` is the path in the published state that shows it."""

    name: str
    _: KW_ONLY
    state: str | None = None
    sub_topic: str | None = None


@dataclass(frozen=True, slots=True)
class NumberControl(Control):
    """Sends a number as text. Raises ValueError for an empty range."""

    _: KW_ONLY
    minimum: float = 0.0
    maximum: float = 100.0
    step: float = 1.0
    unit: str | None = None

    def __post_init__(self) -> None:
        if not self.minimum < self.maximum or self.step <= 0:
            raise ValueError(f"{self.name}: no number from {self.minimum} to {self.maximum} in steps of {self.step}")


@dataclass(frozen=True, slots=True)
class SwitchControl(Control):
    """Sends ``on`` or ``off``; a state of True or 1, or equal to ``on`` as a text, shows as on."""

    _: KW_ONLY
    on: str = "ON"
    off: str = "OFF"


@dataclass(frozen=True, slots=True)
class SelectControl(Control):
    """Sends one of ``options``. Raises ValueError when there are none."""

    _: KW_ONLY
    options: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError(f"{self.name}: nothing to choose from")


@dataclass(frozen=True, slots=True)
class ButtonControl(Control):
    """Sends ``payload``."""

    _: KW_ONLY
    payload: str = "PRESS"


@dataclass(frozen=True, slots=True)
class TextControl(Control):
    """Sends a text of at most ``max_length`` characters."""

    _: KW_ONLY
    max_length: int = 255


def controls[F: Callable[..., object]](*offered: Control) -> Callable[[F], F]:
    """Offer controls for the handler of a command or device. Raises ValueError when two have one name."""
    names = [control.name for control in offered]
    if len(set(names)) < len(names):
        raise ValueError(f"Two controls have one name: {', '.join(names)}")

    def attach(handler: F) -> F:
        setattr(handler, _ATTRIBUTE, offered)
        return handler

    return attach


def controls_of(handler: Callable[..., object]) -> tuple[Control, ...]:
    """Return the controls that a handler offers."""
    offered: tuple[Control, ...] = getattr(handler, _ATTRIBUTE, ())
    return offered
