"""A task's resume point as a document of its own: what `state export` writes, and what is kept before a change."""

from __future__ import annotations

import time

import msgspec

from dstream_sdk.protocol import NOT_JSON
from orchestrator.errors import ConfigError, Where
from orchestrator.state.document import Point
from orchestrator.state.store import Checkpoint

VERSION = 1
_LARGEST = (1 << 63) - 1
"""Of the numbers that every store can keep."""


class Exported(msgspec.Struct, frozen=True):
    """`exported_at` is Unix time. The checkpoint tells whose it is, which run stored it, and when."""

    version: int
    task: str
    exported_at: float
    checkpoint: Point

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Exported:
        """`checkpoint` as it is exported now."""
        return cls(VERSION, checkpoint.identity.task, time.time(), Point.of(checkpoint))

    def encode(self) -> bytes:
        """One line of JSON, the input's state in it as the input wrote it."""
        return msgspec.json.encode(self) + b"\n"


class _Versioned(msgspec.Struct):
    version: int


def decode(text: bytes, name: str) -> Exported:
    """The document in `text`, which came from the file `name`.

    Raises `ConfigError`: `state.newer` for what a newer dstream exported, `state.document` for what is none.
    """
    where = Where(file=name)
    try:
        version = msgspec.json.decode(text, type=_Versioned).version
        if version != VERSION:
            raise ConfigError(
                "state.newer",
                f"`{name}` was exported by a newer dstream (version {version}, this one knows {VERSION})",
                hint="upgrade dstream",
                where=where,
            )
        exported = msgspec.json.decode(text, type=Exported)
    except NOT_JSON as error:
        raise _no_document(name, str(error)) from error
    if not all(0 <= number <= _LARGEST for number in (exported.checkpoint.id, exported.checkpoint.records)):
        raise _no_document(name, "its numbers cannot be a checkpoint's")
    return exported


def _no_document(name: str, problem: str) -> ConfigError:
    hint = "name a file of `dstream state export`, or one of the folder `backups` in the state directory"
    message = f"`{name}` holds no exported state: {problem}"
    return ConfigError("state.document", message, hint=hint, where=Where(file=name))
