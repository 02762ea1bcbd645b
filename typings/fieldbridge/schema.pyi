from custom_components.fieldbridge.bridge.schema import *  # noqa: F403
