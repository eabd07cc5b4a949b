"""A SQL Server with change data capture, for tests: emulated, or a real one.

`with SqlServer() as server` emulates one: pysqlbridge speaks TDS to the clients, sqlglot puts T-SQL into the words of
DuckDB, which keeps the rows. What change data capture does with them is written here, each rule with the page of
Microsoft's documentation that it comes from: capture.py, change_tables.py, change_functions.py, instances.py,
definitions.py, writes.py.

What it does not do: the types of arithmetic (`AVG` and `/` of integers are not integers), savepoints, MERGE and writes
through joins, blocking (of two transactions that write one row, the second is a deadlock's victim; one that has written
reads the moment of its first write), collations, triggers, views and procedures of users, more than one database.

`with sql_server() as server` is that, or with `MSSQL_URL` in the environment a database on that server.
"""

from __future__ import annotations

import os

from tests.servers.sqlserver.real import RealSqlServer
from tests.servers.sqlserver.server import SqlServer

__all__ = ["RealSqlServer", "SqlServer", "sql_server"]


def sql_server(*, cdc: bool = True) -> SqlServer | RealSqlServer:
    """A server for tests that need neither its faults nor its jobs in hand."""
    url = os.environ.get("MSSQL_URL")
    return RealSqlServer(url, cdc=cdc) if url else SqlServer(cdc=cdc)
