"""The command line of an app, and ``fieldbridge run app.py``. The only module that imports typer."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
import importlib.util
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..alias import install_aliases
from ..embedding import only_imported
from ..errors import LinkError
from ..introspection import build_registry_snapshot, format_registry_json, format_registry_table
from ..stores import keep_state_by_default
from .probe import OFFLINE, read_status

if TYPE_CHECKING:
    from ..settings import Settings
    from .app import App

CONFIGURATION_ERROR = 1
RUNTIME_ERROR = 3
PROBE_TIMEOUT = 5.0
"""Seconds that ``health`` waits for the broker."""


class LogLevel(StrEnum):
    """Levels of the log."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class LogFormat(StrEnum):
    """Formats of the log."""

    JSON = "json"
    TEXT = "text"


def build_cli(app: App) -> typer.Typer:
    """Return the command line of ``app``; it exits with 1 for wrong settings, 2 for wrong options, 3 when it failed."""
    cli = typer.Typer(help=app.description, add_completion=False, rich_markup_mode=None)

    @cli.callback(invoke_without_command=True)
    def main(
        context: typer.Context,
        version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Use the dry-run variants of the adapters.")] = False,
        show_devices: Annotated[bool, typer.Option("--show-devices", help="List what is registered and exit.")] = False,
        show_devices_json: Annotated[bool, typer.Option("--show-devices-json", help="The same as JSON.")] = False,
        log_level: Annotated[LogLevel | None, typer.Option(case_sensitive=False, help="Level of the log.")] = None,
        log_format: Annotated[LogFormat | None, typer.Option(case_sensitive=False, help="Format of the log.")] = None,
        env_file: Annotated[Path, typer.Option(help="File with settings.")] = Path(".env"),
    ) -> None:
        context.obj = lambda: _settings(app, env_file, log_level, log_format)
        if context.invoked_subcommand is not None:
            return
        if version:
            typer.echo(f"{app.name} v{app.version}")
        elif show_devices_json:
            typer.echo(format_registry_json(build_registry_snapshot(app)))
        elif show_devices:
            typer.echo(format_registry_table(build_registry_snapshot(app)))
        else:
            app.dry_run = app.dry_run or dry_run
            _run(app, context.obj())

    @cli.command()
    def health(context: typer.Context) -> None:
        """Print what the broker last heard of the running app; exits with 3 unless it is online."""
        settings_of: Callable[[], Settings] = context.obj
        _probe(app, settings_of())

    return cli


class NoAppError(LookupError):
    """A file does not hold the one App that is to be run."""


def load_app(path: Path) -> App:
    """Import a file and return the App in it. Raises what the file raises, NoAppError unless it holds exactly one."""
    from .app import App

    install_aliases(on_cosalette=keep_state_by_default)
    # Beside the file, so that it can import its neighbours.
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise NoAppError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    # Most files end with app.run() or app.cli().
    with only_imported():
        spec.loader.exec_module(module)
    apps = [value for value in vars(module).values() if isinstance(value, App)]
    if len(apps) != 1:
        raise NoAppError(f"{path} must hold exactly one App, found {len(apps)}")
    return apps[0]


def main(arguments: list[str] | None = None) -> None:
    """Run ``fieldbridge run FILE [OPTIONS]``."""
    # A mistake in the file is told as Python tells it: with its line, and without the values of variables.
    cli = typer.Typer(
        help="Run bridge apps without Home Assistant.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    @cli.callback()
    def group() -> None:
        pass

    @cli.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
    def run(context: typer.Context, file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
        """Run the app in FILE; further options are the app's own."""
        try:
            app = load_app(file)
        except NoAppError as err:
            raise typer.BadParameter(str(err)) from err
        build_cli(app)(context.args)

    cli(arguments)


def _settings(app: App, env_file: Path, level: LogLevel | None, style: LogFormat | None) -> Settings:
    try:
        settings = app.settings_class(_env_file=env_file)
    except ValueError as err:
        typer.echo(f"The settings are wrong: {err}", err=True)
        raise SystemExit(CONFIGURATION_ERROR) from err
    changes = {"level": level and level.value, "format": style and style.value}
    logging = settings.logging.model_copy(update={key: value for key, value in changes.items() if value is not None})
    return settings.model_copy(update={"logging": logging})


def _run(app: App, settings: Settings) -> None:
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(app.run_async(settings=settings))
        except Exception as err:
            typer.echo(f"{app.name} failed: {err}", err=True)
            raise SystemExit(RUNTIME_ERROR) from err


def _probe(app: App, settings: Settings) -> None:
    prefix = settings.mqtt.topic_prefix.strip("/") or app.name
    try:
        status = asyncio.run(read_status(settings.mqtt, prefix, PROBE_TIMEOUT))
    except (LinkError, TimeoutError) as err:
        typer.echo(f"{app.name} cannot be asked: {err}", err=True)
        raise SystemExit(RUNTIME_ERROR) from err
    typer.echo(status)
    if status == OFFLINE:
        raise SystemExit(RUNTIME_ERROR)
