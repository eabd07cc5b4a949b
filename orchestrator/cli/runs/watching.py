"""What people and programs see of a run: the two observers of `orchestrator.pipeline.observe`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from orchestrator.cli.runs.meter import Meter
from orchestrator.cli.runs.pulls import BarPulls, PlainPulls, Pulls
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.screen import Screen
from orchestrator.logs import LOGS, log

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.cli.invocation import Invocation
    from orchestrator.pipeline.observe import Phase, Progress, RunSummary
    from orchestrator.registry.image import PullEvent
    from orchestrator.runtime.base import Role
    from orchestrator.settings import Settings


class Watching:
    """What both have in common: a reader of stdout that went away ends the run, as a drain."""

    def __init__(self, screen: Screen, *, unread: Callable[[], None], entered: Callable[[Phase], None]) -> None:
        self.screen = screen
        self.entered = entered
        self._unread = unread
        self._reading = True

    def deliver(self, write: Callable[[], None]) -> None:
        """Write to stdout, unless its reader is known to have gone."""
        if not self._reading:
            return
        try:
            write()
        except BrokenPipeError:
            self._reading = False
            self.screen.note(words.warning("nobody reads stdout any more: draining", color=self.screen.color))
            self._unread()

    def close(self) -> None:
        """Leave the terminal as it was. Idempotent."""


class PersonWatches(Watching):
    """Text as it comes on stdout; pulls, phases, a live line and the summary on stderr."""

    def __init__(self, screen: Screen, *, unread: Callable[[], None], entered: Callable[[Phase], None]) -> None:
        super().__init__(screen, unread=unread, entered=entered)
        self._pulls: Pulls | None = None
        self._meter: Meter | None = None

    def phase(self, phase: Phase, detail: str = "") -> None:
        self.entered(phase)
        if phase != "preparing" and self._pulls is not None:
            self._pulls.close()
        if detail:
            self.screen.note(f"{phase}: {words.printable(detail)}")
        elif phase == "draining":
            self.screen.note("draining: the input finishes where it can resume; a second signal kills")

    def pull(self, event: PullEvent) -> None:
        if self._pulls is None:
            self._pulls = BarPulls(self.screen) if self.screen.interactive else PlainPulls(self.screen)
        self._pulls.event(event)

    def text(self, role: Role, content: bytes) -> None:  # noqa: ARG002  # the data is the output's
        self.deliver(lambda: self.screen.data(content))

    def provider_log(self, role: Role, line: str) -> None:
        self.screen.note(f"{role} | {words.printable(LOGS.redactor.text(line))}")

    def warning(self, message: str) -> None:
        self.screen.note(words.warning(LOGS.redactor.text(message), color=self.screen.color))

    def serving(self, address: str) -> None:
        self.screen.note(words.metrics(address))

    def running(self, progress: Callable[[], Progress]) -> None:
        if self.screen.interactive:
            if self._meter is not None:
                self._meter.stop()
            self._meter = Meter(self.screen, progress)

    def summary(self, summary: RunSummary) -> None:
        self.screen.note("\n".join(summary_lines(summary)))

    def close(self) -> None:
        if self._pulls is not None:
            self._pulls.close()
        if self._meter is not None:
            self._meter.stop()


class LogWatches(PersonWatches):
    """Text as it comes on stdout, everything else as log lines on stderr: for `--log-format json`."""

    def __init__(self, screen: Screen, *, unread: Callable[[], None], entered: Callable[[Phase], None]) -> None:
        super().__init__(screen, unread=unread, entered=entered)
        self._log = log()

    def phase(self, phase: Phase, detail: str = "") -> None:
        self.entered(phase)
        self._log.info("phase", phase=phase, detail=detail)

    def pull(self, event: PullEvent) -> None:
        self._log.debug("pull", **dataclasses.asdict(event))

    def provider_log(self, role: Role, line: str) -> None:
        self._log.info("provider", role=role, line=line)

    def warning(self, message: str) -> None:
        self._log.warning(message)

    def serving(self, address: str) -> None:
        self._log.info("metrics", address=address)

    def running(self, progress: Callable[[], Progress]) -> None:
        """Progress is for people."""

    def summary(self, summary: RunSummary) -> None:
        self._log.info("summary", **{key: value for key, value in summary_event(summary).items() if key != "event"})


class ProgramWatches(Watching):
    """Everything as events on stdout."""

    def phase(self, phase: Phase, detail: str = "") -> None:
        self.entered(phase)
        self._event({"event": "phase", "phase": phase, **({"detail": detail} if detail else {})})

    def pull(self, event: PullEvent) -> None:
        self._event({"event": "pull", **dataclasses.asdict(event)})

    def text(self, role: Role, content: bytes) -> None:
        for line in content.decode("utf-8", "replace").splitlines():
            self._event({"event": "text", "role": role, "line": line})

    def provider_log(self, role: Role, line: str) -> None:
        self._event({"event": "log", "role": role, "line": LOGS.redactor.text(line)})

    def warning(self, message: str) -> None:
        self._event({"event": "warning", "message": LOGS.redactor.text(message)})

    def serving(self, address: str) -> None:
        self._event({"event": "metrics", "address": address})

    def running(self, progress: Callable[[], Progress]) -> None:
        """Progress is for people; a program has the summary."""

    def summary(self, summary: RunSummary) -> None:
        self._event(summary_event(summary))

    def _event(self, event: dict[str, Any]) -> None:
        self.deliver(lambda: emit(event))


def watching_for(
    invocation: Invocation, settings: Settings, *, unread: Callable[[], None], entered: Callable[[Phase], None]
) -> PersonWatches | ProgramWatches:
    """The observer that the global options ask for."""
    screen = Screen(invocation)
    if invocation.json:
        return ProgramWatches(screen, unread=unread, entered=entered)
    kind = LogWatches if settings.log_format == "json" else PersonWatches
    return kind(screen, unread=unread, entered=entered)


def summary_event(summary: RunSummary) -> dict[str, Any]:
    fields = dataclasses.asdict(summary)
    return {"event": "summary", **{key: value for key, value in fields.items() if key != "counts"}, **fields["counts"]}


def summary_lines(summary: RunSummary) -> list[str]:
    """`orders ended after 5.1 s: 5 emitted = 5 relayed = 5 acknowledged`, and what else there is to say."""
    counts = summary.counts
    figures = [(counts.emitted, "emitted"), (counts.relayed, "relayed")]
    acknowledged = None if counts.delivered is None else counts.delivered + counts.rejected
    figures.append((acknowledged, "acknowledged"))
    sign = " = " if len({number for number, _ in figures}) == 1 else ", "
    told = sign.join(f"{words.count(number)} {what}" for number, what in figures)
    lines = [f"{summary.task} {summary.outcome} after {words.duration(summary.duration_s)}: {told}"]
    if counts.rejected:
        kept = "a dead letter" if counts.rejected == 1 else "dead letters"
        listed = f"`dstream dead-letters list {summary.task}`"
        lines.append(f"  {words.records(counts.rejected)} rejected and kept as {kept}: {listed}")
    if counts.unconfirmed:
        lines.append(f"  {words.records(counts.unconfirmed)} unconfirmed: the next run sends them again")
    rate = counts.bytes / summary.duration_s if summary.duration_s else 0
    lines.append(f"  {words.size(counts.bytes)}, {words.size(rate)}/s, {summary.delivery}")
    if summary.resumed_from is not None:
        resumed = f"  resumed from checkpoint {summary.resumed_from}"
        if summary.outcome == "ended" and counts.emitted == 0:
            resumed += f" and found nothing new; `dstream state reset {summary.task}` has it begin anew"
        lines.append(resumed)
    if summary.restarts:
        lines.append(f"  {summary.restarts} restart{'' if summary.restarts == 1 else 's'}")
    return lines
