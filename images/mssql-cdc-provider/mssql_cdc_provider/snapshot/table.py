"""The queries for a table's rows, and what becomes of their answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dstream_sdk import Envelope
from mssql_cdc_provider.page_size import PageSize
from mssql_cdc_provider.session import Row
from mssql_cdc_provider.snapshot.jobs import Range
from mssql_cdc_provider.snapshot.keyset import Key, Keyset, is_ordered
from mssql_cdc_provider.snapshot.subject import Subject
from mssql_cdc_provider.tsql import Sql, fill
from mssql_cdc_provider.values import expression


class ReadTable:
    """A table that is being read. `keyset` is None where there is no order to read it by."""

    def __init__(self, subject: Subject, condition: str | None, size: PageSize) -> None:
        self.name = subject.table
        self.size = size
        self.keyset = Keyset(subject.key) if is_ordered(subject.key) else None
        self._envelopes = subject.envelopes
        self._condition = condition
        self._expressions = [expression(column) for column in subject.columns]

    @property
    def key(self) -> list[str]:
        return self.keyset.names if self.keyset is not None else []

    def select(self, part: Range, rows: int) -> str:
        """The query for the next rows of a range, at most so many; for all of them where there is no key."""
        conditions = [] if self._condition is None else [f"(\n{self._condition}\n)"]
        columns, top, order = list(self._expressions), "", ""
        if self.keyset is not None:
            columns += self.keyset.expressions
            conditions += self.keyset.between(part.lower, part.upper)
            if part.after is not None:
                conditions.append(f"({self.keyset.behind(part.after)})")
            top, order = f"TOP ({rows}) ", f" ORDER BY {self.keyset.order}"
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        columns[0] = top + columns[0]
        parts = {"columns": Sql(", ".join(columns)), "table": self.name.sql, "where": Sql(where), "order": Sql(order)}
        return fill("SELECT {columns} FROM {table} AS t{where}{order}", parts)

    def asks_as(self, other: ReadTable) -> bool:
        """Whether both have the same questions for the server."""
        return self.select(Range(), 1) == other.select(Range(), 1)

    def last_key(self, rows: Sequence[Row]) -> Key | None:
        """The key of the last of these rows."""
        return None if self.keyset is None else self.keyset.kept(rows[-1][len(self._expressions) :])

    def envelopes(self, rows: Sequence[Row], lsn: bytes, snapshot_id: str) -> Iterable[Envelope]:
        if self.keyset is not None:
            rows = [row[: len(self._expressions)] for row in rows]
        return self._envelopes(rows, lsn, snapshot_id)
