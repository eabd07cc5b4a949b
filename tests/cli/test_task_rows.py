"""The table of tasks on a terminal that is too narrow for it."""

from __future__ import annotations

import pytest

from orchestrator.cli.terminal.columns import columns
from orchestrator.cli.views.task_rows import HEADINGS, fitted

FAILING = dict.fromkeys(HEADINGS, "12,345") | {"TASK": "orders", "STATE": "backing off", "WHY": "provider.died: " * 5}
IDLE = dict.fromkeys(HEADINGS, "") | {"TASK": "customers", "STATE": "never run"}
ROWS = [list(FAILING.values()), list(IDLE.values())]


def headings(width: int) -> list[str]:
    return [heading for heading in HEADINGS if heading in columns(HEADINGS, fitted(ROWS, width))[0]]


def test_a_wide_terminal_has_every_column() -> None:
    assert fitted(ROWS, 200) == ROWS
    assert headings(200) == list(HEADINGS)


@pytest.mark.parametrize("width", [80, 60, 20])
def test_what_matters_least_goes_first_and_why_never(width: int) -> None:
    kept = headings(width)
    assert {"TASK", "STATE", "RECORDS", "WHY"} <= set(kept)
    assert "UPTIME" not in kept


def test_a_line_holds_the_beginning_of_why_where_the_task_needs_no_more() -> None:
    heading = columns(HEADINGS, fitted(ROWS, 80))[0]
    assert heading.index("WHY") <= 80 - len("provider.died: provider")


def test_columns_that_say_nothing_take_no_room() -> None:
    idle = [list(IDLE.values())]
    assert fitted(idle, 24) == idle
