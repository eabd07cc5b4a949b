"""Where the logs of a project's tasks are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.state.names import file_name
from orchestrator.tasklog.log import TaskLog
from orchestrator.tasklog.reader import LogReader


@dataclass(frozen=True, slots=True)
class TaskLogs:
    """The logs in one state directory. Of each at most `files` files of `max_size` bytes are kept."""

    state_dir: Path
    max_size: int = 16 << 20
    files: int = 4

    def folder(self, task: str) -> Path:
        return self.state_dir / "logs" / file_name(task, "")

    def open(self, task: str, run_id: str, *, redact: Callable[[str], str], trouble: Callable[[str], None]) -> TaskLog:
        """The log for a run that holds the task's lock, until its `close`."""
        return TaskLog(
            self.folder(task), task, run_id, max_size=self.max_size, files=self.files, redact=redact, trouble=trouble
        )

    def reader(self, task: str) -> LogReader:
        """At the log's beginning, whether or not there is one yet."""
        return LogReader(self.folder(task))
