"""A session's unit of work: its cursor into the store, its transaction and what that will put into the log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import duckdb

from tests.servers.sqlserver.capture import Capture
from tests.servers.sqlserver.changelog import Change
from tests.servers.sqlserver.database import Database, Table, insert
from tests.servers.sqlserver.errors import error


class Work:
    """`depth` is @@TRANCOUNT. The store's transaction begins with the first write, or with `begin`."""

    def __init__(self, database: Database, capture: Capture) -> None:
        self.database, self.capture = database, capture
        self.depth = 0
        self._cursor = database.duck.cursor()
        self._changes: list[Change] = []
        self._begun: tuple[bytes, dt.datetime] | None = None
        self._epoch = 0
        self._command = 0

    @property
    def begun(self) -> bool:
        return self._begun is not None

    def begin(self) -> None:
        """What the session reads is of this moment from now on."""
        if self._begun is None:
            self._epoch = self.database.epoch
            self._cursor.execute("BEGIN")
            self._begun = self.database.next_lsn(), self.database.now()

    def commit(self) -> None:
        """The changes are in the log before those of anything that commits later."""
        if self._begun is None:
            return
        with self.database.lock:
            self._cursor.execute("COMMIT")
            (begin_lsn, begun), changes = self._begun, self._changes
            self._end()
            self.database.changed()
            if changes:
                self.capture.log(begin_lsn, begun, changes)

    def rollback(self) -> None:
        if self._begun is not None:
            self._cursor.execute("ROLLBACK")
            self.database.schema_changed()  # of which it may have been a part
        self.depth = 0
        self._end()

    def _end(self) -> None:
        self._begun, self._changes, self._command = None, [], 0

    def close(self) -> None:
        self.rollback()
        self._cursor.close()

    def next_command(self) -> int:
        """The `__$command_id` of the next statement that writes."""
        self._command += 1
        return self._command

    def log(self, changes: Sequence[Change]) -> None:
        """Put changes into the log when this work is committed."""
        self._changes += changes

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run DuckDB's SQL."""
        self._cursor.execute(sql, list(values))
        if self._begun is None:
            self.database.changed()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that DuckDB's SQL gives."""
        return self._cursor.execute(sql, list(values)).fetchall()

    def insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows of plain values."""
        insert(self._cursor, table, rows)

    def relation(self, sql: str) -> duckdb.DuckDBPyRelation:
        """The result of a query with its columns' names and types; to be fetched before anything else is run."""
        return self._cursor.sql(sql)

    def find(self, schema: str, name: str) -> Table | None:
        epoch = self.database.epoch if self._begun is None else self._epoch
        return self.database.table(self._cursor, epoch, schema, name)

    def tables(self) -> list[Table]:
        """Every table there is."""
        names = self.rows("SELECT schema_name, name FROM catalog.tables")
        return [table for schema, name in names if (table := self.find(schema, name))]

    def table(self, name: str, number: int = 208) -> Table:
        """The table of a name of up to three parts. Raises error `number` if there is none."""
        found = self.find(*self.names(name))
        if found is None:
            raise error(number, name)
        return found

    def names(self, name: str) -> tuple[str, str]:
        """Schema and table of a name of up to three parts."""
        *_, schema, table = ["", "dbo", *name.split(".")] if "." not in name else ["", *name.split(".")]
        return schema or "dbo", table
