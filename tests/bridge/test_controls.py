"""Controls belong to the handler that understands them."""

import pytest

from custom_components.fieldbridge.bridge.app import App
from custom_components.fieldbridge.bridge.controls import (
    ButtonControl,
    NumberControl,
    SelectControl,
    SwitchControl,
    controls,
    controls_of,
)


def test_a_registered_handler_still_offers_its_controls() -> None:
    app = App("heater")
    power, reset = SwitchControl("Power"), ButtonControl("Reset")

    @app.command("heater")
    @controls(power, reset)
    async def heater(payload: str) -> None:
        pass

    assert controls_of(app.commands[0].func) == (power, reset)


def test_a_handler_without_controls_offers_none() -> None:
    assert controls_of(print) == ()


def test_two_controls_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        controls(SwitchControl("Power"), ButtonControl("Power"))


def test_controls_that_allow_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing to choose from"):
        SelectControl("Mode", options=())
    with pytest.raises(ValueError, match="no number from 5 to 5"):
        NumberControl("Speed", minimum=5, maximum=5)
    with pytest.raises(ValueError, match="in steps of 0"):
        NumberControl("Speed", step=0)
