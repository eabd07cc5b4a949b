"""A plan in a file.

No secret is in it: what the config holds goes in as one hash that is slow to guess by.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from dstream_sdk.protocol import NOT_JSON
from orchestrator.durable import replacing
from orchestrator.errors import ConfigError, Where

VERSION = 1


class SavedResource(msgspec.Struct, frozen=True):
    """What is to happen to one resource. `binds` is a hash of the values that change with it."""

    role: str
    type: str
    name: str
    action: str
    binds: str


class SavedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The file. `salt` and the hashes are hexadecimal; `images` are digests by role, `made_at` is Unix time."""

    version: int = VERSION
    task: str
    made_at: float
    salt: str
    hcl: str
    images: dict[str, str]
    streams: str
    resources: list[SavedResource]


def save(saved: SavedPlan, path: Path) -> None:
    """Write the file, which only its owner may read, whole or not at all.

    Raises `ConfigError` (`plan.unwritable`).
    """
    text = msgspec.json.format(msgspec.json.encode(saved), indent=2) + b"\n"
    try:
        with replacing(path) as file:
            file.write(text)
    except OSError as error:
        message = f"the plan cannot be written to `{path}`: {error.strerror}"
        raise ConfigError("plan.unwritable", message, where=Where(file=str(path))) from error


def load(path: Path, task: str) -> SavedPlan:
    """Read the plan of a task.

    Raises `ConfigError` (`plan.unreadable`, `plan.invalid`, `plan.version`, or `plan.other_task`).
    """
    where = Where(file=str(path))
    try:
        text = path.read_bytes()
    except OSError as error:
        message = f"the plan `{path}` cannot be read: {error.strerror}"
        raise ConfigError("plan.unreadable", message, where=where) from error
    hint = "make one with `dstream plan TASK --out FILE`"
    try:
        version = msgspec.json.decode(text, type=dict[str, Any]).get("version")
        if isinstance(version, int) and version > VERSION:
            raise ConfigError("plan.version", f"a newer dstream wrote the plan `{path}`", hint=hint, where=where)
        saved = msgspec.json.decode(text, type=SavedPlan)
    except NOT_JSON as error:
        raise ConfigError("plan.invalid", f"`{path}` is no plan: {error}", hint=hint, where=where) from error
    if saved.task != task:
        raise ConfigError("plan.other_task", f"`{path}` is a plan of task `{saved.task}`, not of `{task}`", where=where)
    return saved
