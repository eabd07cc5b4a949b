"""What a user or a host sets once for every task: flag over environment over settings file over default.

Heavy to import; commands import it when they need a setting.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings.exceptions import SettingsError

from orchestrator.config.nearest import suggestion
from orchestrator.config.units import parse_duration, parse_size
from orchestrator.errors import ConfigError, Where

ENV_PREFIX = "DSTREAM_"


class Settings(BaseSettings):
    """Every setting. Durations are seconds, sizes bytes; both also take `"1m30s"` and `"512MiB"`."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    engine_host: str | None = Field(
        None,
        description="Address of the Docker Engine. Without it `DOCKER_HOST` and the current Docker context decide.",
        examples=["unix:///run/user/1000/docker.sock"],
    )
    mirrors: dict[str, str] = Field(
        default_factory=dict,
        description="Image reference prefixes and what to pull from instead.",
        examples=['{"ghcr.io/katasec/": "127.0.0.1:5000/katasec/"}'],
    )
    insecure_registries: list[str] = Field(
        default_factory=list,
        description="Registries (`host:port`) that are asked over plain HTTP. One on loopback may speak either.",
        examples=['["registry.test:5000"]'],
    )
    registry_auth: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="Logins for registries, as `user:password`. They go before those of `docker login`.",
        examples=['{"registry.test:5000": "ann:…"}'],
    )
    catalogs: list[str] = Field(
        default=["ghcr.io/katasec/dstream-catalog", "ghcr.io/community/dstream-catalog"],
        description="Catalogs that `providers list` and `providers search` look into. The first that has a provider"
        " speaks for it.",
        examples=['["registry.test:5000/team/dstream-catalog"]'],
    )
    search_registries: list[str] = Field(
        default_factory=list,
        description="Registries, or namespaces of one, that are searched themselves, where they list what they have.",
        examples=['["registry.test:5000", "registry.test:5000/team"]'],
    )
    pull: Literal["missing", "always", "never"] = Field(
        "missing", description="When images are pulled: if the engine lacks them, before every run, or never."
    )
    ready_timeout: float = Field(30.0, gt=0, description="How long a provider may take to its handshake.")
    grace: float = Field(30.0, gt=0, description="How long a drain may take before providers are killed.")
    ack_timeout: float = Field(
        300.0, gt=0, description="How long an output may leave records unacknowledged, where the task does not say."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="The least important events that are logged."
    )
    log_format: Literal["text", "json"] = Field("text", description="Logs for people or for programs.")
    log_max_size: int = Field(
        16 << 20, ge=256 << 10, description="Size of one file of a task's log. A full one is followed by the next."
    )
    log_files: int = Field(4, ge=2, description="How many files of a task's log are kept: the newest ones.")
    state_dir: Path = Field(
        Path(".dstream"), description="Where state is kept; a relative path starts at the configuration file's folder."
    )
    ca_bundle: str | None = Field(
        None, description="A file of CA certificates to trust besides the others: for registries, and by providers."
    )
    pass_proxy: bool = Field(
        True, description="Hand `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` to providers that run as containers."
    )
    tmpfs_size: int = Field(64 << 20, gt=0, description="Size of a container's `/tmp`, counted in its memory.")
    pids_limit: int = Field(512, gt=0, description="Processes and threads that a container may have.")
    memory: int = Field(1 << 30, gt=0, description="Memory of a container, where the task does not say.")

    @property
    def logins(self) -> dict[str, str]:
        """`registry_auth` in the clear, for those who log in."""
        return {registry: login.get_secret_value() for registry, login in self.registry_auth.items()}

    @field_validator("ready_timeout", "grace", "ack_timeout", mode="before")
    @classmethod
    def _duration(cls, value: Any) -> Any:
        seconds = parse_duration(value) if isinstance(value, str) else value
        if seconds is None and value is not None:
            raise ValueError("write `5s`, `1m30s` or a number of seconds")
        return seconds

    @field_validator("tmpfs_size", "memory", "log_max_size", mode="before")
    @classmethod
    def _size(cls, value: Any) -> Any:
        size = parse_size(value) if isinstance(value, str) else value
        if size is None:
            raise ValueError("write `512MiB`, `1g` or a number of bytes")
        return size

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file())


def settings_file() -> Path:
    """Where a user's own settings are, whether or not there is such a file."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "dstream" / "settings.toml"


def load_settings(**flags: Any) -> Settings:
    """The settings with `flags` over everything else; a flag that is None was not given.

    Raises `ConfigError` (`config.settings`) that names the setting and where its value came from.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise _invalid(error, given) from None
    except SettingsError as error:
        named = re.search(r'field "(\w+)"', str(error))
        message = f"`{ENV_PREFIX}{named[1].upper()}` is not JSON" if named else str(error)
        raise ConfigError("config.settings", message, hint="lists and tables are written as JSON") from None
    except (OSError, ValueError) as error:
        where = Where(file=str(settings_file()))
        raise ConfigError("config.settings", f"cannot read the settings file: {error}", where=where) from None


def _invalid(error: ValidationError, flags: dict[str, Any]) -> ConfigError:
    problem = error.errors(include_url=False, include_input=False)[0]
    name = str(problem["loc"][0])
    file = Where(file=str(settings_file()))
    if problem["type"] == "extra_forbidden":
        hint = suggestion(name, Settings.model_fields)
        return ConfigError("config.settings", f"unknown setting `{name}`", hint=hint, where=file)
    variable = ENV_PREFIX + name.upper()
    origin, where = f"`{name}`", file
    if name in flags:
        origin, where = f"`--{name.replace('_', '-')}`", Where()
    elif variable in {key.upper() for key in os.environ}:
        origin, where = f"`{variable}`", Where()
    message = problem["msg"].removeprefix("Value error, ")
    return ConfigError("config.settings", f"{origin}: {message[:1].lower()}{message[1:]}", where=where)


def settings_table() -> str:
    """Every setting as a Markdown table: name, environment variable, default, meaning."""
    lines = ["| Setting | Environment variable | Default | Meaning |", "|---|---|---|---|"]
    for name, setting in Settings.model_fields.items():
        lines.append(f"| `{name}` | `{ENV_PREFIX}{name.upper()}` | {_default(setting)} | {_meaning(setting)} |")
    return "\n".join(lines) + "\n"


def _default(setting: FieldInfo) -> str:
    value = setting.get_default(call_default_factory=True)
    return "" if value in (None, PydanticUndefined) or value in ({}, []) else f"`{value}`"


def _meaning(setting: FieldInfo) -> str:
    example = f" Example: `{setting.examples[0]}`" if setting.examples else ""
    return f"{setting.description or ''}{example}".replace("|", "\\|")
