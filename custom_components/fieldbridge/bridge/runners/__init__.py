"""One runner for each kind of registration: telemetry, device, command, stream; retry and back-off around them."""
