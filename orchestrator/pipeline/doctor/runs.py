"""Who runs what here, who was killed, and what did they leave?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from orchestrator.errors import DstreamError
from orchestrator.pipeline.control import Controls
from orchestrator.pipeline.doctor.finding import Finding
from orchestrator.registry.together import together
from orchestrator.runtime.base import Leftover, Runtime
from orchestrator.state.lock import Holder, Locks
from orchestrator.state.names import task_of
from orchestrator.state.store import OpenRun

DOCTOR = "/doctor"
"""What a container that a check started bears in place of a task: none can be called so."""

_AT_ONCE = 16
_CLEANED = "the next `dstream run {0}` or `dstream stop {0}` cleans up behind it"


def look_at_locks(locks: Locks, controls: Controls, open_runs: Sequence[OpenRun]) -> Iterator[Finding]:
    """`open_runs` are those whose record says that they go on."""
    held = [holder for one in locks.holders() if (holder := locks.held(one.task)) is not None]
    answering = together(lambda holder: _answers(locks, controls, holder), held, at_once=_AT_ONCE)
    for holder, answers in zip(held, answering, strict=True):
        who = f"task `{holder.task}` is held {holder}"
        if answers:
            yield Finding("ok", who)
        else:
            remedy = f"if it stays so, `kill -9 {holder.pid}`: a run that is started then resumes from the stored state"
            yield Finding("warning", f"{who}, which does not answer", remedy=remedy)
    alive = {holder.run_id for holder in held}
    killed = [run for run in open_runs if run.run_id not in alive and run.kinds]
    for run in killed:
        task = task_of(run.task)
        yield Finding("warning", f"run {run.run_id} of task `{task}` was killed", remedy=_CLEANED.format(task))
    if not held and not killed:
        yield Finding("ok", "no task is being run, and no run was killed")


def look_at_leftovers(runtimes: Mapping[str, Callable[[], Runtime]], locks: Locks) -> Iterator[Finding]:
    """What `runtimes`, by what their providers are, find of runs that hold no lock any more."""
    left: Counter[tuple[str, str]] = Counter()
    for what, make in runtimes.items():
        try:
            runtime = make()
            try:
                found = runtime.leftovers()
            finally:
                runtime.close()
        except DstreamError as error:
            if not error.code.startswith("engine."):
                raise
            continue  # another check's
        left.update((what, one.scope.task) for one in found if not _alive(one, locks))
    for (what, task), number in sorted(left.items()):
        message = f"{number} {what}{'' if number == 1 else 's'} of a killed run of task `{task_of(task)}` still there"
        yield Finding("warning", message, remedy=_CLEANED.format(task_of(task)))
    if not left:
        yield Finding("ok", "nothing is left of killed runs")


def _answers(locks: Locks, controls: Controls, holder: Holder) -> bool:
    """Whether a run answers; other holders need not, nor a run that began or ended at this moment."""
    running = locks.running(holder.task)
    if running is None or running.run_id != holder.run_id:
        return True
    try:
        controls.ask(holder.task, "status")
    except DstreamError as error:
        return error.code != "control.unavailable"
    return True


def _alive(leftover: Leftover, locks: Locks) -> bool:
    if leftover.scope.task == DOCTOR:
        return True
    holder = locks.held(leftover.scope.task)
    return holder is not None and holder.run_id == leftover.scope.run_id
