"""What every driver's connection can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

Row = tuple[Any, ...]

SETTINGS = (
    # What drivers set by default, but for CURSOR_CLOSE_ON_COMMIT; and a reader is the one to yield in a deadlock.
    "SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON; SET ARITHABORT ON; "
    "SET CONCAT_NULL_YIELDS_NULL ON; SET QUOTED_IDENTIFIER ON; SET TEXTSIZE 2147483647; SET DEADLOCK_PRIORITY LOW"
)
"""Said once on every connection."""


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one result, and what its columns are called."""

    columns: tuple[str, ...]
    rows: list[Row]


class Connection(Protocol):
    """A connection, made by the constructor. Every method may block; only one may run at a time.

    Each wait for the server is bounded by the driver. Methods raise `SqlError`, and so does the constructor.
    """

    def run(self, sql: str, most: int | None = None) -> Page:
        """The first result, or its first `most` rows. An error behind the last one is raised all the same."""

    def more(self, most: int) -> Page:
        """The next rows of the query that was run last."""

    def close(self) -> None:
        """End it, and with it what was not committed."""
