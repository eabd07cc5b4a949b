"""One slice of the snapshot: what is read while the stream stands still."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from dstream_sdk import Context, Envelope, ProviderError
from mssql_cdc_provider.session import Row
from mssql_cdc_provider.snapshot.jobs import Job, Range
from mssql_cdc_provider.snapshot.planning import Planner
from mssql_cdc_provider.snapshot.progress import Progress
from mssql_cdc_provider.snapshot.queue import Queue
from mssql_cdc_provider.snapshot.reader import Reader
from mssql_cdc_provider.snapshot.table import ReadTable
from mssql_cdc_provider.sql_errors import Changed, Denied, Gone, SqlError, Transient

MARK_S = 0.1
"""How often a checkpoint is offered: small tables may come by the hundred."""


class Slice:
    """Has the readers read what is in the queue, until nothing is left or `until` (monotonic) has come.

    Pages that were asked for by then are still sent: nothing that was read may be sent later.
    """

    def __init__(
        self,
        *,
        queue: Queue,
        planner: Planner,
        progress: Progress,
        readers: Sequence[Reader],
        context: Context,
        until: float,
    ) -> None:
        self._queue = queue
        self._planner = planner
        self._progress = progress
        self._context = context
        self._until = until
        self._idle = list(readers)
        self._busy: list[Reader] = []
        self._opened: dict[Job, ReadTable] = {}  # for the slice: by the next one the stream may send other columns

    def rows(self, lsn: bytes) -> Iterator[Envelope | None]:
        """See `Snapshots.slice`."""
        marked = time.monotonic()
        go_on = True
        while True:
            while go_on and self._idle and (work := self._next()) is not None:
                reader = self._idle.pop()
                reader.read(*work)
                self._busy.append(reader)
            if not self._busy:
                return
            reader = next((one for one in self._busy if one.ready), self._busy[0])
            self._busy.remove(reader)
            go_on = time.monotonic() < self._until and not self._context.stopping
            try:
                rows, is_last = reader.page(go_on=go_on)
            except SqlError as error:
                reader.close()
                self._failed(reader, error)
                self._idle.append(reader)
                continue
            yield from reader.table.envelopes(rows, lsn, reader.job.id)
            self._sent(reader, rows, is_last=is_last)
            (self._busy if reader.asking else self._idle).append(reader)
            if time.monotonic() - marked >= MARK_S:
                yield None
                marked = time.monotonic()

    def _next(self) -> tuple[Job, ReadTable, Range] | None:
        """A range that no reader is at."""
        for job in self._queue:
            table = self._opened.get(job) or self._planner.open(job)
            if table is None:
                continue
            self._opened[job] = table
            for part in job.ranges or ():
                if all(reader.part is not part for reader in self._busy):
                    return job, table, part
        return None

    def _sent(self, reader: Reader, rows: list[Row], *, is_last: bool) -> None:
        job, part = reader.job, reader.part
        job.rows += len(rows)
        self._progress.sent(len(rows))
        if rows:
            part.after = reader.table.last_key(rows)
        if is_last and job.ranges is not None:
            job.ranges.remove(part)
            if not job.ranges:
                self._queue.finish(job)
                self._progress.finished(job)
                self._context.logger.info("`%s` is read: %d rows", job.table, job.rows)

    def _failed(self, reader: Reader, error: SqlError) -> None:
        """Raise the error, unless the table has changed since it was looked at, or a filter was asked for in vain."""
        job, table = reader.job, reader.table
        if isinstance(error, Transient):
            raise error
        if job not in self._queue or self._opened.get(job) is not table:
            return  # another of its ranges was here before
        if isinstance(error, Changed | Gone):
            del self._opened[job]
            anew = self._planner.open(job)
            if anew is None:
                return
            if not anew.asks_as(table):
                self._opened[job] = anew
                return
        if job.filter is not None:
            self._context.logger.error("cannot read `%s` where %s: %s", job.table, job.filter, error)
            self._queue.finish(job)
            return
        if isinstance(error, Denied):
            hint = f"GRANT SELECT ON {table.name.sql} TO the login's user"
            raise ProviderError(f"may not read the rows of `{job.table}`: {error}", hint=hint) from error
        raise error
