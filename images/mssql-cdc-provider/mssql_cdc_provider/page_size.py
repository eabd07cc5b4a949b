"""How many rows a page should have, by the size of those before."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from mssql_cdc_provider.session import Row
from mssql_cdc_provider.tables import Column

_FIRST_ROWS = 500
_SAMPLE_ROWS = 50
_FIXED_BYTES = 8


class PageSize:
    """As many rows as should make `page_bytes`, and `most_rows` at most.

    The first page goes by the longest that a row of `columns` can be; where nobody can tell, it is a small one.
    """

    def __init__(self, most_rows: int, page_bytes: int, columns: Sequence[Column]) -> None:
        self._most_rows = most_rows
        self._page_bytes = page_bytes
        self._row_bytes: float | None = None
        longest = sum(column.longest for column in columns)
        self._first_rows = min(most_rows, max(_FIRST_ROWS, int(page_bytes / longest) if longest else 0))

    @property
    def rows(self) -> int:
        """The number of rows to ask for."""
        if self._row_bytes is None:
            return self._first_rows
        return max(1, min(self._most_rows, int(self._page_bytes / self._row_bytes)))

    def learn(self, rows: Sequence[Row]) -> None:
        """Take the size of rows from the first of a page."""
        sizes = [
            sum(len(value) if isinstance(value, str | bytes) else _FIXED_BYTES for value in row)
            for row in islice(rows, _SAMPLE_ROWS)
        ]
        if sizes:
            self._row_bytes = max(1.0, sum(sizes) / len(sizes))
