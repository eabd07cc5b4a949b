"""How tasks are at this moment: what their runs say of themselves, and where none answers, what they left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import msgspec

from orchestrator.errors import DstreamError, RunError
from orchestrator.pipeline.control import Controls
from orchestrator.pipeline.live import Live, RunState
from orchestrator.state.lock import Holder, Locks
from orchestrator.state.store import PastRun, StateStore

TaskState = RunState | Literal["not answering", "killed", "never run"]
"""Besides what runs say: one that holds its lock and says nothing, one that ended without a word, and none."""

PATIENCE_S = 2.0
"""How long all runs together may take to answer. One that is well does in a moment, also on a host that is busy."""

OPENING_S = 5.0
"""How long a run that has its lock may be without a socket."""

ASKED_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One task. `since` is Unix time, None where it was never run. `why` says what is wrong, where something is.

    `live` is what its run says, `holder` who runs it where it does not, `last` the newest run here, under way or not.
    `checkpoint_at` is when its newest resume point was stored.
    """

    task: str
    state: TaskState
    since: float | None = None
    why: str | None = None
    live: Live | None = None
    holder: Holder | None = None
    last: PastRun | None = None
    checkpoint_at: float | None = None
    dead_letters: int = 0

    @property
    def running(self) -> bool:
        """Whether a process runs it."""
        return self.live is not None or self.holder is not None


def survey(tasks: Sequence[str], *, state: StateStore, locks: Locks, controls: Controls) -> list[TaskStatus]:
    """Each of the tasks, in their order. Asks all runs at once; blocks for `PATIENCE_S` at most, besides the store.

    Raises `UnavailableError` as the store does.
    """
    if not tasks:
        return []
    with ThreadPoolExecutor(min(len(tasks), ASKED_AT_ONCE), thread_name_prefix="survey") as asking:
        answers = list(asking.map(lambda task: _ask(task, controls), tasks))
    return [_status(task, answer, state, locks) for task, answer in zip(tasks, answers, strict=True)]


def _ask(task: str, controls: Controls) -> Live | DstreamError:
    try:
        return msgspec.convert(controls.ask(task, "status", patience=PATIENCE_S), Live)
    except DstreamError as error:
        return error
    except msgspec.ValidationError as error:
        return _another_version(task, error)


def _another_version(task: str, error: msgspec.ValidationError) -> DstreamError:
    return RunError("control.unknown", f"the run of task `{task}` is one of another version of dstream: {error}")


def _status(task: str, answer: Live | DstreamError, state: StateStore, locks: Locks) -> TaskStatus:
    if isinstance(answer, Live):
        return _running(answer, state.last_run(task))
    holder = locks.running(task)
    # Read behind the lock: a run closes its record before it gives that up.
    last, stored, letters = state.last_run(task), state.checkpoint(task), state.dead_letters(task)

    def status(now: TaskState, since: float | None = None, why: str | None = None) -> TaskStatus:
        checkpoint_at = stored.saved_at if stored is not None else None
        return TaskStatus(task, now, since, why, None, holder, last, checkpoint_at, letters)

    if holder is not None:
        opening = answer.code == "task.not_running" and time.time() - holder.since < OPENING_S
        return status("starting", holder.since) if opening else status("not answering", holder.since, answer.message)
    if last is None:
        return status("never run")
    if last.ended_at is None:
        why = f"its process was killed; `dstream run {task}` cleans up behind it and goes on"
        return status("killed", last.started_at, why)
    return status("failed" if last.outcome == "failed" else "stopped", last.ended_at, last.error)


def _running(live: Live, last: PastRun | None) -> TaskStatus:
    why = live.last_error if live.state in {"backing off", "failed"} or live.failures_in_a_row else None
    if why is not None and live.failures_in_a_row > 1:
        why = f"failed {live.failures_in_a_row} times in a row: {why}"
    checkpoint_at = live.checkpoint.saved_at if live.checkpoint is not None else None
    return TaskStatus(live.task, live.state, live.since, why, live, None, last, checkpoint_at, live.dead_letters)
