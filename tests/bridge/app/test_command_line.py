"""The command line of an app, run as people run it."""

import asyncio
from collections.abc import Callable
import json
from pathlib import Path
from typing import Protocol

import aiomqtt
import pytest
from typer.testing import CliRunner, Result

from custom_components.fieldbridge.bridge.app import App, cli, setting_ref
from custom_components.fieldbridge.bridge.app.cli import build_cli, load_app
from custom_components.fieldbridge.bridge.interfaces import StreamablePort
from custom_components.fieldbridge.bridge.introspection import build_registry_snapshot
from custom_components.fieldbridge.bridge.persist import SaveOnPublish
from custom_components.fieldbridge.bridge.retry import CircuitBreaker, FixedBackoff
from custom_components.fieldbridge.bridge.settings import Settings
from custom_components.fieldbridge.bridge.stores import MemoryStore
from custom_components.fieldbridge.bridge.strategies import Every
from custom_components.fieldbridge.bridge.streams import Stream

type Invoke = Callable[..., Result]


class RoofSettings(Settings):
    address: str = "here"


class Failing:
    def __init__(self, settings: RoofSettings) -> None:
        raise OSError(f"nothing at {settings.address}, log {settings.logging.level} {settings.logging.format}")


class Pretending:
    def __init__(self) -> None:
        raise OSError("only pretending")


@pytest.fixture
def app() -> App:
    app = App("roof", "1.2.3", settings_class=RoofSettings, store=MemoryStore())
    app.adapter(Failing, Failing, dry_run=Pretending)
    return app


@pytest.fixture
def invoke(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.chdir(tmp_path)
    # The app runs until something stops it: here an adapter that cannot be made, after the options were read.
    monkeypatch.setattr("custom_components.fieldbridge.bridge.logging.configure_logging", lambda *_, **__: None)
    return lambda *arguments: CliRunner().invoke(build_cli(app), arguments)


def test_the_version(invoke: Invoke) -> None:
    result = invoke("--version")
    assert (result.exit_code, result.output.strip()) == (0, "roof v1.2.3")


def test_options_reach_the_app(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "my.env").write_text("ADDRESS=there\n")
    result = invoke("--env-file", "my.env", "--log-level", "debug", "--log-format", "text")
    assert result.exit_code == 3
    assert "roof failed: nothing at there, log DEBUG text" in result.output


def test_a_dry_run_uses_the_other_adapters(invoke: Invoke) -> None:
    assert "only pretending" in invoke("--dry-run").output


def test_wrong_options_and_wrong_settings_have_exit_codes_of_their_own(invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("--log-level", "loud").exit_code == 2
    (tmp_path / ".env").write_text("MQTT__PORT=0\n")
    result = invoke()
    assert result.exit_code == 1
    assert "The settings are wrong" in result.output


def test_what_is_registered_can_be_listed(app: App, invoke: Invoke) -> None:
    async def read() -> dict[str, object]:
        return {}

    app.add_telemetry("sun", read, interval=5)
    assert invoke("--show-devices").output.split()[:2] == ["sun", "telemetry"]
    assert json.loads(invoke("--show-devices-json").output) == build_registry_snapshot(app)


def test_a_snapshot_describes_everything(app: App) -> None:
    async def read(settings: RoofSettings) -> dict[str, object]:
        return {}

    async def listen(stream: Stream[int]) -> None: ...

    async def handle(topic: str, payload: str) -> None: ...

    def make() -> int:
        return 1

    app.adapter(StreamablePort[int], "somewhere:Port")
    app.add_telemetry(
        "sun",
        read,
        interval=lambda settings: settings.mqtt.reconnect_interval,
        publish=Every(n=5),
        persist=SaveOnPublish(),
        group="sky",
        retry=2,
        backoff=FixedBackoff(1),
        circuit_breaker=CircuitBreaker(4),
        timeout=setting_ref("mqtt.port"),
        init=make,
    )
    app.add_command("blind", handle)
    app.add_stream("rain", listen)
    snapshot = json.loads(json.dumps(build_registry_snapshot(app)))
    assert snapshot["app"] == {"name": "roof", "version": "1.2.3", "description": "IoT-to-MQTT bridge"}
    (telemetry,) = snapshot["telemetry"]
    assert telemetry["func"].endswith("read")
    assert telemetry | {"func": "read"} == {
        "name": "sun",
        "type": "telemetry",
        "func": "read",
        "is_root": False,
        "enabled": True,
        "has_init": True,
        "dependencies": [["settings", "RoofSettings"]],
        "tags": [],
        "summary": None,
        "behavior": None,
        "effects": None,
        "state_model": None,
        "payload_model": None,
        "interval": "<deferred>",
        "schedule": None,
        "strategy": "Every(n=5)",
        "persist": "SaveOnPublish()",
        "group": "sky",
        "retry": 2,
        "retry_on": ["OSError"],
        "backoff": "FixedBackoff(delay=1)",
        "circuit_breaker": "CircuitBreaker(threshold=4)",
        "triggerable": False,
        "timeout": "mqtt.port",
    }
    (command,) = snapshot["commands"]
    assert (command["mqtt_params"], command["sub"], command["sub_key"]) == (["payload", "topic"], None, None)
    assert snapshot["streams"][0]["item_type"] == "int"
    assert snapshot["adapters"][0] == {"port": "Failing", "impl": "Failing", "dry_run": "Pretending"}
    assert snapshot["adapters"][1]["impl"] == "somewhere:Port"


class Broker(Protocol):
    """What these tests need of the broker's fixture."""

    host: str
    port: int

    def stop(self) -> None: ...


def test_the_health_of_a_running_app_is_what_the_broker_keeps(
    invoke: Invoke, tmp_path: Path, mosquitto: Broker
) -> None:
    (tmp_path / ".env").write_text(f"MQTT__HOST={mosquitto.host}\nMQTT__PORT={mosquitto.port}\nMQTT__CLIENT_ID=roof\n")

    async def keep(status: str) -> None:
        async with aiomqtt.Client(mosquitto.host, mosquitto.port, identifier="roof") as running:
            await running.publish("roof/status", status, qos=1, retain=True)

    asyncio.run(keep('{"status":"online"}'))
    result = invoke("health")
    assert (result.exit_code, result.output.strip()) == (0, '{"status":"online"}')
    asyncio.run(keep("offline"))
    assert invoke("health").exit_code == 3


def test_the_health_of_an_app_that_nobody_knows_is_an_error(
    invoke: Invoke, tmp_path: Path, mosquitto: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"MQTT__HOST={mosquitto.host}\nMQTT__PORT={mosquitto.port}\n")
    monkeypatch.setattr(cli, "PROBE_TIMEOUT", 0.2)
    result = invoke("health")
    assert result.exit_code == 3
    assert "keeps no status on roof/status" in result.output
    mosquitto.stop()
    result = invoke("health")
    assert result.exit_code == 3
    assert "roof cannot be asked" in result.output


def test_an_app_is_found_in_its_file(tmp_path: Path) -> None:
    name = App.__module__.rpartition(".app.")[0]
    file = tmp_path / "my_bridge_app.py"
    file.write_text(f"from {name} import App\napp = App('roof')\n")
    assert load_app(file).name == "roof"
    file.write_text("apps = []\n")
    with pytest.raises(LookupError, match="exactly one App, found 0"):
        load_app(file)


@pytest.mark.parametrize("ending", ["app.run()", "app.cli()"])
def test_a_file_that_starts_its_app_itself_is_run_once_with_the_options(
    ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = App.__module__.rpartition(".app.")[0]
    file = tmp_path / "my_starting_app.py"
    file.write_text(f"from {name} import App\napp = App('roof', '2.0')\n{ending}\nprint('imported')\n")
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", str(file), "--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "imported\nroof v2.0\n"


def test_a_file_without_an_app_is_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my_empty_app.py"
    file.write_text("apps = []\n")
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", str(file)])
    assert ended.value.code == 2
    assert "must hold exactly one App, found 0" in capsys.readouterr().err
