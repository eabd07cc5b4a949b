"""What `dstream doctor` does once its arguments are read."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.screen import Screen
from orchestrator.cli.terminal.words import printable
from orchestrator.cli.views.host_checks import checks
from orchestrator.errors import EXIT_DONE, EXIT_ENVIRONMENT
from orchestrator.logs import LOGS
from orchestrator.pipeline.doctor.examination import examine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.pipeline.doctor.finding import Finding, Severity

_COLORS: dict[Severity, str] = {"ok": "\x1b[32m", "warning": "\x1b[33m", "failed": "\x1b[31m"}


def examine_and_show(invocation: Invocation, *, variables: Sequence[str], files: Sequence[Path]) -> int:
    """The exit code: `EXIT_ENVIRONMENT` where something failed. Raises `ConfigError` for the settings."""
    screen = Screen(invocation)
    settings = invocation.settings()
    severities: Counter[Severity] = Counter()
    for name, finding in examine(
        checks(invocation, settings, variables, files), lambda name: screen.live(f"looking at {name} …")
    ):
        severities[finding.severity] += 1
        if invocation.json:
            told = {key: value and LOGS.redactor.text(value) for key, value in asdict(finding).items()}
            emit({"event": "finding", "check": name, **told})
        elif finding.severity != "ok" or not invocation.quiet:
            screen.live("")
            for line in lines(name, finding, color=invocation.color(sys.stdout)):
                print(line, flush=True)
    screen.live("")
    ok, warnings, failed = severities["ok"], severities["warning"], severities["failed"]
    if invocation.json:
        emit({"event": "doctor", "ok": ok, "warning": warnings, "failed": failed})
    elif not invocation.quiet:
        print(f"{ok} ok, {warnings} warning{'' if warnings == 1 else 's'}, {failed} failed")
    return EXIT_ENVIRONMENT if failed else EXIT_DONE


def lines(name: str, finding: Finding, *, color: bool) -> Iterator[str]:
    """`failed  disk: only 0.01 GB …`, and below it where that is and what mends it. Secrets are masked."""
    what, where, remedy = (
        printable(LOGS.redactor.text(text or "")) for text in (finding.what, finding.where, finding.remedy)
    )
    severity = f"{finding.severity:<7}"
    if color:
        severity = f"{_COLORS[finding.severity]}{severity}\x1b[0m"
    yield f"{severity} {name}: {what}{f' ({where})' if where else ''}"
    if remedy and finding.severity != "ok":
        yield f"        {remedy}"
