"""Settings of a bridge app, read from the environment and ``.env``, or from given values alone.

The only module that imports pydantic; it is imported when settings are first needed.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .embedding import embedded_settings

_OTHER_NAMES = {"tls_ca_file": "tls_ca", "tls_cert_file": "tls_cert", "tls_key_file": "tls_key"}

type LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class MqttSettings(BaseModel):
    """Connection to the MQTT broker, and where to publish."""

    host: str = Field(default="localhost", min_length=1)
    port: int = Field(default=1883, ge=1, le=65535)
    username: str | None = None
    password: SecretStr | None = None
    client_id: str = ""
    reconnect_interval: float = Field(default=5.0, gt=0)
    """Seconds before the first reconnect; doubled after every failure."""
    reconnect_max_interval: float = Field(default=300.0, gt=0)
    topic_prefix: str = ""
    """Empty: the name of the app."""
    tls: bool = False
    tls_ca: Path | None = None
    """CA certificates; None: those of the system."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_insecure: bool = False
    """True: accept a certificate that names another host."""
    persistent_session: bool = False
    """True: the broker keeps commands that arrive while the bridge is away (needs a client_id)."""
    retained_commands: bool = False
    """True: a retained command is executed at every start and reconnect."""
    max_inbound_payload_bytes: int = Field(default=256 * 1024, gt=0)
    """Longer messages are counted and dropped: no command is that long."""
    error_publish_verbose: bool = True
    """False: errors are published as the name of their class, for brokers that others read; the log has their words."""

    @model_validator(mode="before")
    @classmethod
    def _rename_tls_files(cls, values: Any) -> Any:
        """Take the certificates under the names that apps for cosalette give them as well."""
        if not isinstance(values, dict):
            return values
        return {_OTHER_NAMES.get(name, name): value for name, value in values.items()}

    @field_validator("topic_prefix")
    @classmethod
    def _without_wildcards(cls, prefix: str) -> str:
        if any(char in prefix for char in "+#\0"):
            raise ValueError("topic_prefix must not hold '+', '#' or NUL")
        return prefix

    @property
    def tls_ca_file(self) -> str | None:
        """``tls_ca`` as a string."""
        return None if self.tls_ca is None else str(self.tls_ca)

    @property
    def tls_cert_file(self) -> str | None:
        """``tls_cert`` as a string."""
        return None if self.tls_cert is None else str(self.tls_cert)

    @property
    def tls_key_file(self) -> str | None:
        """``tls_key`` as a string."""
        return None if self.tls_key is None else str(self.tls_key)


class LoggingSettings(BaseModel):
    """How the process logs; ``file`` is rotated by size."""

    level: LogLevel = "INFO"
    format: Literal["json", "text"] = "json"
    file: str | None = None
    max_file_size_mb: int = Field(default=10, ge=1)
    backup_count: int = Field(default=3, ge=0)


class Settings(BaseSettings):
    """Root settings; apps subclass it and usually add an ``env_prefix``."""

    model_config = SettingsConfigDict(
        env_nested_delimiter="__",
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
    )

    mqtt: MqttSettings = Field(default_factory=MqttSettings)
    logging: LoggingSettings = Field(default_factory=LoggingSettings)

    def __init__(self, **values: Any) -> None:
        given = embedded_settings()
        if given is None:
            super().__init__(**values)
        else:
            # As in from_values: a guest in another process reads neither its environment nor its .env.
            BaseModel.__init__(self, **{**given, **values})

    @classmethod
    def from_values(cls, **values: object) -> Self:
        """Build settings from ``values`` alone: no environment, no ``.env``, whatever ``model_config`` says.

        Raises pydantic's ValidationError (a ValueError).
        """
        # BaseSettings.__init__ is what collects the sources; the model below it only validates.
        settings = cls.__new__(cls)
        BaseModel.__init__(settings, **values)
        return settings
