"""Primary keys and unique indexes. DuckDB's own would stand in the way of ALTER TABLE, so they are checked here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.servers.sqlserver.database import Table, quoted
from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.work import Work

_FEW = 500


def check_keys(work: Work, table: Table, written: Sequence[tuple[Any, ...]]) -> None:
    """Error 2627 if a key of the rows just written occurs twice."""
    for index in table.indexes:
        if index.unique and written:
            names = ", ".join(quoted(name) for name in index.columns)
            values: list[Any] = []
            among = ""
            if len(written) <= _FEW:
                at = next(at for at, column in enumerate(table.columns) if column.name == index.columns[0])
                values = [row[at] for row in written]
                among = f"WHERE {quoted(index.columns[0])} IN ({', '.join('?' * len(values))})"
            sql = f"SELECT 1 FROM {table.quoted} {among} GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
            if work.rows(sql, values):
                raise error(2627, index.name, f"{table.schema}.{table.name}")
