"""Tasks as rows of a table, one each. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.cli.terminal import words
from orchestrator.logs import LOGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.pipeline.live import Live
    from orchestrator.pipeline.survey import TaskStatus

HEADINGS = (
    "TASK",
    "STATE",
    "SINCE",
    "UPTIME",
    "RESTARTS",
    "RECORDS",
    "RATE",
    "IN FLIGHT",
    "LAG",
    "CHECKPOINT",
    "DEAD LETTERS",
    "WHY",
)

_FIRST_TO_GO = ("UPTIME", "RESTARTS", "SINCE", "IN FLIGHT", "CHECKPOINT", "RATE", "DEAD LETTERS", "LAG")
_GAP = 2
_WHY = 30
"""Characters of WHY that a line has to have room for."""


def task_row(status: TaskStatus, now: float) -> list[str]:
    """A cell for each of `HEADINGS`; empty where there is nothing to say. `now` is Unix time."""
    live, checkpoint = status.live, status.checkpoint(LOGS.redactor.text)
    return [
        status.task,
        status.state,
        words.moment(status.since, now) if status.since is not None else "",
        words.short_age(now - live.started_at) if live is not None else "",
        f"{live.restarts:,}" if live is not None else "",
        _relayed(status),
        words.rate(live.rates.records_60) if live is not None else "",
        f"{live.in_flight:,}" if live is not None and live.in_flight is not None else "",
        lag(live),
        f"{words.short_age(now - checkpoint.saved_at)} ago" if checkpoint is not None else "",
        f"{status.dead_letters:,}" if status.dead_letters else "",
        _why(status, now),
    ]


def fitted(rows: Sequence[list[str]], width: int) -> list[list[str]]:
    """`rows` with nothing in the columns that a line of `width` has no room for, those that matter least first."""
    widths = {
        heading: max(len(heading), *(len(row[number]) for row in rows)) + _GAP
        for number, heading in enumerate(HEADINGS)
        if any(row[number] for row in rows)
    }
    widths["WHY"] = min(widths.get("WHY", 0), _WHY)
    for heading in _FIRST_TO_GO:
        if sum(widths.values()) <= width:
            break
        widths.pop(heading, None)
    return [[cell if heading in widths else "" for heading, cell in zip(HEADINGS, row, strict=True)] for row in rows]


def task_event(status: TaskStatus) -> dict[str, Any]:
    """One task for a program."""
    return {"event": "task", "task": status.task, **run_fields(status)}


def run_fields(status: TaskStatus) -> dict[str, Any]:
    """How its run is, for a program: the same in `ps` and in `status`."""
    checkpoint = status.checkpoint(LOGS.redactor.text)
    return {
        "state": status.state,
        "since": status.since,
        "why": None if status.why is None else LOGS.redactor.text(status.why),
        "live": msgspec.to_builtins(status.live),
        "holder": msgspec.to_builtins(status.holder),
        "last": msgspec.to_builtins(status.last),
        "checkpoint_at": None if checkpoint is None else checkpoint.saved_at,
        "dead_letters": status.dead_letters,
    }


def lag(live: Live | None) -> str:
    """How far behind the providers say that they are: the larger one of what they call `lag_s`."""
    found = [stats.get("lag_s") for stats in live.stats.values()] if live is not None else []
    seconds = [float(one) for one in found if isinstance(one, int | float)]
    return words.duration(max(seconds)) if seconds else ""


def _relayed(status: TaskStatus) -> str:
    if status.live is not None:
        return f"{status.live.counts.relayed:,}"
    relayed = status.last.figures.get("relayed") if status.last is not None else None
    return "" if relayed is None else f"{relayed:,}"


def _why(status: TaskStatus, now: float) -> str:
    why = LOGS.redactor.text(status.why or "").partition("\n")[0]
    again = status.live.next_attempt_at if status.live is not None else None
    if again is None:
        return why
    return f"again in {max(0.0, again - now):.0f} s" + (f": {why}" if why else "")
