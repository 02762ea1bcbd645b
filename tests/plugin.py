"""Early pytest plugin (``-p tests.plugin``): pytest-homeassistant-custom-component for 2026.10 runs on 2026.11 with it.

Home Assistant puts httpx2 in the place of httpx when it is imported and refuses once httpx is there; the other
plugins import httpx first, so it is imported before any of them. The second line is a name that has moved.
"""

import homeassistant  # noqa: F401  - imported for its effect
from homeassistant.components import logger
from homeassistant.components.logger import helpers

if not hasattr(logger, "_clear_logger_overwrites"):
    logger._clear_logger_overwrites = helpers._clear_logger_overwrites  # type: ignore[attr-defined]  # noqa: SLF001
