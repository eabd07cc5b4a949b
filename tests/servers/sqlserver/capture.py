"""Change data capture: what the capture job writes, and what the cleanup job takes away.

Sources, in Microsoft's documentation: "About change data capture"; "cdc.change_tables", "cdc.lsn_time_mapping",
"cdc.<capture_instance>_CT", "sys.sp_cdc_enable_table", "sys.sp_cdc_disable_table", "sys.sp_cdc_cleanup_change_table".

- A transaction's changes appear when the capture job has read the log, not when it commits (`lag`, `running`); all have
  the LSN of its commit. Before the first scan `cdc.lsn_time_mapping` is empty and `fn_cdc_get_max_lsn` is NULL.
- A capture instance holds what was committed after it was made. A table has two at most (error 22962).
- The job notes the passing of time without changes as a row with `tran_id` 0x00 (`note_idle`).
- A change of a key is a delete and an insert; for several rows at once all deletes come first. An update's two rows share
  their `__$seqval`.
- Values of `varchar(max)`, `nvarchar(max)`, `varbinary(max)` and `xml` are NULL in an update's old row unless they changed; `text`,
  `ntext` and `image` are NULL in every old row; a computed column is always NULL.
- A dropped column is NULL from then on; a retyped one is retyped in the change table too; a new one is not captured.
  `cdc.ddl_history` keeps the statements.
- Cleanup moves the instance's `start_lsn` to the low water mark, which must be in `cdc.lsn_time_mapping` (error 22964).

Not verified against a real server: an update that changes no captured column gives two rows with an empty mask; one that changes
no column at all is not logged.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.sqlserver.changelog import AFTER, BEFORE, DELETE, Change, Transaction
from tests.servers.sqlserver.database import Column, Database, Table, new_transaction_id, quoted
from tests.servers.sqlserver.datatypes import DataType

if TYPE_CHECKING:
    import duckdb
    from tests.servers.sqlserver.sessions import Session

_ROWS_AT_ONCE = 200
_NOBODY = b"\0"


@dataclass(frozen=True)
class Instance:
    """A capture instance: `columns` are those of the source when it was made."""

    name: str
    id: int
    table: int
    start_lsn: bytes
    columns: tuple[Column, ...]
    net: bool
    role: str | None
    index: tuple[str, ...]

    @property
    def change_table(self) -> str:
        return f"cdc.{quoted(self.name + '_CT')}"

    def row(self, transaction: Transaction, change: Change, after_max_null: bool) -> list[Any]:
        """The row of the change table."""
        changed = change.changed
        mask = sum(1 << at for at, column in enumerate(self.columns) if changed is None or column.id in changed)
        size = (len(self.columns) + 7) // 8
        values = [
            None if self._untold(column, change, after_max_null) else change.values.get(column.id)
            for column in self.columns
        ]
        return [
            transaction.lsn,
            None,
            change.sequence,
            change.operation,
            mask.to_bytes(size, "big"),
            *values,
            change.command,
        ]

    def _untold(self, column: Column, change: Change, after_max_null: bool) -> bool:
        if column.computed:
            return True
        if column.type.is_old_large:
            return change.operation in (DELETE, BEFORE)
        if column.type.is_max and change.changed is not None and column.id not in change.changed:
            return change.operation == BEFORE or (change.operation == AFTER and after_max_null)
        return False


@dataclass
class Capture:
    """The capture and cleanup jobs of one database, and its log.

    `lag` is how long after its commit a transaction is captured; with 0 it is captured before the commit returns.
    `max_types_null_after` also leaves unchanged large values out of an update's new row.
    """

    database: Database
    lag: float = 0.0
    running: bool = True
    max_types_null_after: bool = False
    retention_minutes: int = 4320
    polling_interval: int = 5
    instances: list[Instance] = field(default_factory=list)
    _log: deque[tuple[float, Transaction]] = field(default_factory=deque)
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _agent: threading.Thread | None = None

    def of_table(self, table: int) -> list[Instance]:
        return [instance for instance in self.instances if instance.table == table]

    def find(self, name: str) -> Instance | None:
        return next((instance for instance in self.instances if instance.name.lower() == name.lower()), None)

    def captures(self, table: int, column: int) -> bool:
        return any(column == captured.id for instance in self.of_table(table) for captured in instance.columns)

    def log(self, begin_lsn: bytes, begun: dt.datetime, changes: list[Change]) -> None:
        """Enter a committed transaction. To be called with the database's lock held, in the order of the commits."""
        database = self.database
        self._log.append((
            time.monotonic(),
            Transaction(database.next_lsn(), new_transaction_id(), begin_lsn, begun, database.now(), changes),
        ))  # fmt: skip
        if self.running and not self.lag:
            self.scan()
        elif self.running:
            self._start_agent()

    def scan(self) -> int:
        """What the job does each time it reads the log: all that is in it is captured. How many transactions."""
        with self.database.lock:
            count = len(self._log)
            while self._log:
                self._capture(self._log.popleft()[1])
            return count

    def note_idle(self) -> None:
        """What the job does every five minutes in which there was nothing to capture."""
        with self.database.lock:
            now, lsn = self.database.now(), self.database.next_lsn()
            self._write_time(self.database.duck.cursor(), Transaction(lsn, _NOBODY, lsn, now, now, []))

    def stop(self) -> None:
        """The job stops, as when SQL Server Agent does: commits go on, nothing is captured."""
        self.running = False

    def start(self) -> None:
        """The job starts, and reads what the log holds."""
        self.running = True
        self.scan() if not self.lag else self._start_agent()

    def _capture(self, transaction: Transaction) -> None:
        cursor = self.database.duck.cursor()
        cursor.execute("BEGIN")
        written = False
        for instance in self.instances:
            if instance.start_lsn <= transaction.lsn:
                rows = [
                    instance.row(transaction, change, self.max_types_null_after)
                    for change in transaction.changes
                    if change.table == instance.table
                ]
                written = written or bool(rows)
                _insert(cursor, instance.change_table, rows)
        if written:
            self._write_time(cursor, transaction)
        cursor.execute("COMMIT")
        self.database.version += 1

    def _write_time(self, cursor: duckdb.DuckDBPyConnection, transaction: Transaction) -> None:
        cursor.execute(
            "INSERT INTO cdc.lsn_time_mapping VALUES (?, ?, ?, ?, ?)",
            [transaction.lsn, transaction.begun, transaction.committed, transaction.id, transaction.begin_lsn],
        )
        self.database.version += 1

    def _start_agent(self) -> None:
        with self._wake:
            if self._agent is None:
                self._agent = threading.Thread(target=self._run_agent, daemon=True)
                self._agent.start()
            self._wake.notify()

    def _run_agent(self) -> None:
        with self._wake:
            while True:
                self._wake.wait_for(lambda: bool(self._log) and self.running, timeout=None)
                with contextlib.suppress(IndexError):
                    due = self._log[0][0] + self.lag - time.monotonic()
                    if due > 0:
                        self._wake.wait(due)
                        continue
                    with self.database.lock:
                        self._capture(self._log.popleft()[1])

    def clean_up(self, instance: Instance, low_water_mark: bytes | None) -> None:
        """Take away the changes before `low_water_mark` and begin the instance there."""
        with self.database.lock:
            cursor = self.database.duck.cursor()
            if low_water_mark is not None:
                cursor.execute(f'DELETE FROM {instance.change_table} WHERE "__$start_lsn" < ?', [low_water_mark])
                self._begin_at(cursor, instance, low_water_mark)
            cursor.execute(
                "DELETE FROM cdc.lsn_time_mapping WHERE start_lsn < (SELECT min(start_lsn) FROM cdc.change_tables)"
            )
            self.database.version += 1

    def expire(self, before: dt.datetime | None = None) -> None:
        """What the cleanup job does: take away the changes older than the retention, or committed before `before`."""
        limit = before or self.database.now() - dt.timedelta(minutes=self.retention_minutes)
        with self.database.lock:
            [(mark,)] = self.database.duck.cursor().execute(
                "SELECT coalesce(min(start_lsn) FILTER (tran_end_time >= ?), max(start_lsn)) FROM cdc.lsn_time_mapping", [limit]
            ).fetchall()  # fmt: skip
            for instance in list(self.instances):
                if mark is not None and instance.start_lsn < mark:
                    self.clean_up(instance, mark)

    def _begin_at(self, cursor: duckdb.DuckDBPyConnection, instance: Instance, lsn: bytes) -> None:
        cursor.execute("UPDATE cdc.change_tables SET start_lsn = ? WHERE object_id = ?", [lsn, instance.id])
        self.replace(instance, Instance(**{**vars(instance), "start_lsn": lsn}))

    def replace(self, old: Instance, new: Instance) -> None:
        self.instances = [new if instance is old else instance for instance in self.instances]

    def schema_altered(self, session: Session, table: Table, text: str, retyped: tuple[str, DataType] | None) -> None:
        """Note an ALTER TABLE of a source table. The changes before it are captured in the table's old shape."""
        from tests.servers.sqlserver.instances import retype_captured  # noqa: PLC0415  # it builds on this module

        for instance in self.of_table(table.id):
            required = retyped is not None and retype_captured(session, instance, *retyped)
            session.run(
                "INSERT INTO cdc.ddl_history VALUES (?, ?, ?, ?, ?, ?)",
                [table.id, instance.id, required, text, self.database.next_lsn(), self.database.now()],
            )

    def table_dropped(self, session: Session, table: Table) -> None:
        from tests.servers.sqlserver.instances import disable  # noqa: PLC0415  # it builds on this module

        for instance in self.of_table(table.id):
            disable(session, instance)


def _insert(cursor: duckdb.DuckDBPyConnection, table: str, rows: list[list[Any]]) -> None:
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        page = rows[at : at + _ROWS_AT_ONCE]
        values = ", ".join(["(" + ", ".join("?" * len(page[0])) + ")"] * len(page))
        cursor.execute(f"INSERT INTO {table} VALUES {values}", [value for row in page for value in row])
