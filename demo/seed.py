"""Write the .storage of a new Home Assistant so that it starts onboarded, with an owner, a token and its port."""

import base64
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import secrets
from typing import Any

import bcrypt
import jwt

USER, PASSWORD = "demo", "fieldbridge"
_TOKEN_LIFE = timedelta(days=3650)


def _write(config: Path, key: str, data: dict[str, Any], version: int = 1) -> None:
    storage = config / ".storage"
    storage.mkdir(parents=True, exist_ok=True)
    path = storage / key
    path.write_text(json.dumps({"version": version, "minor_version": 1, "key": key, "data": data}))
    path.chmod(0o600)


def seed_owner(config: Path) -> str:
    """Create the owner (USER, PASSWORD), finish the onboarding, and return a long-lived access token."""
    now = datetime.now(UTC)
    user_id, credential_id, token_id = (secrets.token_hex(16) for _ in range(3))
    jwt_key = secrets.token_hex(64)
    user = {
        "id": user_id,
        "group_ids": ["system-admin"],
        "is_owner": True,
        "is_active": True,
        "name": "Demo",
        "system_generated": False,
        "local_only": False,
    }
    credential = {
        "id": credential_id,
        "user_id": user_id,
        "auth_provider_type": "homeassistant",
        "auth_provider_id": None,
        "data": {"username": USER},
    }
    refresh_token = {
        "id": token_id,
        "user_id": user_id,
        "client_id": None,
        "client_name": "Fieldbridge demo",
        "client_icon": None,
        "token_type": "long_lived_access_token",
        "created_at": now.isoformat(),
        "access_token_expiration": _TOKEN_LIFE.total_seconds(),
        "token": secrets.token_hex(64),
        "jwt_key": jwt_key,
        "last_used_at": None,
        "last_used_ip": None,
        "expire_at": None,
        "credential_id": credential_id,
        "version": "2026.11.0",
    }
    groups = [
        {"id": "system-admin", "name": "Administrators"},
        {"id": "system-users", "name": "Users"},
        {"id": "system-read-only", "name": "Read Only"},
    ]
    _write(
        config,
        "auth",
        {"users": [user], "groups": groups, "credentials": [credential], "refresh_tokens": [refresh_token]},
    )
    # The cheapest cost that bcrypt allows: the login is printed anyway.
    password = base64.b64encode(bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(rounds=4))).decode()
    _write(config, "auth_provider.homeassistant", {"users": [{"username": USER, "password": password}]})
    _write(config, "onboarding", {"done": ["user", "core_config", "analytics", "integration"]}, version=4)
    issued = now - timedelta(seconds=5)
    return jwt.encode({"iss": token_id, "iat": issued, "exp": issued + _TOKEN_LIFE}, jwt_key, algorithm="HS256")


def seed_http(config: Path, host: str, port: int) -> None:
    """Say where to listen. As YAML it would only be a trial, after which Home Assistant stops."""
    stable = {
        "server_host": [host],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": False,
        "ssl_profile": "intermediate_v6",
        "use_x_frame_options": True,
        "created_at": datetime.now(UTC).isoformat(),
        "error": None,
        "error_message": None,
    }
    _write(config, "http", {"stable": stable, "pending": None, "yaml_migration_done": True}, version=3)
