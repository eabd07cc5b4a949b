"""What the tests of change data capture say again and again."""

from __future__ import annotations

from typing import Any, NamedTuple

import pymssql

from tests.servers.sqlserver import RealSqlServer, SqlServer

DELETE, INSERT, BEFORE, AFTER = 1, 2, 3, 4


class Change(NamedTuple):
    lsn: bytes
    sequence: bytes
    operation: int
    mask: bytes
    values: tuple[Any, ...]


def enable(server: SqlServer | RealSqlServer, table: str, **options: str) -> None:
    """Capture `dbo.table`; `options` are further arguments of the procedure."""
    given = {"source_schema": "dbo", "source_name": table, **options}
    arguments = ", ".join(f"@{name} = N'{value}'" for name, value in given.items())
    server.execute(f"EXEC sys.sp_cdc_enable_table {arguments}, @role_name = NULL")


def changes(server: SqlServer | RealSqlServer, instance: str) -> list[Change]:
    """Everything that a capture instance has, in its order."""
    server.settle()
    sql = (
        f"SELECT * FROM cdc.[fn_cdc_get_all_changes_{instance}](sys.fn_cdc_get_min_lsn(N'{instance}'),"
        " sys.fn_cdc_get_max_lsn(), N'all update old') ORDER BY [__$start_lsn], [__$seqval], [__$operation]"
    )
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [Change(row[0], row[1], row[2], row[3], row[4:]) for row in rows]


def error_of(server: SqlServer | RealSqlServer, sql: str, **options: Any) -> int:
    """The number of the error that a batch fails with."""
    with server.connect(**options) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(sql)
            cursor.fetchall()
        except pymssql.Error as failure:
            number = failure.args[0][0] if isinstance(failure.args[0], tuple) else failure.args[0]
            return int(number)
    raise AssertionError(f"no error: {sql}")
