"""What a person pastes or uploads about a Modbus device, whichever of the known forms it has."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import FileSelector, FileSelectorConfig, TextSelector, TextSelectorConfig
import probatio

from ..bridge.channels import DeviceProfile
from ..bridge.errors import ProfileError
from ..bridge.modbus import RegisterDecoder
from ..bridge.modbus.importers.core_yaml import read_core_yaml
from ..bridge.modbus.importers.device_files import read_device_file
from ..bridge.modbus.importers.result import Import, ImportedDevice, ImportedLink
from ..bridge.modbus.importers.table import read_table
from ..bridge.profiles import ProfileFile, list_profiles, read_profile
from ..const import KIND_MODBUS
from ..presentable import printable
from .filter_form import FieldError

MAX_DEFINITION = 1_000_000
"""Characters of a definition."""
PROFILES_FOLDER = Path("fieldbridge", "profiles")
"""Where users put profiles of their own, within Home Assistant's configuration."""
_SHOWN_REMARKS = 30


_DEFINITION: Final = "definition"
CONF_FILE: Final = "file"
DEFINITION_SCHEMA: Final = probatio.Schema(
    {
        probatio.Optional(_DEFINITION): TextSelector(TextSelectorConfig(multiline=True)),
        probatio.Optional(CONF_FILE): FileSelector(FileSelectorConfig(accept=".yaml,.yml,.csv,.txt")),
    }
)


def given_text(hass: HomeAssistant, form: dict[str, Any]) -> str:
    """Return the text that was pasted, or else uploaded; blocking. Raises FieldError."""
    pasted: str = form.get(_DEFINITION) or ""
    if pasted.strip():
        return pasted
    if CONF_FILE not in form:
        raise FieldError(_DEFINITION, "no_definition")
    try:
        with process_uploaded_file(hass, form[CONF_FILE]) as path, path.open("rb") as file:
            text = _decoded(file.read(4 * MAX_DEFINITION))
    except ValueError as err:  # it was read before, or Home Assistant has been started anew
        raise FieldError(CONF_FILE, "upload_again") from err
    if not text.strip():
        raise FieldError(CONF_FILE, "file_is_empty")
    return text


def read_definition(text: str) -> Import:
    """Return the devices that ``text`` describes; blocking. Raises ProfileError that says what is wrong.

    Our own profiles, Home Assistant's ``modbus:`` YAML, device files of modbus_local_gateway and modbus_connect, and
    tables as data sheets have them are told apart by what is in them.
    """
    if len(text) > MAX_DEFINITION:
        raise ProfileError("", f"more than {MAX_DEFINITION} characters")
    if "schema_version:" in text:
        return _of_profile(read_profile(text))
    errors: list[ProfileError] = []
    for read in (read_core_yaml, read_device_file, read_table):
        try:
            found = read(text)
        except ProfileError as err:
            errors.append(err)
            continue
        if found.devices:
            return found
    raise errors[0] if errors else ProfileError("", "no registers were found in it")


def own_and_shipped(config_dir: str, kind: str = KIND_MODBUS) -> tuple[list[ProfileFile], list[ProfileFile]]:
    """Return the good profiles of a kind and the files with mistakes; blocking."""
    files = list_profiles(Path(config_dir) / PROFILES_FOLDER)
    return [file for file in files if file.profile and file.profile.kind == kind], [
        file for file in files if file.mistakes
    ]


def mistakes_text(files: list[ProfileFile]) -> str:
    """Return the mistakes in a user's files, one per line."""
    return "\n".join(
        f"- {printable(file.origin)}: {printable(str(mistake))}" for file in files for mistake in file.mistakes
    )


def remarks_text(found: Import) -> str:
    """Return what did not come along, one per line."""
    lines = [
        f"- {f'{remark.line}: ' if remark.line else ''}{printable(remark.place)}: {printable(remark.detail)}"
        for remark in found.remarks
    ]
    more = len(lines) - _SHOWN_REMARKS
    return "\n".join([*lines[:_SHOWN_REMARKS], *([f"- … +{more}"] if more > 0 else [])])


def with_unit(profile: DeviceProfile, unit: int) -> DeviceProfile:
    """Return the profile of the unit with this id; raises ProfileError for one without registers."""
    decoder: Any = profile.decoder
    if not isinstance(decoder, RegisterDecoder):
        raise ProfileError("decoder", "is not for Modbus")
    return replace(profile, decoder=replace(decoder, device=replace(decoder.device, unit=unit)))


def _decoded(data: bytes) -> str:
    """Return the text of a file: Excel writes UTF-16, or what Windows had before UTF-8."""
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _of_profile(file: ProfileFile) -> Import:
    if file.profile is None:
        raise ProfileError("", "; ".join(str(mistake) for mistake in file.mistakes))
    profile = file.profile
    if not isinstance(profile.device.decoder, RegisterDecoder):
        raise ProfileError("decoder", "is not for Modbus")
    unit = profile.device.decoder.device.unit
    device = ImportedDevice(name=profile.name, unit=unit, profile=profile.device)
    return Import(links=(ImportedLink(name=profile.name, devices=(device,)),))
