"""Steps of the config flow that add a bridge app: its file, the packages that it needs, its settings."""

import asyncio
from pathlib import Path
from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig, SelectSelectorMode
import probatio

from ..app_channels import readable
from ..app_loader import (
    APPS_FOLDER,
    AppError,
    AppNameTakenError,
    AppNotFoundError,
    AppSettingsError,
    NoSingleAppError,
    app_file,
    check_settings,
    find_apps,
    forget_app,
    load_app,
)
from ..app_requirements import PackagesFailedError, RequirementRefusedError, async_install, missing_requirements
from ..const import CONF_APP, CONF_KIND, CONF_PACKAGES, CONF_SETTINGS, DOMAIN, KIND_APP
from .link_steps import LinkSteps
from .settings_form import SettingsForm

_ERROR_OF: Final[dict[type[AppError], str]] = {
    AppNotFoundError: "app_not_found",
    AppNameTakenError: "app_name_taken",
    NoSingleAppError: "no_single_app",
    PackagesFailedError: "packages_failed",
    RequirementRefusedError: "requirement_refused",
}


class AppSteps(LinkSteps):
    """Adds a bridge app."""

    _app: str
    _packages: list[str]
    _installing: asyncio.Task[None]
    _form: SettingsForm

    async def async_step_app(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a file or package among those that no entry runs yet."""
        folder = self._apps_folder
        apps = await self.hass.async_add_executor_job(find_apps, folder)
        running = {entry.data.get(CONF_APP) for entry in self.hass.config_entries.async_entries(DOMAIN)}
        apps = [app for app in apps if app not in running]
        if not apps:
            return self.async_abort(reason="no_apps", description_placeholders={"folder": str(folder)})
        if user_input is None:
            return self._show_apps(apps)
        self._app = user_input[CONF_APP]
        try:
            self._packages = await self.hass.async_add_executor_job(self._missing_packages)
            if not self._packages:
                return await self._async_take_app()
        except AppError as err:
            return self._show_apps(apps, err)
        return await self.async_step_app_packages()

    async def async_step_app_packages(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what would be installed before anything of the app is run."""
        if user_input is None:
            packages = "\n".join(f"- `{package}`" for package in self._packages)
            return self.async_show_form(
                step_id="app_packages",
                data_schema=probatio.Schema({}),
                description_placeholders={"app": self._app, "packages": packages},
            )
        self._installing = self.hass.async_create_task(
            async_install(self.hass, self._app, self._packages), eager_start=False
        )
        return await self.async_step_app_install()

    async def async_step_app_install(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Wait for the packages."""
        if self._installing.done():
            return self.async_show_progress_done(next_step_id="app_installed")
        return self.async_show_progress(
            step_id="app_install",
            progress_action="installing",
            progress_task=self._installing,
            description_placeholders={"packages": ", ".join(self._packages)},
        )

    async def async_step_app_installed(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on with the installed packages, or begin anew."""
        try:
            self._installing.result()
            return await self._async_take_app()
        except AppError as err:
            return self._show_apps([self._app], err)

    async def async_step_app_settings(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the settings that the app declares."""
        errors: dict[str, str] = {}
        error = ""
        if user_input is not None:
            values = self._form.values(user_input, {})
            errors, error = await self.hass.async_add_executor_job(setting_errors, self._form, values)
            if not errors:
                return self._create_app(values)
        return self.async_show_form(
            step_id="app_settings",
            data_schema=self._form.schema(user_input or {}),
            errors=errors,
            description_placeholders={"explanation": self._form.explanation, "error": error},
        )

    @property
    def _apps_folder(self) -> Path:
        return Path(self.hass.config.config_dir) / APPS_FOLDER

    def _missing_packages(self) -> list[str]:
        return missing_requirements(app_file(self._apps_folder, self._app))

    async def _async_take_app(self) -> ConfigFlowResult:
        """Find the app's settings; one that has none is added at once. Raises AppError."""
        self._form = await self.hass.async_add_executor_job(read_settings, self._apps_folder, self._app)
        if self._form.fields:
            return await self.async_step_app_settings()
        await self._async_make_once()
        return self._create_app({})

    def _create_app(self, settings: dict[str, Any]) -> ConfigFlowResult:
        # Another flow may have added it while this one asked.
        self._async_abort_entries_match({CONF_APP: self._app})
        return self.async_create_entry(
            title=readable(self._app),
            data={CONF_KIND: KIND_APP, CONF_APP: self._app, CONF_PACKAGES: self._packages},
            options={CONF_SETTINGS: settings},
        )

    def _show_apps(self, apps: list[str], err: AppError | None = None) -> ConfigFlowResult:
        schema = probatio.Schema(
            {
                probatio.Required(CONF_APP): SelectSelector(
                    SelectSelectorConfig(options=apps, mode=SelectSelectorMode.DROPDOWN)
                )
            }
        )
        return self.async_show_form(
            step_id="app",
            data_schema=schema if err is None else self.add_suggested_values_to_schema(schema, {CONF_APP: self._app}),
            errors={} if err is None else {CONF_APP: _ERROR_OF.get(type(err), "app_failed")},
            description_placeholders={"folder": str(self._apps_folder), **({} if err is None else err.placeholders)},
        )


def read_settings(folder: Path, name: str) -> SettingsForm:
    """Import an app that does not run for the sake of its settings; blocks. Raises AppError."""
    try:
        settings_class = type(load_app(folder, name, {}).settings)
    except AppSettingsError as err:
        settings_class = err.settings_class
    finally:
        forget_app(name)
    return SettingsForm(settings_class)


def setting_errors(form: SettingsForm, values: dict[str, Any]) -> tuple[dict[str, str], str]:
    """Return the errors of a filled form by field, and what they are; blocks."""
    messages = check_settings(form.settings_class, values)
    fields = {field.partition(".")[0] for field in messages}
    errors = {field if field in form.fields else "base": "bad_setting" for field in fields}
    return errors, "; ".join(f"{field}: {message}" for field, message in messages.items())
