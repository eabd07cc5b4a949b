"""What a run tells its observer goes into the task's log as well."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from orchestrator.errors import DstreamError
from orchestrator.pipeline.observe import Observer, Phase, Progress, RunSummary
from orchestrator.registry.image import PullEvent
from orchestrator.relay.channel import Halted
from orchestrator.runtime.base import Role
from orchestrator.tasklog.log import TaskLog
from orchestrator.tasklog.record import OUTCOME


class Logged:
    """Tells another observer all that it is told, once it is in the log. What providers write comes by the outbox."""

    def __init__(self, observer: Observer, log: TaskLog) -> None:
        self._observer = observer
        self._log = log

    def phase(self, phase: Phase, detail: str = "") -> None:
        self._log.event("info", phase, detail=detail or None)
        self._observer.phase(phase, detail)

    def pull(self, event: PullEvent) -> None:
        self._observer.pull(event)

    def text(self, role: Role, content: bytes) -> None:
        self._observer.text(role, content)

    def provider_log(self, role: Role, line: str) -> None:
        self._observer.provider_log(role, line)

    def warning(self, message: str) -> None:
        self._log.event("warning", message)
        self._observer.warning(message)

    def running(self, progress: Callable[[], Progress]) -> None:
        self._observer.running(progress)


@contextmanager
def ending(log: TaskLog) -> Iterator[Callable[[RunSummary], None]]:
    """Write how the run ends, whatever ends it; what it yields is to be told of a good end."""
    try:
        yield lambda summary: _ended(log, summary)
    except DstreamError as error:
        where = error.where
        log.event(
            "error",
            error.message,
            code=error.code,
            hint=error.hint,
            file=where.file,
            line=where.line,
            image=where.image,
        )
        summary = getattr(error, "summary", None)
        if isinstance(summary, RunSummary):
            _ended(log, summary)
        else:
            log.event("error", "failed", **{OUTCOME: "failed"})
        raise
    except Halted:
        log.event("info", "stopped before anything was started", **{OUTCOME: "stopped"})
        raise
    except BaseException as error:
        log.event("error", f"ended by force: {type(error).__name__}", **{OUTCOME: "forced"})
        raise


def _ended(log: TaskLog, summary: RunSummary) -> None:
    figures = dataclasses.asdict(summary)
    counts = figures.pop("counts")
    figures["duration_s"] = round(summary.duration_s, 3)
    for known in ("task", "run_id"):
        del figures[known]
    level = "error" if summary.outcome == "failed" else "info"
    log.event(level, summary.outcome, **figures, **counts)
