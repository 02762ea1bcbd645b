from custom_components.fieldbridge.bridge.controls import *  # noqa: F403
