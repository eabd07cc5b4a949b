"""Change data capture at work: the log, the job that reads it, and the job that cleans up.

Sources, in Microsoft's documentation: "About change data capture", "cdc.change_tables", "cdc.lsn_time_mapping",
"sys.sp_cdc_cleanup_change_table", "Administer and monitor change data capture".

- A transaction's changes appear when the capture job has read the log, not when it commits; all of them bear the LSN of
  its commit, which is later than the LSNs of its rows (`__$seqval`). Until the first scan `cdc.lsn_time_mapping` is
  empty and `fn_cdc_get_max_lsn` NULL.
- An instance holds what was committed after it was made.
- When there is nothing to capture the job notes the time as a row whose `tran_id` is 0x00.
- Cleanup takes away the rows before a low water mark, and moves the instance's `start_lsn` there.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.servers.sqlserver.change_tables import Instance
from tests.servers.sqlserver.changelog import Change, Transaction
from tests.servers.sqlserver.database import Database, insert, new_transaction_id

if TYPE_CHECKING:
    import duckdb

_NOBODY = b"\0"


@dataclass(frozen=True)
class Scan:
    """A session of the capture job: "sys.dm_cdc_log_scan_sessions"."""

    number: int
    began: dt.datetime
    ended: dt.datetime | None = None
    transactions: int = 0
    rows: int = 0
    committed: dt.datetime | None = None
    empty: int = 0


class Capture:
    """The capture and cleanup jobs of one database, and its log. May be used by several threads.

    `lag` is how many seconds after its commit a transaction is captured; with 0 it is before the commit returns.
    `new_without_max` leaves unchanged large values out of an update's new row too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lag = 0.0
        self.new_without_max = False
        self.polling_interval = 5.0
        self.retention = dt.timedelta(minutes=4320)
        self.jobs: list[str] = []
        self.errors: list[tuple[int, str]] = []
        self.instances: list[Instance] = []
        self.running = self.agent = True
        self._scan = Scan(0, database.now())
        self._log: deque[tuple[float, Transaction]] = deque()
        self._news = threading.Event()
        self._closed = threading.Event()
        self._job: threading.Thread | None = None

    # The instances

    def of_table(self, table: int) -> list[Instance]:
        return [instance for instance in self.instances if instance.table == table]

    def find(self, name: str) -> Instance | None:
        return next((instance for instance in self.instances if instance.name.lower() == name.lower()), None)

    def captures(self, table: int, column: int) -> bool:
        """Whether an instance captures this column."""
        return any(column == captured.id for instance in self.of_table(table) for captured in instance.columns)

    def added(self, instance: Instance) -> None:
        with self._database.lock:
            self.instances = [*self.instances, instance]
            if self.running and not self.lag:
                self.note_idle()

    def changed(self, old: Instance, new: Instance) -> None:
        with self._database.lock:
            self.instances = [new if instance is old else instance for instance in self.instances]

    def removed(self, instance: Instance) -> None:
        with self._database.lock:
            self.instances = [each for each in self.instances if each is not instance]

    # The capture job

    def log(self, begin_lsn: bytes, begun: dt.datetime, changes: list[Change]) -> None:
        """Enter a committed transaction. To be called with the database's lock held, in the order of the commits."""
        lsn, now = self._database.next_lsn(), self._database.now()
        self._log.append((time.monotonic(), Transaction(lsn, new_transaction_id(), begin_lsn, begun, now, changes)))
        self._go_on()

    def start(self) -> None:
        """The job starts, with SQL Server Agent if need be, and reads what the log holds."""
        self.running = self.agent = True
        self._go_on()

    def stop(self, *, agent: bool = False) -> None:
        """The job stops, and SQL Server Agent too if `agent`: commits go on, nothing is captured."""
        self._scan = self.last_scan()
        self.running = False
        self.agent = not agent

    def last_scan(self) -> Scan:
        """The last scan, with the empty ones that followed it every `polling_interval` seconds."""
        if not self.running:
            return self._scan
        now = self._database.now()
        empty = int((now - self._scan.began).total_seconds() / self.polling_interval)
        return replace(self._scan, number=max(1, self._scan.number), ended=now, empty=empty)

    def close(self) -> None:
        """No more jobs."""
        self._closed.set()
        self._news.set()
        if self._job:
            self._job.join()

    def _go_on(self) -> None:
        if not self.running:
            return
        if not self.lag:
            self.scan()
            return
        if self._job is None:
            self._job = threading.Thread(target=self._run, daemon=True)
            self._job.start()
        self._news.set()

    def _run(self) -> None:
        """Capture each transaction when its time has come."""
        while not self._closed.is_set():
            self._news.wait()
            self._news.clear()
            while self.running and self._log and not self._closed.is_set():
                due = self._log[0][0] + self.lag - time.monotonic()
                if due > 0:
                    self._closed.wait(due)
                else:
                    self.scan(1)

    def scan(self, transactions: int | None = None) -> None:
        """Read the log now: capture all that is in it, or so many transactions."""
        with self._database.lock:
            while self._log and transactions != 0:
                self._capture(self._log[0][1])
                self._log.popleft()
                transactions = None if transactions is None else transactions - 1

    def note_idle(self) -> None:
        """What the job does when for five minutes there was nothing to capture."""
        with self._database.lock:
            lsn, now = self._database.next_lsn(), self._database.now()
            self._note_time(self._database.duck.cursor(), Transaction(lsn, _NOBODY, lsn, now, now, []))
            self._database.changed()

    def _capture(self, transaction: Transaction) -> None:
        cursor = self._database.duck.cursor()
        cursor.execute("BEGIN")
        captured = 0
        for instance in self.instances:
            if instance.start_lsn <= transaction.lsn:
                rows = [
                    instance.row(transaction, change, new_without_max=self.new_without_max)
                    for change in transaction.changes
                    if change.table == instance.table
                ]
                captured += len(rows)
                insert(cursor, instance.change_table, rows)
        if captured:
            self._note_time(cursor, transaction)
        cursor.execute("COMMIT")
        now = self._database.now()
        self._scan = Scan(self._scan.number + 1, now, now, 1, captured, transaction.committed)
        self._database.changed()

    def _note_time(self, cursor: duckdb.DuckDBPyConnection, transaction: Transaction) -> None:
        cursor.execute(
            "INSERT INTO cdc.lsn_time_mapping VALUES (?, ?, ?, ?, ?)",
            [transaction.lsn, transaction.begun, transaction.committed, transaction.id, transaction.begin_lsn],
        )

    # The cleanup job

    def clean_up(self, instance: Instance, low_water_mark: bytes | None) -> None:
        """Take away the instance's changes before `low_water_mark`, and let it begin there."""
        with self._database.lock:
            cursor = self._database.duck.cursor()
            if low_water_mark is not None:
                cursor.execute(f'DELETE FROM {instance.change_table} WHERE "__$start_lsn" < ?', [low_water_mark])
                cursor.execute(
                    "UPDATE cdc.change_tables SET start_lsn = ? WHERE object_id = ?", [low_water_mark, instance.id]
                )
                self.changed(instance, replace(instance, start_lsn=low_water_mark))
            cursor.execute(
                "DELETE FROM cdc.lsn_time_mapping WHERE start_lsn < (SELECT min(start_lsn) FROM cdc.change_tables)"
            )
            self._database.changed()

    def expire(self, retention: dt.timedelta | None = None) -> None:
        """Run the cleanup job: what was committed longer ago than the retention goes from every instance."""
        limit = self._database.now() - (self.retention if retention is None else retention)
        with self._database.lock:
            [(mark,)] = (
                self._database.duck.cursor()
                .execute(
                    "SELECT coalesce(min(start_lsn) FILTER (tran_end_time >= ?), max(start_lsn))"
                    " FROM cdc.lsn_time_mapping",
                    [limit],
                )
                .fetchall()
            )
            for instance in self.instances:
                if mark is not None and instance.start_lsn < mark:
                    self.clean_up(instance, mark)
