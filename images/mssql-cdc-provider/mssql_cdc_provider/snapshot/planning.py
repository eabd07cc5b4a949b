"""Looking at a table before it is read: what to ask for, what it holds, and where to divide it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from dstream_sdk import Context
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.names import TableName, picked
from mssql_cdc_provider.page_size import PageSize
from mssql_cdc_provider.retrying_session import RetryingSession
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.snapshot.jobs import Job, Range
from mssql_cdc_provider.snapshot.keyset import WHOLE_NUMBERS
from mssql_cdc_provider.snapshot.queue import Queue
from mssql_cdc_provider.snapshot.subject import Subject
from mssql_cdc_provider.snapshot.table import ReadTable
from mssql_cdc_provider.tsql import Sql, quoted

_WORTH_A_RANGE = 4
"""Pages that a range should have, so that readers are not kept waiting at its end."""

_RANGES_A_READER = 4
"""Since keys are seldom spread evenly, those who are done first should find more to do."""


class Planner:
    """Prepares the jobs of a queue for reading, on a connection of its own. Blocks, and raises as queries."""

    def __init__(
        self,
        config: MssqlCdcConfig,
        context: Context,
        session: RetryingSession,
        subject: Callable[[Session, TableName], Subject | None],
        queue: Queue,
    ) -> None:
        self._config = config
        self._log = context.logger
        self._session = session
        self._subject = subject
        self._queue = queue
        self._sizes: dict[str, PageSize] = {}

    def open(self, job: Job) -> ReadTable | None:
        """The table of a job as it is now; a job that was not begun is given its ranges.

        None for a table that is gone or followed no more: the job is finished then.
        """
        name = self._queue.name(job)
        subject = None if name is None else self._session.ask(lambda session: self._subject(session, name))
        if subject is None:
            self._log.warning("`%s` is gone, or is not followed any more: its rows are not read", job.table)
            self._queue.finish(job)
            return None
        conditions = [one for one in (picked(self._config.snapshot.filters, subject.table), job.filter) if one]
        most_rows, page_bytes = self._config.snapshot.page_rows, self._config.batch_bytes
        table = ReadTable(
            subject,
            # On lines of their own, since one may end in a comment.
            "\n) AND (\n".join(conditions) or None,
            self._sizes.setdefault(job.table, PageSize(most_rows, page_bytes, subject.columns)),
        )
        if job.ranges is None or job.key != table.key or table.keyset is None:
            self._plan(job, table)
        return table

    def may_use_snapshot_isolation(self) -> bool:
        """Whether the database allows it."""
        rows = self._session.query(
            "SELECT d.snapshot_isolation_state AS allowed FROM sys.databases AS d WHERE d.database_id = DB_ID()"
        )
        return bool(rows) and rows[0][0] == 1

    def close(self) -> None:
        self._session.close()

    def _plan(self, job: Job, table: ReadTable) -> None:
        if job.expected is None:
            self._expect()
        ranges = self._ranges(table, job.expected or 0)
        job.begin(table.key, ranges)
        where = f" where {job.filter}" if job.filter else ""
        self._log.info("reading `%s`%s: %d rows at most, about", job.table, where, job.expected or 0)

    def _expect(self) -> None:
        """Say of every job how many rows its table has, by the server's books: no table is read for it."""
        rows = self._session.query(
            "SELECT s.name AS schema_name, t.name AS table_name, SUM(p.rows) AS row_count FROM sys.partitions AS p "
            "JOIN sys.tables AS t ON t.object_id = p.object_id JOIN sys.schemas AS s ON s.schema_id = t.schema_id "
            "WHERE p.index_id IN (0, 1) GROUP BY s.name, t.name"
        )
        counts = {str(TableName(schema, name)): int(count) for schema, name, count in rows}
        for job in self._queue:
            job.expected = counts.get(job.table, 0)

    def _ranges(self, table: ReadTable, expected: int) -> list[Range]:
        """What is worth reading side by side: parts by the leading key column, if that is a whole number."""
        readers = self._config.snapshot.parallelism
        count = min(expected // (self._config.snapshot.page_rows * _WORTH_A_RANGE), readers * _RANGES_A_READER)
        if readers == 1 or count < 2 or table.keyset is None or table.keyset.leading.type not in WHOLE_NUMBERS:
            return [Range()]
        column = Sql(quoted(table.keyset.leading.name))
        [(lowest, highest)] = self._session.query(
            "SELECT MIN({column}) AS lowest, MAX({column}) AS highest FROM {table}", column=column, table=table.name.sql
        )
        return [Range()] if lowest is None else divided(lowest, highest, count)


def divided(lowest: int, highest: int, count: int) -> list[Range]:
    """`count` ranges of about the same width, or one for each number; the first and the last one have no end."""
    width = highest - lowest + 1
    count = min(count, width)
    bounds = [None, *(lowest + width * at // count for at in range(1, count)), None]
    return [Range(lower, upper) for lower, upper in pairwise(bounds)]
