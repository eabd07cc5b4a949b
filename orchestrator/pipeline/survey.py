"""How tasks are at this moment: what their runs say of themselves, and where none answers, what they left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import msgspec

from orchestrator.errors import DstreamError, RunError
from orchestrator.pipeline.control import Controls
from orchestrator.pipeline.live import Live, LiveCheckpoint, RunState
from orchestrator.state.lock import Holder, Locks
from orchestrator.state.store import Checkpoint, PastRun, StateStore

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

    `live` is what its run says, `holder` who runs it on this host, `last` the newest run here, under way or not.
    `stored` is its resume point where its run does not tell.
    """

    task: str
    state: TaskState
    since: float | None = None
    why: str | None = None
    live: Live | None = None
    holder: Holder | None = None
    last: PastRun | None = None
    stored: Checkpoint | None = None
    dead_letters: int = 0

    @property
    def running(self) -> bool:
        """Whether a process runs it."""
        return self.live is not None or self.holder is not None

    def checkpoint(self, redact: Callable[[str], str]) -> LiveCheckpoint | None:
        """Its newest resume point."""
        if self.live is not None and self.live.checkpoint is not None:
            return self.live.checkpoint
        return None if self.stored is None else LiveCheckpoint.of(self.stored, redact)


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
    live = answer if isinstance(answer, Live) else None
    holder = locks.running(task)
    # Read behind the lock: a run closes its record before it gives that up.
    last = state.last_run(task)
    # A run that begins has not looked yet.
    stored = state.checkpoint(task) if live is None or live.checkpoint is None else None
    letters = (live.dead_letters if live is not None else 0) or state.dead_letters(task)

    def status(now: TaskState, since: float | None = None, why: str | None = None) -> TaskStatus:
        return TaskStatus(task, now, since, why, live, holder, last, stored, letters)

    if isinstance(answer, Live):
        return status(answer.state, answer.since, _trouble(answer))
    if holder is not None:
        opening = answer.code == "task.not_running" and time.time() - holder.since < OPENING_S
        return status("starting", holder.since) if opening else status("not answering", holder.since, answer.message)
    if last is None:
        return status("never run")
    if last.ended_at is None:
        why = f"its process was killed; `dstream run {task}` cleans up behind it and goes on"
        return status("killed", last.started_at, why)
    return status("failed" if last.outcome == "failed" else "stopped", last.ended_at, last.error)


def _trouble(live: Live) -> str | None:
    why = live.last_error if live.state in {"backing off", "failed"} or live.failures_in_a_row else None
    if why is not None and live.failures_in_a_row > 1:
        return f"failed {live.failures_in_a_row} times in a row: {why}"
    return why
