"""One connection that reads one range at a time, a page ahead of what is sent."""

from __future__ import annotations

from dataclasses import replace

from dstream_sdk import Context
from mssql_cdc_provider.retrying import retry
from mssql_cdc_provider.session import Pending, Row, Session
from mssql_cdc_provider.snapshot.jobs import Job, Range
from mssql_cdc_provider.snapshot.table import ReadTable
from mssql_cdc_provider.sql_errors import Transient

_OPEN_VIEW = "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION"
_CLOSE_VIEW = "COMMIT TRANSACTION; SET TRANSACTION ISOLATION LEVEL READ COMMITTED"


class Reader:
    """Reads the range that it was given last: `page` by page, for as long as it is `asking`. One thread.

    With `view` all that is read until `rest` is read in one snapshot transaction, or in several where the
    connection is lost in between.
    """

    def __init__(self, session: Session, context: Context, *, view: bool, within_s: float) -> None:
        self.view = view
        self._session = session
        self._context = context
        self._within_s = within_s
        self._has_view = False
        self._scanned = False
        self._asked = 0
        self._pending: Pending | None = None
        self.asking = False

    def read(self, job: Job, table: ReadTable, part: Range) -> None:
        """Ask for the first rows of `part`; `part.after` is moved by whoever sends them."""
        self.job, self.table, self.part = job, table, part
        self._ahead = replace(part)
        self._scanned = False
        self._ask()

    @property
    def ready(self) -> bool:
        """Whether `page` would not block."""
        return self._pending is not None and self._pending.ready

    @property
    def scanning(self) -> bool:
        """Whether it reads a table without a key, which cannot be left and taken up again."""
        return self.table.keyset is None

    def page(self, *, go_on: bool) -> tuple[list[Row], bool]:
        """The rows that were asked for, and whether they are the last ones. With `go_on` the next ones are asked for.

        Blocks; raises `Stopping`, and the `SqlError` that trying again did not help against.
        """
        rows = retry(self._take, self._context, within_s=self._within_s)
        is_last = len(rows) < self._asked
        self.asking = False
        if rows:
            self._ahead.after = self.table.last_key(rows)
            self.table.size.learn(rows)
        if not is_last and (go_on or self.scanning):
            self._ask()
        return rows, is_last

    def rest(self) -> None:
        """Let go of the view: what is read next is read in a new one."""
        if self._has_view:
            try:
                self._session.query(_CLOSE_VIEW)
            except Transient:
                self._session.close()
            self._has_view = False

    def close(self) -> None:
        """Give up the connection, and with it what was asked for. Does not block."""
        self._session.close()
        self._has_view = self.asking = False
        self._pending = None

    def _ask(self) -> None:
        self.asking = True
        self._asked = self.table.size.rows
        try:
            self._pending = self._start()
        except Transient:
            self._pending = None  # `page` tries again

    def _take(self) -> list[Row]:
        pending, self._pending = self._pending, None
        try:
            return (pending or self._start()).page().rows
        except Transient:
            self._session.close()
            self._has_view = self._scanned = False
            raise

    def _start(self) -> Pending:
        if self.view and not self._has_view:
            self._session.query(_OPEN_VIEW)
            self._has_view = True
        if self._scanned:
            return self._session.scan_on(self._asked)
        select = self.table.select(self._ahead, self._asked)
        if not self.scanning:
            return self._session.begin(select)
        self._scanned = True
        return self._session.scan(select, self._asked)
