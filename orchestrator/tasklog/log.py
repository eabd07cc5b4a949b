"""One run's way into its task's log: what is said is queued at once, and written on a thread of its own."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from orchestrator.redact import masked
from orchestrator.runtime.base import Role
from orchestrator.tasklog.budget import Budget
from orchestrator.tasklog.files import LogFiles
from orchestrator.tasklog.lines import Redact, Speaker, records
from orchestrator.tasklog.reader import last_record
from orchestrator.tasklog.record import OUTCOME, Record, stamp

HELD = 8 * 1024 * 1024
"""Bytes that wait to be written, at most: a disk that stands still."""

CLOSE_S = 5.0
_ENCODER = msgspec.json.Encoder()


@dataclass(slots=True)
class _LeftOut:
    speaker: Speaker
    lines: int


class TaskLog:
    """The log of a task while one run has it. Thread-safe; nothing but `close` blocks.

    `trouble` is called once, on a thread of the log's own, when it cannot be written: that never fails a run.
    """

    def __init__(
        self,
        folder: Path,
        task: str,
        run_id: str,
        *,
        max_size: int,
        files: int,
        redact: Redact,
        trouble: Callable[[str], None],
    ) -> None:
        self._open: Callable[[], LogFiles] = lambda: LogFiles(folder, max_size=max_size, files=files)
        self._folder = folder
        self._task = task
        self._run_id = run_id
        self._relay = Speaker(task, run_id, "relay")
        self._redact: Redact = lambda text: redact(text).encode("utf-8", "backslashreplace").decode()
        self._trouble = trouble
        self._told = False
        self._files: LogFiles | None = None
        self._changed = threading.Condition()
        self._items: deque[tuple[float, Speaker, bytes] | Record | _LeftOut] = deque()
        self._held = 0
        self._left_out: dict[Speaker, _LeftOut] = {}  # the newest of `_items` that nothing of the speaker's is behind
        self._closing = False
        # The thread's own.
        self._dropped: dict[Speaker, int] = {}
        self._budgets: dict[Speaker, Budget] = {}
        self._thread = threading.Thread(target=self._run, name="task-log", daemon=True)
        self.event("info", "started", pid=os.getpid(), host=socket.gethostname())
        self._thread.start()

    def event(self, level: str, event: str, /, **fields: Any) -> None:
        """Something of the run itself. Never dropped for want of time or room to wait."""
        record = self._record(self._relay, level, event, fields)
        with self._changed:
            self._items.append(record)
            self._changed.notify()

    def said(self, role: Role, content: bytes, stream: Literal["stdout"] | None = None) -> None:
        """Whole lines that a provider wrote to stderr, or to `stream`."""
        speaker = Speaker(self._task, self._run_id, role, stream)
        with self._changed:
            if self._held + len(content) > HELD:
                self._leave_out(speaker, content.count(b"\n"))
                return
            self._left_out.pop(speaker, None)
            self._items.append((time.time(), speaker, content))
            self._held += len(content)
            self._changed.notify()

    def close(self) -> None:
        """Write what is held, for at most `CLOSE_S` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._closing)
                if not self._items:
                    break
                item = self._items.popleft()
                if isinstance(item, _LeftOut):
                    if self._left_out.get(item.speaker) is item:
                        del self._left_out[item.speaker]
                    self._drop(item.speaker, item.lines)
                    continue
            if isinstance(item, Record):
                if OUTCOME in item.fields:  # the run's last word
                    self._tell_missing()
                self._append(self._relay, [item])
                continue
            self._hear(*item)
            with self._changed:
                self._held -= len(item[2])
        self._tell_missing()
        if self._files is not None:
            self._files.close()

    def _tell_missing(self) -> None:
        for speaker in list(self._dropped):
            self._append(speaker, [])

    def _hear(self, moment: float, speaker: Speaker, content: bytes) -> None:
        budget = self._budgets.setdefault(speaker, Budget())
        if not budget.allows():
            self._drop(speaker, content.count(b"\n"))
            return
        began = time.thread_time()
        self._append(speaker, list(records(content, speaker, stamp(moment), self._redact)))
        budget.spend(time.thread_time() - began)

    def _append(self, speaker: Speaker, said: list[Record]) -> None:
        dropped = self._dropped.pop(speaker, 0)
        try:
            if self._files is None:
                killed = killed_run(last_record(self._folder))
                self._files = self._open()
                if killed is not None:
                    said = [killed, *said]
            missing = [self._missing(speaker, dropped)] if dropped else []
            self._files.append([_ENCODER.encode(record) + b"\n" for record in (*missing, *said)])
        except OSError as error:
            self._drop(speaker, dropped + len(said))
            if not self._told:
                self._told = True
                self._trouble(f"cannot write the task's log: {error.strerror or error}; the run goes on without it")

    def _leave_out(self, speaker: Speaker, lines: int) -> None:
        """There is no room for these lines: their number waits in their place, one number for all that are missing."""
        waiting = self._left_out.get(speaker)
        if waiting is None:
            waiting = self._left_out[speaker] = _LeftOut(speaker, 0)
            self._items.append(waiting)
        waiting.lines += lines

    def _drop(self, speaker: Speaker, lines: int) -> None:
        self._dropped[speaker] = self._dropped.get(speaker, 0) + lines

    def _missing(self, speaker: Speaker, lines: int) -> Record:
        event = f"{lines:,} lines are missing here: the log could not keep up with them"
        return self._record(speaker, "warning", event, {"dropped": lines})

    def _record(self, speaker: Speaker, level: str, event: str, fields: Mapping[str, Any]) -> Record:
        known = {key: masked(value, self._redact) for key, value in fields.items() if value is not None}
        now = stamp(time.time())
        event = self._redact(event)
        return Record(now, level, event, self._task, self._run_id, speaker.provider, speaker.stream, known)


def killed_run(last: Record | None) -> Record | None:
    """What is to be said behind the last record of a run that did not come to say how it ended."""
    if last is None or (OUTCOME in last.fields and last.provider == "relay"):
        return None
    event = "the run was killed: it did not come to say how it ended"
    return Record(stamp(time.time()), "error", event, last.task, last.run_id, "relay", fields={OUTCOME: "killed"})
