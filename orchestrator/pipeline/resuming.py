"""Whose state it is that a task stored, and whether its input may resume from it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dstream_sdk.protocol import Stream
from orchestrator.config.model import Task
from orchestrator.errors import ConfigError
from orchestrator.pipeline.provider import Prepared
from orchestrator.state.store import Checkpoint, Identity


def identity_of(task: Task, source: Prepared, streams: Sequence[Stream] | None) -> Identity:
    """Whose state the input will store; `streams` are None where it does not tell."""
    return Identity(
        task=task.name,
        source=source.source,
        provider=source.name if source.description else source.source,
        state_version=source.description.state_version if source.description else 1,
        streams=None if streams is None else tuple(sorted(stream.name for stream in streams)),
    )


def refuse_foreign(stored: Checkpoint | None, mine: Identity, task: Task) -> None:
    """Raises `ConfigError` (`state.identity`) for state that the input cannot resume from."""
    if stored is None or mine.resumes(stored.identity):
        return
    theirs = stored.identity
    raise ConfigError(
        "state.identity",
        f"the stored state of task `{task.name}` belongs to `{theirs.provider}` from `{theirs.source}`"
        f" (state version {theirs.state_version}), not to `{mine.provider}` from `{mine.source}`"
        f" (state version {mine.state_version})",
        hint=f"put the old input back, or begin anew with `dstream state reset {task.name}`",
        where=task.input.where,
    )
