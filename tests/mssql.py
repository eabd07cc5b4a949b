"""A run of the SQL Server input in the test's own process, and the tables that a sink would make of its records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from dstream_sdk import Checkpoint, Context, Envelope
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.provider import MssqlCdc
from tests.servers.sqlserver import SqlServer

QUICK = {"poll_interval": "10ms", "max_poll_interval": "20ms", "heartbeat_interval": "50ms"}


def config_of(server: SqlServer, **values: Any) -> MssqlCdcConfig:
    """A config for the server that looks often."""
    target = f"Server={server.host},{server.port};Database={server.database}"
    login = f"User Id={server.user};Password={server.password};Connect Timeout=30"
    return MssqlCdcConfig.model_validate({"connection_string": f"{target};{login}", "tables": ["*"], **QUICK, **values})


class Sink:
    """Folds records into tables by their keys: the first column, or as many as `keys` says of a table."""

    def __init__(self, **keys: int) -> None:
        self.tables: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
        self.records: list[Envelope] = []
        self._keys = keys

    def take(self, record: Envelope) -> None:
        """A row of a snapshot, an insert and an update all put the row there; what they leave out stays as it was."""
        self.records.append(record)
        name = record.metadata["TableName"]
        data = msgspec.json.decode(msgspec.json.encode(record.data))
        key = tuple(data.values())[: self._keys.get(name, 1)]
        rows = self.tables.setdefault(name, {})
        if record.metadata["OperationType"] == "Delete":
            rows.pop(key, None)
        else:
            rows[key] = {**rows.get(key, {}), **data}

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """The table as it is now, in order of its key."""
        return sorted(tuple(row.values()) for row in self.tables.get(table, {}).values())

    def operations(self, table: str | None = None) -> list[str]:
        """Of every record, in order."""
        return [
            one.metadata["OperationType"] for one in self.records if table is None or one.metadata["TableName"] == table
        ]


class Run:
    """One run. `state` is the newest checkpoint's, after a way through JSON."""

    def __init__(self, config: MssqlCdcConfig, sink: Sink, state: Any = None, *, delivery: str | None = None) -> None:
        self.state = state
        self.sink = sink
        self.context = Context(command="run", role="input", task="orders", state=state, delivery=delivery)
        self.provider = MssqlCdc(config)
        self.provider.context = self.context
        self.provider.open()
        self._items: Iterator[Envelope | Checkpoint] = iter(self.provider.read(self.context))

    def until(self, condition: Callable[[], bool]) -> None:
        """Take records and checkpoints until `condition` holds behind one. Fails where the run ends before."""
        for item in self._items:
            if isinstance(item, Checkpoint):
                self.state = json.loads(json.dumps(item.state))
            else:
                self.sink.take(item)
            if condition():
                return
        raise AssertionError("the run ended too soon")

    def to_the_end(self) -> None:
        """Take what is left of a run that ends by itself."""
        for item in self._items:
            if isinstance(item, Checkpoint):
                self.state = json.loads(json.dumps(item.state))
            else:
                self.sink.take(item)

    def until_same(self, server: SqlServer, *tables: str) -> None:
        """Go on until the sink has the server's rows."""
        expected = {table: rows_of(server, table) for table in tables}
        self.until(lambda: all(self.sink.rows(table) == expected[table] for table in tables))

    def stop(self) -> None:
        """Ask it to wind down, as SIGTERM does, and take what it still has to say."""
        self.context.stop.request("the test is done")
        self.to_the_end()

    def close(self) -> None:
        """Break it off where it is."""
        close = getattr(self._items, "close", None)
        if close is not None:
            close()
        self.provider.close()


@contextmanager
def running(config: MssqlCdcConfig, sink: Sink, state: Any = None, *, delivery: str | None = None) -> Iterator[Run]:
    """A run that is broken off when the block is left."""
    run = Run(config, sink, state, delivery=delivery)
    try:
        yield run
    finally:
        run.close()


def rows_of(server: SqlServer, table: str) -> list[tuple[Any, ...]]:
    """The rows that the server has, as the sink would have them: whole numbers and text alone."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM dbo.[{table}]")
        return sorted(cursor.fetchall())


def insert(server: SqlServer, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """In one transaction for every 500 rows."""
    for start in range(0, len(rows), 500):
        values = ", ".join(f"({', '.join(_constant(value) for value in row)})" for row in rows[start : start + 500])
        server.execute(f"INSERT INTO dbo.[{table}] VALUES {values}")


def _constant(value: Any) -> str:
    return (
        "NULL"
        if value is None
        else str(value)
        if isinstance(value, int)
        else "N'" + str(value).replace("'", "''") + "'"
    )
