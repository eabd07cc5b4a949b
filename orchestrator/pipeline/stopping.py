"""Stopping a run from another shell: it is asked, waited for, and killed where it does not go.

What a killed run left is cleaned up, and its record closed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.config.model import Kind
from orchestrator.errors import RunError, UnavailableError
from orchestrator.pipeline.fence import fence
from orchestrator.pipeline.services import Services, new_run_id
from orchestrator.runtime.base import Runtime, Scope
from orchestrator.runtime.session import lives, started_at
from orchestrator.state.lock import Holder
from orchestrator.state.store import PastRun

STAGES = 3
"""A drain has as many stages that may take its grace each: the input's end, the output's, and their exits."""

DRAIN_S = 90.0
"""What else a drain may take: the last state has to be stored, and both providers seen gone."""

KILL_S = 60.0
"""How long a run that was told to end at once may take for that."""

DIES_S = 20.0
ANSWER_S = 5.0
GLANCE_S = 0.05
GRACE_S = 30.0
HUSH_S = 2.0
"""How long it takes until somebody wants to know what is waited for."""

Stage = Literal["draining", "not answering", "ending", "dying"]
"""What a run is given time for: its drain, or its drain without a word from it, then its end, and being killed."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What became of a run. `forced` says how, where it did not drain in time.

    `was` is what it was before: `killed` is a run whose process had been killed. `removed` things were left of runs and
    other commands that were killed. `last` is its record.
    """

    task: str
    was: Literal["running", "killed", "not running"]
    last: PastRun | None
    forced: Literal["ended", "killed"] | None = None
    removed: int = 0


def stop_task(
    task: str,
    services: Services,
    grace: float | None,
    *,
    kinds: Collection[Kind] = (),
    waiting: Callable[[Stage, float], None] = lambda _, __: None,
) -> Stopped:
    """Have the run of `task` drain, within `grace` seconds where it is given, and see it gone. Blocks.

    A run that does not go in time is told to end at once, and then killed. `waiting` hears of each stage that is not
    over at once, and how many seconds it may take. `kinds` are those of the task's providers: what of them a killed
    command left that was no run is removed too.

    Raises `RunError` (`task.elsewhere`, `task.running`) and `UnavailableError`.
    """
    end = time.monotonic() + KILL_S
    while (holder := services.locks.running(task)) is None:
        killed = any(run.task == task for run in services.state.open_runs())
        try:
            removed = _cleaned_up(task, services, set(kinds))
        except UnavailableError as error:
            if killed or not error.code.startswith("engine."):
                raise
            removed = 0  # without an engine there is no container that could be removed
        if removed is not None:
            return Stopped(task, "killed" if killed else "not running", services.state.last_run(task), removed=removed)
        if time.monotonic() > end:
            raise RunError("task.running", f"another command works on task `{task}`", hint="wait for it to end")
        time.sleep(GLANCE_S)
    forced = _Departure(holder, services, waiting).see_to_it(grace)
    removed = _cleaned_up(task, services, set(kinds)) if forced == "killed" else 0
    return Stopped(task, "running", services.state.last_run(task), forced, removed or 0)


class _Departure:
    """The end of the run of `holder`."""

    def __init__(self, holder: Holder, services: Services, waiting: Callable[[Stage, float], None]) -> None:
        self._holder = holder
        self._services = services
        self._waiting = waiting
        self._near = holder.host == socket.gethostname() and services.locks.opened_by(holder)
        self._started = started_at(holder.pid) if self._near else None

    def see_to_it(self, grace: float | None) -> Literal["ended", "killed"] | None:
        asked = self._ask(grace)
        if asked is None or asked["state"] == "starting":
            # While it prepares, nothing but a signal gets through to it.
            self._signal(signal.SIGTERM)
        drain = STAGES * (asked["grace"] if asked else grace or GRACE_S) + DRAIN_S
        if self._gone_within(drain, "draining" if asked else "not answering"):
            return None
        if self._ask(0) is None:
            self._signal(signal.SIGTERM)
        if self._gone_within(KILL_S, "ending"):
            return "ended"
        self._signal(signal.SIGKILL)
        if self._gone_within(DIES_S, "dying"):
            return "killed"
        raise UnavailableError(
            "runtime.leftover",
            f"process {self._holder.pid}, which runs task `{self._holder.task}`, does not die",
            hint="a process that waits for a disk or a network file system ignores every signal until that answers",
        )

    def _ask(self, grace: float | None) -> dict[str, Any] | None:
        try:
            return self._services.controls.ask(self._holder.task, "stop", grace=grace, patience=ANSWER_S)
        except (RunError, UnavailableError):  # stopped, overwhelmed, or about to go
            return None

    def _signal(self, number: int) -> None:
        if not self._near:
            if self._gone():
                return
            raise RunError(
                "task.elsewhere",
                f"task `{self._holder.task}` is run {self._holder}, and does not answer from here",
                hint="stop it there",
            )
        if self._started is not None and lives(self._holder.pid, self._started):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._holder.pid, number)

    def _gone_within(self, seconds: float, stage: Stage) -> bool:
        end, told = time.monotonic() + seconds, False
        while not self._gone():
            left = end - time.monotonic()
            if left < 0:
                return False
            if not told and left < seconds - HUSH_S:
                told = True
                self._waiting(stage, left)
            time.sleep(GLANCE_S)
        return True

    def _gone(self) -> bool:
        now = self._services.locks.held(self._holder.task)
        if now is not None and now.run_id == self._holder.run_id:
            return False
        return self._started is None or not lives(self._holder.pid, self._started)


def _cleaned_up(task: str, services: Services, kinds: set[str]) -> int | None:
    """See gone what killed runs of the task left, and what is of these kinds; None where somebody else has its lock."""
    run_id = new_run_id()
    lock = services.locks.try_acquire(task, run_id, cleaning=True)
    if lock is None:
        return None
    with lock, ExitStack() as opened:
        makers = services.runtimes(Scope(services.state.project, task, run_id))

        def runtime(kind: str) -> Runtime:
            made = makers[kind]()  # type: ignore[index]  # kinds that a newer dstream stored are unknown
            opened.callback(made.close)
            return made

        return fence({task}, run_id, kinds, state=services.state, locks=services.locks, runtime=runtime, others=False)
