"""Home Assistant in process: every test here may load the integration."""

import pytest


@pytest.fixture(autouse=True)
def load_custom_integrations(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant find custom_components/."""
    if "recorder_mock" in request.fixturenames:
        # The recorder has to be there before `hass`, which the other fixture asks for.
        request.getfixturevalue("recorder_mock")
    request.getfixturevalue("enable_custom_integrations")
