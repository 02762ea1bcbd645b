"""The profiles at hand: those shipped with the bridge and the files of one folder of the user's."""

from functools import cache
from pathlib import Path

from .profile import Mistake, ProfileFile, read_profile

MAX_BYTES = 1_000_000
"""Of one file; what is longer ends in the middle and is a mistake there."""
MAX_FILES = 500
"""Of the user's folder; the rest is left out."""

_SHIPPED = Path(__file__).parent / "data"


def list_profiles(folder: Path | None = None) -> list[ProfileFile]:
    """Return every profile, the user's own first; blocking, so call it in a thread.

    A file of the user's takes the place of a shipped profile of the same id. A broken file is in the list with its
    mistakes and hides no other.
    """
    own = _without_repetitions(_read_folder(folder)) if folder else []
    taken = {file.profile.id for file in own if file.profile}
    return own + [file for file in shipped_profiles() if file.profile and file.profile.id not in taken]


@cache
def shipped_profiles() -> tuple[ProfileFile, ...]:
    """Return the profiles that come with the bridge; read once, blocking."""
    return tuple(_read_file(path, is_shipped=True) for path in sorted(_SHIPPED.glob("*.yaml")))


def _read_folder(folder: Path) -> list[ProfileFile]:
    home = folder.resolve()
    try:
        paths = sorted(path for path in home.iterdir() if path.suffix in {".yaml", ".yml"} and path.is_file())
    except OSError:  # there is no folder, so there are no profiles
        return []
    # A link must not lead out of the folder that a user may fill.
    return [_read_file(path) for path in paths[:MAX_FILES] if path.resolve().is_relative_to(home)]


def _read_file(path: Path, *, is_shipped: bool = False) -> ProfileFile:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode()
    except (OSError, UnicodeError) as err:
        mistake = Mistake(line=None, path="", message=f"cannot be read: {err}")
        return ProfileFile(origin=path.name, mistakes=(mistake,), is_shipped=is_shipped)
    return read_profile(text, path.name, is_shipped=is_shipped)


def _without_repetitions(files: list[ProfileFile]) -> list[ProfileFile]:
    """Return the files, the second of one id as a mistake."""
    first: dict[str, str] = {}
    checked = []
    for file in files:
        if file.profile and (other := first.setdefault(file.profile.id, file.origin)) != file.origin:
            mistake = Mistake(line=None, path="id", message=f"{file.profile.id} is in {other} already")
            checked.append(ProfileFile(origin=file.origin, mistakes=(mistake,)))
        else:
            checked.append(file)
    return checked
