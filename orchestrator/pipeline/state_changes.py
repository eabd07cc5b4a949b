"""What people change of what a task resumes from: under its lock, by a claim, and with a backup made before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.config.model import Task
from orchestrator.errors import ConfigError, UnavailableError, Where
from orchestrator.pipeline.provider import prepare
from orchestrator.pipeline.resuming import identity_of
from orchestrator.pipeline.services import Services, new_run_id
from orchestrator.pipeline.sources import PullPolicy
from orchestrator.state.backups import Backups
from orchestrator.state.exported import Exported
from orchestrator.state.store import Checkpoint, Claim, Identity


@dataclass(frozen=True, slots=True)
class Changed:
    """What the task would have resumed from before, and the file that has it now; None where there was nothing."""

    before: Checkpoint | None
    backup: Path | None


def reset_state(task: Task, services: Services, backups: Backups) -> Changed:
    """Forget the task's resume point. Blocks as the store does.

    Raises `RunError` (`task.running`) while it is being run, here or elsewhere, and `UnavailableError`.
    """
    with _changing(task, services, backups) as (claim, changed):
        services.state.reset(claim)
    return changed


def import_state(task: Task, services: Services, backups: Backups, checkpoint: Checkpoint) -> Changed:
    """Have the task resume from `checkpoint`, which `importable` gave. Blocks and raises as `reset_state`."""
    with _changing(task, services, backups) as (claim, changed):
        services.state.commit(claim, checkpoint)
    return changed


def importable(
    exported: Exported, task: Task, services: Services, *, pull: PullPolicy, was: str | None, name: str
) -> Checkpoint:
    """The checkpoint in a document of the file `name`, if it is one that the task's input can resume from.

    `was` is the task's former name, None where it has always had this one. The input is pulled where the policy asks.
    Raises `ConfigError` (`state.identity`) for another's, besides what `prepare` raises.
    """
    checkpoint = exported.checkpoint.checkpoint
    theirs, where = checkpoint.identity, Where(file=name)
    if theirs.task != (was or task.name):
        hint = f"import it into `{theirs.task}`"
        if was is None:
            hint += f"; if that is what `{task.name}` was called before, add `--was {theirs.task}`"
        message = f"`{name}` holds the state of task `{theirs.task}`, not of `{was or task.name}`"
        raise ConfigError("state.identity", message, hint=hint, where=where)
    mine = identity_of(task, prepare(task.input, services.sources, pull=pull, on_event=None), None)
    mine_now = replace(theirs, task=task.name)
    if not mine.resumes(mine_now):
        raise ConfigError(
            "state.identity",
            f"`{name}` holds the state of {_spelt(theirs)}, and the input of task `{task.name}` is {_spelt(mine)}",
            hint="put that input into the task, or let the task begin anew: the one cannot read the other's state",
            where=where,
        )
    return replace(checkpoint, identity=mine_now)


@contextmanager
def _changing(task: Task, services: Services, backups: Backups) -> Iterator[tuple[Claim, Changed]]:
    """The right to write the task's state, once what is there has a backup."""
    run_id, state = new_run_id(), services.state
    with services.locks.acquire(task.name, run_id):
        claim = state.claim(task.name, run_id)
        try:
            before = state.checkpoint(task.name)
            yield claim, Changed(before, None if before is None else backups.keep(before))
        except BaseException:
            with suppress(UnavailableError):  # the failure itself is told
                state.finish(claim, "failed", {}, delivery="best-effort")
            raise
        state.finish(claim, "ended", {}, delivery="best-effort")


def _spelt(identity: Identity) -> str:
    return f"`{identity.provider}` from `{identity.source}` (state version {identity.state_version})"
