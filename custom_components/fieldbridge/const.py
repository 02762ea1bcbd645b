"""Constants of the Fieldbridge integration."""

from typing import Final

DOMAIN: Final = "fieldbridge"

SUBENTRY_DEVICE: Final = "device"

CONF_KIND: Final = "kind"
KIND_SERIAL: Final = "serial"
KIND_MODBUS: Final = "modbus"
KIND_BLE: Final = "ble"
KIND_MQTT: Final = "mqtt"
KIND_REPLAY: Final = "replay"
KIND_SIMULATED: Final = "simulated"
KIND_APP: Final = "app"

CONF_BAUDRATE: Final = "baudrate"
CONF_BYTESIZE: Final = "bytesize"
CONF_PARITY: Final = "parity"
CONF_STOPBITS: Final = "stopbits"
CONF_XONXOFF: Final = "xonxoff"
CONF_RTSCTS: Final = "rtscts"
CONF_DELIMITER: Final = "delimiter"
"""Text with escapes, as the user wrote it (``\\n``)."""
CONF_MAX_LENGTH: Final = "max_length"

CONF_SIGNALS: Final = "signals"
CONF_INTERVAL: Final = "interval"
"""Seconds between two simulated frames."""

CONF_MIRROR: Final = "mirror"
MIRROR_NONE: Final = "none"
MIRROR_HOME_ASSISTANT: Final = "home_assistant"
MIRROR_BROKER: Final = "broker"
CONF_PREFIX: Final = "prefix"
CONF_TLS: Final = "tls"
CONF_DIAGNOSTIC_FRAMES: Final = "diagnostic_frames"

CONF_APP: Final = "app"
"""Name of a bridge app's file without ``.py``, or of its package."""
CONF_SETTINGS: Final = "settings"
"""Values of the app's settings class by field."""
CONF_STALE_AFTER: Final = "stale_after"
"""Seconds of silence after which a device of an app is unavailable; missing means never."""
CONF_CHANNELS: Final = "channels"
"""Corrected channels of an app by device and path."""
CONF_PACKAGES: Final = "packages"
"""Requirements of an app that the user agreed to install."""
