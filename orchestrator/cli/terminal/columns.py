"""Rows of text under headings, for people and for `grep`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.cli.terminal.words import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = "  "


def columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """One line for the headings and for each row; a column as wide as its widest cell, and none without any."""
    cells = [[printable(cell) for cell in row] for row in rows]
    wanted = [number for number in range(len(headings)) if any(row[number] for row in cells)]
    widths = [max(len(row[number]) for row in [list(headings), *cells]) for number in wanted]
    return [
        _GAP.join(row[number].ljust(width) for number, width in zip(wanted, widths, strict=True)).rstrip()
        for row in [list(headings), *cells]
    ]
