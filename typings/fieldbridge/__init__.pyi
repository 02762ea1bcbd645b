# The name under which examples import the bridge; Home Assistant's finder answers it, or the wheel.
from custom_components.fieldbridge.bridge import *  # noqa: F403
