"""Who the user is at a registry: from the setting, from the docker command's own configuration, or nobody.

The docker command keeps logins in `config.json`: in `auths`, or in a program (`credHelpers` for one
registry, `credsStore` for all), which is asked by the protocol that docker credential helpers speak.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.errors import ConfigError, UnavailableError, Where

_HUB_KEY = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # noqa: S105  # with this name a helper's secret is an identity token
_HELPER_TIMEOUT = 30.0
_NOT_FOUND = "credentials not found"


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and a password, or an identity token that is exchanged for access."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an `Authorization` header."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


class Credentials:
    """The logins that there are. Files are read and helpers are run when a registry is asked about. Thread-safe.

    `registry_auth` maps registries to `user:password` and goes before `config`, the docker command's
    `config.json`; None means the user's own.
    """

    def __init__(self, registry_auth: Mapping[str, str] | None = None, config: Path | None = None) -> None:
        self._given = {_normal(registry): login for registry, login in (registry_auth or {}).items()}
        self._config = config or _user_config()

    def given(self, registry: str) -> Credential | None:
        """The login that the setting names. Raises `ConfigError` (`config.settings`)."""
        login = self._given.get(registry)
        if login is None:
            return None
        user, colon, password = login.partition(":")
        if not (user and colon):
            raise ConfigError("config.settings", f"`registry_auth`: the login for {registry} is not `user:password`")
        return Credential(user, password)

    def find(self, registry: str) -> Credential | None:
        """The login for `registry`, None for nobody. May run a helper, for at most 30 s.

        Raises `UnavailableError` (`registry.credentials`) for a configuration or a helper that fails.
        """
        return self.given(registry) or self._from_docker(registry)

    def _from_docker(self, registry: str) -> Credential | None:
        config = _read(self._config)
        key = _HUB_KEY if registry == "docker.io" else registry
        helper = _object(config, "credHelpers").get(key) or config.get("credsStore")
        if helper and (found := _ask(str(helper), key)):
            return found
        for name, entry in _object(config, "auths").items():
            if _normal(name) == registry and isinstance(entry, dict) and (found := self._entry(name, entry)):
                return found
        return None

    def _entry(self, name: str, entry: Mapping[str, Any]) -> Credential | None:
        if token := entry.get("identitytoken"):
            return Credential(identity_token=str(token))
        if entry.get("username"):
            return Credential(str(entry["username"]), str(entry.get("password", "")))
        if not entry.get("auth"):
            return None
        try:
            user, colon, password = base64.b64decode(str(entry["auth"]), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = ""
        if not colon:
            raise _broken(f"the login for {name} cannot be read", self._config)
        return Credential(user, password.rstrip("\0"))


def _user_config() -> Path:
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path.home() / ".docker") / "config.json"


def _normal(name: str) -> str:
    """A registry as references have it; the docker command also writes URLs, and the hub's old name."""
    host = name.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host


def _read(path: Path) -> Mapping[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise _broken(f"it cannot be read: {error}", path) from error
    if not isinstance(config, dict):
        raise _broken("it is not a JSON object", path)
    return config


def _object(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _ask(helper: str, key: str) -> Credential | None:
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [program, "get"], input=key, capture_output=True, text=True, timeout=_HELPER_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        raise _helper_failed(program, str(error)) from error
    if done.returncode != 0:
        words = (done.stdout + done.stderr).strip()
        if _NOT_FOUND in words.lower():
            return None
        raise _helper_failed(program, words.splitlines()[-1] if words else f"it exited with {done.returncode}")
    try:
        answer = json.loads(done.stdout)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, TypeError, KeyError) as error:
        raise _helper_failed(program, "its answer is not a login") from error
    if user == _TOKEN_USER:
        return Credential(identity_token=secret)
    return Credential(user, secret) if user or secret else None


def _helper_failed(program: str, words: str) -> UnavailableError:
    hint = "see `credsStore` and `credHelpers` in the docker command's `config.json`"
    return UnavailableError("registry.credentials", f"the credential helper `{program}` failed: {words}", hint=hint)


def _broken(problem: str, path: Path) -> UnavailableError:
    hint = "log in again with `docker login`, or mend the file"
    message = f"the docker command's configuration: {problem}"
    return UnavailableError("registry.credentials", message, hint=hint, where=Where(file=str(path)))
