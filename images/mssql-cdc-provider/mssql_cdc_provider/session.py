"""A connection to SQL Server that is made when needed, and waits no longer than it may."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from mssql_cdc_provider.connection_string import Target
from mssql_cdc_provider.drivers import Connection, Page, Row, connect
from mssql_cdc_provider.sql_errors import Lost, SqlError, Stopping, Unavailable
from mssql_cdc_provider.tsql import fill

__all__ = ["Page", "Pending", "Row", "Session"]

STOP_GRACE_S = 0.5
"""How long a query may still take once the run should wind down."""

_GLANCE_S = 0.1


class Session:
    """One connection at a time, made at the first query and anew after it was `Lost`.

    Statements commit by themselves unless the caller begins a transaction. Results are read whole: the driver
    would throw the unread rows of one query away at the next. One thread at a time may use a session; parallel
    reading takes several sessions.
    """

    def __init__(self, target: Target, *, query_timeout_s: float, stopping: Callable[[], bool] = lambda: False) -> None:
        self.target = target
        self.generation = 0
        """Rises with every connection: what belonged to an earlier one (a lock, a transaction) is gone."""
        self.query_timeout_s = query_timeout_s
        self._stopping = stopping
        self._link: _Link | None = None

    def query(self, sql: str, **values: object) -> list[Row]:
        """The rows of the first result; `[]` where the statement has none.

        `{name}` in `sql` stands for that value as a constant (`tsql.literal`); without values `sql` is sent as it
        is. Blocks for `query_timeout_s` at most (and the connect timeout, where it must connect first), then
        raises `Lost`; raises `Stopping` within half a second of the wish to stop, else a `SqlError`.
        """
        return self.page(sql, **values).rows

    def page(self, sql: str, **values: object) -> Page:
        """As `query`, with the columns' names."""
        return self.begin(sql, **values).page()

    def begin(self, sql: str, **values: object) -> Pending:
        """Start a query, connecting first if need be, to do something else meanwhile.

        Ask for its page before the next query, on the thread that uses the session.
        """
        text = fill(sql, values)
        link = self._link or self._connect()
        return Pending(self, link.submit(lambda connection: connection.run(text)))

    def scan(self, sql: str, rows: int) -> Pending:
        """As `begin`, for the first `rows` rows alone; `scan_on` has the others, until a page is not full."""
        link = self._link or self._connect()
        return Pending(self, link.submit(lambda connection: connection.run(sql, rows)))

    def scan_on(self, rows: int) -> Pending:
        """The next rows of the scan. Nothing else may have been asked since. Raises `Lost` if the connection was."""
        if self._link is None:
            raise Lost(f"the connection to {self.target.server} is gone, and the scan with it")
        return Pending(self, self._link.submit(lambda connection: connection.more(rows)))

    def close(self) -> None:
        """Give up the connection, and with it what was not committed. May be called again; does not block."""
        if self._link is not None:
            self._link.give_up()
            self._link = None

    def wait(self, result: Future[Any], seconds: float) -> Any:
        """The result, once it is there. Gives up the connection at the deadline and when the run should stop."""
        deadline = time.monotonic() + seconds
        stop_by = float("inf")
        while not result.done():
            now = time.monotonic()
            if self._stopping():
                stop_by = min(stop_by, now + STOP_GRACE_S)
            if now >= min(stop_by, deadline):
                self.close()
                if now >= stop_by:
                    raise Stopping("the run should wind down")
                raise Lost(f"{self.target.server} did not answer within {seconds:g} s")
            futures.wait((result,), _GLANCE_S)
        try:
            return result.result()
        except (Lost, Unavailable):
            self.close()
            raise

    def _connect(self) -> _Link:
        link = self._link = _Link(self.target, self.query_timeout_s)
        try:
            self.wait(link.connected, self.target.connect_timeout_s + 1)
        except SqlError:
            self.close()
            raise
        self.generation += 1
        return link


class Pending:
    """A query under way."""

    def __init__(self, session: Session, result: Future[Page]) -> None:
        self._session = session
        self._result = result

    @property
    def ready(self) -> bool:
        """Whether `page` would not block."""
        return self._result.done()

    def page(self) -> Page:
        """Wait for its rows. Blocks and raises as `Session.query`."""
        page: Page = self._session.wait(self._result, self._session.query_timeout_s)
        return page


class _Link:
    """One connection and the thread that waits for it.

    A driver waits in C, where neither a signal nor a deadline reaches it. Whoever may not wait any longer
    leaves the thread behind: it ends, and closes the connection, when the driver's own timeout comes.
    """

    def __init__(self, target: Target, query_timeout_s: float) -> None:
        self.connected: Future[None] = Future()
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[Connection], Any]] | None] = SimpleQueue()
        work = threading.Thread(target=self._work, args=(target, query_timeout_s), name="sql", daemon=True)
        work.start()

    def submit(self, call: Callable[[Connection], Any]) -> Future[Any]:
        result: Future[Any] = Future()
        self._jobs.put((result, call))
        return result

    def give_up(self) -> None:
        self._jobs.put(None)

    def _work(self, target: Target, query_timeout_s: float) -> None:
        try:
            connection = connect(target, query_timeout_s)
        except BaseException as error:  # noqa: BLE001 - raised by whoever asks for the result, here and below
            self.connected.set_exception(error)
            return
        self.connected.set_result(None)
        while (job := self._jobs.get()) is not None:
            result, call = job
            try:
                result.set_result(call(connection))
            except BaseException as error:  # noqa: BLE001
                result.set_exception(error)
            del job, result, call  # rows and all
        connection.close()
