"""The snapshots of one run: which tables are to be read, and how far that is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import Any

from dstream_sdk import Context, Envelope, ProviderError
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.names import TableName, matching
from mssql_cdc_provider.retrying_session import RetryingSession
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.snapshot.planning import Planner
from mssql_cdc_provider.snapshot.progress import Progress
from mssql_cdc_provider.snapshot.queue import Queue
from mssql_cdc_provider.snapshot.reader import Reader
from mssql_cdc_provider.snapshot.slices import Slice
from mssql_cdc_provider.snapshot.subject import Subject
from mssql_cdc_provider.sql_errors import Stopping

SLICE_S = 1.0
"""How long the stream stands still at a time."""


class Snapshots:
    """Made once a run, from the `snapshot` part of the stored state (None at a first start).

    `connect` gives new sessions, `subject` a table that the stream follows at that moment (None for one that it
    does not, or that is gone). All methods but `request` belong to the thread that streams.
    """

    def __init__(
        self,
        config: MssqlCdcConfig,
        context: Context,
        connect: Callable[[], Session],
        subject: Callable[[Session, TableName], Subject | None],
        saved: Any = None,
    ) -> None:
        """Raises `ProviderError` for state that is not this provider's."""
        self._config = config
        self._context = context
        self._log = context.logger
        self._connect = connect
        self._subject = subject
        self._queue = Queue(config.snapshot.mode, saved)
        self._progress = Progress()
        self._requests: deque[dict[str, Any]] = deque()
        session = RetryingSession(connect(), context, within_s=config.retry_timeout)
        self._planner = Planner(config, context, session, subject, self._queue)
        self._readers: list[Reader] = []

    @property
    def state(self) -> dict[str, Any]:
        """What goes into the next checkpoint under `snapshot`: JSON, true of what was yielded so far."""
        return self._queue.to_json()

    @property
    def ids(self) -> set[str]:
        """What rows that are still to be read will bear, one for each table or request."""
        return self._queue.ids

    @property
    def pending(self) -> bool:
        """Whether there is anything to read."""
        return bool(self._queue or self._requests)

    @property
    def finished(self) -> bool:
        """Whether the run is to end here: mode `initial_only`, and all is read."""
        return self._queue.finished and not self._requests

    @property
    def figures(self) -> dict[str, float]:
        """For `stats`: rows read and expected, tables and seconds left. Empty while nothing is read."""
        return self._progress.figures(list(self._queue))

    def follow(self, tables: Collection[TableName]) -> None:
        """Say which tables the stream follows, at the start and whenever that changes.

        Those that the mode wants read and that were not read yet are queued; what is left of tables that are
        followed no more is dropped. A table that comes back is read anew.
        """
        self._queue.follow(tables)

    def again(self, tables: Collection[TableName], why: str) -> None:
        """Read these tables anew, from their first row: after a gap, say. `why` is logged."""
        for table in tables:
            self._log.warning("reading `%s` anew: %s", table, why)
        self._queue.again(tables)

    def request(self, signal: dict[str, Any]) -> None:
        """Take a `{"kind":"snapshot","tables":[…],"filter":"…"}`; without `tables` all are meant.

        Any thread; never raises, never blocks. It waits for `take_requests`.
        """
        self._requests.append(signal)

    def take_requests(self) -> None:
        """Queue what was asked for; what makes no sense is logged."""
        while self._requests:
            signal = self._requests.popleft()
            try:
                tables, condition = self._meant(signal)
            except ValueError as error:
                self._log.error("a request for a snapshot is ignored: %s", error)
                continue
            names = ", ".join(f"`{table}`" for table in tables)
            self._log.info("asked to read %s anew%s", names, f" where {condition}" if condition else "")
            self._queue.again(tables, condition)

    def slice(self, lsn: bytes) -> Iterator[Envelope | None]:
        """Yield rows; None where a checkpoint with `state` may be written.

        `lsn` is the commit LSN up to which everything was streamed, or from which streaming will begin. The caller
        streams nothing while it takes a slice to its end, and goes on in between: a slice ends after a second or
        so, or with the last row; only the first one of a task under snapshot isolation goes on to the last row.
        Its last item is None. Ends early once the run should wind down. Blocks for the server; raises
        `ProviderError`, and `SqlError` as `retry` does.
        """
        try:
            readers = self._readers = self._readers or self._made_readers()
            endless = self._queue.first and readers[0].view
            until = float("inf") if endless else time.monotonic() + SLICE_S
            one = Slice(
                queue=self._queue,
                planner=self._planner,
                progress=self._progress,
                readers=readers,
                context=self._context,
                until=until,
            )
            yield from one.rows(lsn)
            for reader in readers:
                reader.rest()
        except Stopping:
            self._log.debug("the snapshot stops where it is")
        except BaseException:
            self.close()
            raise
        yield None

    def close(self) -> None:
        """Give up the connections. Does not block."""
        self._planner.close()
        for reader in self._readers:
            reader.close()

    def _made_readers(self) -> list[Reader]:
        settings = self._config.snapshot
        view = settings.isolation != "watermark" and self._planner.may_use_snapshot_isolation()
        if settings.isolation == "snapshot" and not view:
            raise ProviderError(
                "the database does not allow snapshot isolation",
                hint="ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON; or let `isolation` be `auto`",
            )
        return [
            Reader(self._connect(), self._context, view=view, within_s=self._config.retry_timeout)
            for _ in range(settings.parallelism)
        ]

    def _meant(self, signal: dict[str, Any]) -> tuple[list[TableName], str | None]:
        """The tables and the filter. Raises ValueError for what makes no sense."""
        if signal.get("kind") != "snapshot":
            raise ValueError(f"the signal is of kind `{signal.get('kind')}`")
        asked, condition, followed = signal.get("tables") or [], signal.get("filter"), self._queue.tables
        tables: list[TableName] = []
        for text in asked:
            found = [table for table in followed if str(table) == text] or matching(followed, [str(text)])
            if not found:
                raise ValueError(f"`{text}` is no table that is followed")
            tables += found
        return list(dict.fromkeys(tables)) if asked else followed, None if condition is None else str(condition)
