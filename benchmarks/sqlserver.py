"""The emulated SQL Server in a process of its own, so that it shares neither lock nor core with what is measured."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from tests.servers.sqlserver import SqlServer
from tests.servers.sqlserver.answers import Kept
from tests.servers.sqlserver.loading import load

_ENABLE = "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'{}', @role_name = NULL"


class _Served:
    """What the other process may ask for, by name."""

    def __init__(self) -> None:
        self._server = SqlServer().start()
        self._server.engine.kept = Kept(1 << 30)  # encoded answers: both sides' must fit in there

    def port(self) -> int:
        return self._server.port

    def table(self, name: str, columns: str, query: str, rows: int) -> None:
        """A captured table, and one transaction that put `rows` rows into it. `query` is DuckDB's SQL over `n`."""
        self._server.execute(f"CREATE TABLE dbo.{name} ({columns})", _ENABLE.format(name))
        if rows:
            load(self._server.engine, name, query, rows)

    def execute(self, batch: str) -> None:
        self._server.execute(batch)

    def requests(self) -> list[str]:
        """The text of every request since this was asked last."""
        found = list(self._server.faults.requests)
        self._server.faults.requests.clear()
        return found


def _serve(calls: Connection) -> None:
    served = _Served()
    while (call := calls.recv()) is not None:
        name, *arguments = call
        calls.send(getattr(served, name)(*arguments))
    os._exit(0)


class SqlServerProcess:
    """`with SqlServerProcess() as server`: `server.call("table", …)` does what `_Served.table` says."""

    user, password, database = "sa", "Passw0rd!", "testdb"

    def __enter__(self) -> Self:
        self._calls, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        self.port = self.call("port")
        return self

    def call(self, name: str, *arguments: Any) -> Any:
        self._calls.send((name, *arguments))
        return self._calls.recv()

    @property
    def connection_string(self) -> str:
        login = f"User Id={self.user};Password={self.password}"
        return f"Server=127.0.0.1,{self.port};Database={self.database};{login}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.send(None)
        self._process.join(10)
        self._process.kill()
