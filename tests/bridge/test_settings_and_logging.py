"""Settings come from the environment, from a file, or from given values alone; logging takes over a process."""

from collections.abc import Iterator
import json
import logging
from pathlib import Path
import sys

from pydantic_settings import SettingsConfigDict
import pytest

from custom_components.fieldbridge.bridge.app import App
from custom_components.fieldbridge.bridge.logging import JsonFormatter, configure_logging
from custom_components.fieldbridge.bridge.settings import LoggingSettings, MqttSettings, Settings


class RoofSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="ROOF_", env_nested_delimiter="__", env_file=".env", extra="ignore")

    address: str
    poll: float = 5.0


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("ROOF_ADDRESS=file\nROOF_POLL=7\nROOF_MQTT__HOST=broker\n")
    monkeypatch.setenv("ROOF_ADDRESS", "environment")
    settings = App("roof", settings_class=RoofSettings).settings
    assert isinstance(settings, RoofSettings)
    assert (settings.address, settings.poll, settings.mqtt.host) == ("environment", 7, "broker")


def test_given_values_are_all_there_is(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("ROOF_POLL=7\n")
    monkeypatch.setenv("ROOF_MQTT__HOST", "broker")
    settings = RoofSettings.from_values(address="given", mqtt={"port": 1884, "password": "secret"})
    assert (settings.address, settings.poll) == ("given", 5)
    assert (settings.mqtt.host, settings.mqtt.port) == ("localhost", 1884)
    assert "secret" not in repr(settings)
    with pytest.raises(ValueError, match="address"):
        RoofSettings.from_values()


def test_incomplete_settings_are_told_when_they_are_asked_for() -> None:
    app = App("roof", settings_class=RoofSettings)
    with pytest.raises(RuntimeError, match="RoofSettings could not be instantiated"):
        _ = app.settings


def test_certificates_may_be_named_as_in_cosalette(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    monkeypatch.setenv("MQTT__TLS_CA_FILE", "/ca.pem")
    monkeypatch.setenv("MQTT__TLS_KEY_FILE", "/key.pem")
    mqtt = Settings().mqtt
    assert (mqtt.tls_ca, mqtt.tls_key) == (Path("/ca.pem"), Path("/key.pem"))
    assert (mqtt.tls_ca_file, mqtt.tls_cert_file, mqtt.tls_key_file) == ("/ca.pem", None, "/key.pem")


@pytest.mark.parametrize("prefix", ["home/+", "#", "a\0"])
def test_a_prefix_with_wildcards_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="topic_prefix must not hold"):
        MqttSettings(topic_prefix=prefix)


def test_wrong_numbers_are_refused() -> None:
    for mqtt in ({"port": 0}, {"port": 70000}, {"reconnect_interval": 0}, {"host": ""}):
        with pytest.raises(ValueError, match="validation error"):
            Settings.from_values(mqtt=mqtt)


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """Lend the root logger and put it back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    for handler in handlers:
        root.removeHandler(handler)
    yield root
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)


def test_logging_goes_to_the_console_and_to_a_file(root_logger: logging.Logger, elsewhere: Path) -> None:
    path = elsewhere / "app.log"
    settings = LoggingSettings(level="DEBUG", file=str(path))
    configure_logging(settings, service="roof", version="1.0")
    configure_logging(settings, service="roof", version="1.0")
    assert len(root_logger.handlers) == 2
    logging.getLogger("roof").debug("sun is %s", "up")
    entry = json.loads(path.read_text())
    assert (entry["message"], entry["level"], entry["service"], entry["version"]) == (
        "sun is up",
        "DEBUG",
        "roof",
        "1.0",
    )


def test_text_is_for_people(root_logger: logging.Logger, elsewhere: Path) -> None:
    path = elsewhere / "app.log"
    configure_logging(LoggingSettings(format="text", file=str(path)), service="roof")
    logging.getLogger("roof").warning("clouds")
    assert "WARNING  roof: clouds" in path.read_text()


def test_a_record_is_one_line_whatever_it_holds() -> None:
    try:
        int("two\nlines")
    except ValueError:
        record = logging.LogRecord("roof", logging.ERROR, "", 0, "failed: %s", ("x\ny",), sys.exc_info(), "", "stack")
    line = JsonFormatter(service="roof").format(record)
    assert "\n" not in line
    entry = json.loads(line)
    assert "ValueError: invalid literal" in entry["exception"]
    assert entry["stack_info"] == "stack"
    assert entry["timestamp"].endswith("+00:00")
    assert "version" not in entry
