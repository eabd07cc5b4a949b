"""Stands for the system that is read. Put the client of yours in its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


class Source:
    """A table that has every row already, in the order of its key `id`. `rows` 0 means that it never ends."""

    def __init__(self, rows: int, token: str) -> None:
        self._rows = rows
        self._token = token

    def rows_after(self, key: int, limit: int) -> list[dict[str, Any]]:
        """At most `limit` rows with a larger key, in order."""
        last = key + limit if self._rows == 0 else min(key + limit, self._rows)
        return [_row(number) for number in range(key + 1, last + 1)]

    def is_exhausted(self, key: int) -> bool:
        """Whether no row will ever come behind that key."""
        return 0 < self._rows <= key

    def close(self) -> None:
        """Give up the connection."""


def _row(number: int) -> dict[str, Any]:
    return {"id": number, "amount": number * 100, "created": _FIRST + timedelta(seconds=number)}
