"""What a run tells whoever watches it, and how it can be asked to stop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.errors import DstreamError
from orchestrator.registry.image import PullEvent
from orchestrator.relay.counters import Counts
from orchestrator.runtime.base import Role
from orchestrator.tasklog.budget import Budget
from orchestrator.tasklog.log import TaskLog

Delivery = Literal["at-least-once", "best-effort"]
RunPhase = Literal["preparing", "standby", "starting", "running", "draining", "ending", "stopping", "backing off"]
LifecyclePhase = Literal["discovering", "planning", "approving", "initializing", "inspecting", "destroying"]
Phase = RunPhase | LifecyclePhase

OUTBOX_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Progress:
    """A run's figures at one moment. None where nobody knows: a best-effort output tells nothing.

    `acked` counts records delivered or dead-lettered, `in_flight` those relayed and not yet acked.
    """

    phase: Phase
    relayed: int
    acked: int | None
    rejected: int
    in_flight: int | None
    bytes: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The end of a run, or of its last attempt where it failed. Totals over all attempts."""

    task: str
    run_id: str
    delivery: Delivery
    outcome: Literal["ended", "drained", "failed"]
    counts: Counts
    duration_s: float
    resumed_from: int | None
    restarts: int = 0


class RunFailed(DstreamError):
    """A run's own failure, with the figures it ended with. Everything else is the cause's."""

    def __init__(self, cause: DstreamError, summary: RunSummary) -> None:
        super().__init__(cause.code, cause.message, hint=cause.hint, where=cause.where)
        self.exit_code = cause.exit_code  # type: ignore[misc]  # the cause's, not the class's
        self.summary = summary


class Observer(Protocol):
    """Called from several threads; an implementation may block, nothing on the data path waits for it."""

    def phase(self, phase: Phase, detail: str = "") -> None: ...

    def pull(self, event: PullEvent) -> None: ...

    def text(self, role: Role, content: bytes) -> None:
        """Whole lines that a provider printed for the user."""

    def provider_log(self, role: Role, line: str) -> None:
        """One line of a provider's stderr, without its newline."""

    def warning(self, message: str) -> None: ...

    def running(self, progress: Callable[[], Progress]) -> None:
        """Data may flow from here on; `progress` can be called at any time from any thread."""


class RunControl:
    """How a run is asked to stop. `drain` and `kill` may be called from a signal handler, and repeatedly.

    `grace` is how many seconds a drain may take where whoever asked for it said so.
    """

    def __init__(self) -> None:
        self.drain_requested = False
        self.kill_requested = False
        self.grace: float | None = None
        self._listener: Callable[[], None] | None = None

    @property
    def stop_requested(self) -> bool:
        """Whether the run shall end, in either way."""
        return self.drain_requested or self.kill_requested

    def drain(self, grace: float | None = None) -> None:
        """Let the input finish where it can resume, and everything relayed be acknowledged."""
        if grace is not None:
            self.grace = grace
        self.drain_requested = True
        self._notify()

    def kill(self) -> None:
        """End now; what is not acknowledged is repeated by the next run."""
        self.kill_requested = True
        self._notify()

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Have `listener` called on every request, at once if there was one already."""
        self._listener = listener
        if self.stop_requested:
            self._notify()

    def wait(self, seconds: float) -> bool:
        """Wait, but no longer than to the next request; True when there was one, now or before."""
        asked = threading.Event()
        self.listen(asked.set)
        try:
            return asked.wait(seconds)
        finally:
            self.listen(None)

    def _notify(self) -> None:
        listener = self._listener  # read once: another thread may take it away
        if listener is not None:
            listener()


class Hears(Protocol):
    """Who is given what providers write besides the data. Called from several threads; never blocks."""

    def text(self, role: Role, content: bytes) -> None:
        """Whole lines for the user."""

    def log(self, role: Role, content: bytes) -> None:
        """Whole lines of a provider's stderr."""


class Outbox:
    """Hands text and log lines to the observer on a thread of its own, so that no reader waits for a terminal.

    What does not fit in `OUTBOX_LIMIT` bytes is dropped and counted, and so are logs that would take more of a
    processor than a stream's logs may. The task's log gets its copy of all without waiting for this.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._copy: TaskLog | None = None
        self._budget = Budget()
        self._changed = threading.Condition()
        self._items: deque[tuple[Callable[[Role, bytes], None], Role, bytes]] = deque()
        self._held = 0
        self._closing = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def copy_to(self, log: TaskLog) -> None:
        """Give the log, too, whatever comes from now on."""
        self._copy = log

    def text(self, role: Role, content: bytes) -> None:
        """Whole lines for the user. Never blocks."""
        if self._copy is not None:
            self._copy.said(role, content, "stdout")
        self._put(self._observer.text, role, content)

    def log(self, role: Role, content: bytes) -> None:
        """Whole lines of a provider's stderr. Never blocks."""
        if self._copy is not None:
            self._copy.said(role, content)
        self._put(self._lines, role, content)

    def close(self, timeout: float) -> None:
        """Hand over what is held, for at most `timeout` seconds, and say what was dropped."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        if self._thread.is_alive():
            self.dropped += sum(content.count(b"\n") for _, _, content in self._items)
        if self.dropped:
            self._observer.warning(
                f"{self.dropped:,} lines of text and logs were dropped: they came faster than they were read"
            )

    def _lines(self, role: Role, content: bytes) -> None:
        if not self._budget.allows():
            self.dropped += content.count(b"\n")
            return
        began = time.thread_time()
        for line in content[:-1].decode("utf-8", "replace").split("\n"):
            self._observer.provider_log(role, line.rstrip("\r"))
        self._budget.spend(time.thread_time() - began)

    def _put(self, deliver: Callable[[Role, bytes], None], role: Role, content: bytes) -> None:
        with self._changed:
            if self._held + len(content) > OUTBOX_LIMIT:
                self.dropped += content.count(b"\n")
                return
            self._items.append((deliver, role, content))
            self._held += len(content)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._closing)
                if not self._items:
                    return
                deliver, role, content = self._items.popleft()
            deliver(role, content)
            with self._changed:
                self._held -= len(content)
