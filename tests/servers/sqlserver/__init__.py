"""A SQL Server with change data capture, for tests: emulated, or a real one.

`with SqlServer() as server` emulates one: pysqlbridge speaks TDS to the clients, sqlglot puts T-SQL into the words of
DuckDB, which keeps the rows; what change data capture does with them is written here, each rule with the page of
Microsoft's documentation it comes from (capture.py, instances.py, definitions.py). With `MSSQL_URL` in the environment
the same fixture makes a database on that server.
"""

from tests.servers.sqlserver.server import SqlServer

__all__ = ["SqlServer"]
