"""Profiles: descriptions of whole devices in YAML files, shipped and of the user's own. See docs/profiles.md."""

from .library import list_profiles, shipped_profiles
from .profile import KINDS, Mistake, Profile, ProfileFile, export_profile, read_profile
from .update import changes, newer_profile, updated

__all__ = [
    "KINDS",
    "Mistake",
    "Profile",
    "ProfileFile",
    "changes",
    "export_profile",
    "list_profiles",
    "newer_profile",
    "read_profile",
    "shipped_profiles",
    "updated",
]
