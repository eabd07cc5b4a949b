"""The changes that one capture instance holds between two places in the log, page by page.

Change tables are read themselves and not through `cdc.fn_cdc_get_all_changes_…`: only they have `__$command_id`,
by which changes of one transaction are in order, and their clustered index is in that order, so that a page begins
where the last one ended however large the transaction is. What the functions check is checked in `gaps`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mssql_cdc_provider.lsn import NO_COMMAND, Position
from mssql_cdc_provider.page_size import PageSize
from mssql_cdc_provider.retrying_session import RetriedQuery, RetryingSession
from mssql_cdc_provider.session import Row
from mssql_cdc_provider.tsql import Name, Sql

MASK, VALUES = 4, 5
"""Where a row's update mask and its columns' values are; before them stands its `Position`."""

DELETE, INSERT, UPDATE_BEFORE, UPDATE_AFTER = 1, 2, 3, 4
"""Values of `__$operation`."""

Place = tuple[bytes, int, bytes]
"""Commit LSN, command id and sequence value: the rows of one update share it."""

_KEY = ("[__$start_lsn]", "[__$command_id]", "[__$seqval]", "[__$operation]")
_SELECT = "SELECT TOP ({rows}) {key}, [__$update_mask]{expressions} FROM {table} WHERE {condition} ORDER BY {key}"
_RANGE = "SELECT * FROM ({}) AS r{}"
_ALL = "SELECT TOP ({rows}) * FROM ({ranges}) AS c ORDER BY {key}"


@dataclass(frozen=True, slots=True)
class Times:
    """What `cdc.lsn_time_mapping` knows of a transaction. `committed` is the server's local time."""

    committed: datetime | None
    id: bytes | None


@dataclass(frozen=True, slots=True)
class ChangeTable:
    """The change table of one capture instance. `expressions` (with names) are selected behind the rows' places."""

    instance: str
    expressions: Sequence[str]
    size: PageSize

    @property
    def name(self) -> Name:
        return Name(("cdc", f"{self.instance}_CT"))

    def select(self, after: Position) -> str:
        """The query for the next `{rows}` rows: the changes behind `after`, up to the LSN `{through}`."""
        ranges = ["[__$start_lsn] > {commit_lsn} AND [__$start_lsn] <= {through}"]
        if not after.whole:
            # One seek into the index for each range. As a single condition with OR, the server would read all
            # of the transaction for each page of it.
            ranges += [_behind(after, at) for at in range(1, len(_KEY))]
        selects = [_SELECT.replace("{condition}", condition) for condition in ranges]
        if len(selects) == 1:
            return selects[0]
        together = " UNION ALL ".join(_RANGE.format(select, at) for at, select in enumerate(selects))
        return _ALL.replace("{ranges}", together)


def _behind(after: Position, at: int) -> str:
    """Equal to `after` in the key's first `at` columns and above it in the next one."""
    names = ("commit_lsn", "command_id", "seqval", "operation")
    tests = []
    for column, name, value in zip(_KEY[: at + 1], names, after, strict=False):
        missing = value == NO_COMMAND  # rows written before the server got the column have NULL, which sorts first
        if name == names[at]:
            tests.append(f"{column} IS NOT NULL" if missing else f"{column} > {{{name}}}")
        else:
            tests.append(f"{column} IS NULL" if missing else f"{column} = {{{name}}}")
    return " AND ".join(tests)


class Changes:
    """Reads a change table from behind `after` up to and including `through`.

    `share` tables divide a page's size. With `ahead` the session is its own, and the next page is on its way while
    one is worked on.
    """

    def __init__(
        self, table: ChangeTable, session: RetryingSession, after: Position, through: bytes, *, share: int, ahead: bool
    ) -> None:
        self.table = table
        self.times: dict[bytes, Times] = {}
        """Of the transactions of the current page."""
        self._session = session
        self._after = after
        self._through = through
        self._share = share
        self._ahead = ahead
        self._rows: list[Row] = []
        self._at = 0
        self._asked: RetriedQuery | None = None
        self._more = True

    @property
    def place(self) -> Place | None:
        """Where the next row is; None behind the last one. Blocks for a page where need be, and raises as queries."""
        if self._at == len(self._rows) and self._more:
            self._turn()
        if self._at == len(self._rows):
            return None
        commit_lsn, command_id, seqval = self._rows[self._at][:3]
        return commit_lsn, command_id, seqval

    def take(self, before: Place | None, most: int) -> list[Row]:
        """The next rows: those before that place, at least one change, about `most`, never part of an update."""
        rows, start = self._rows, self._at
        end = len(rows) if before is None else bisect_left(rows, before, start)
        end = min(max(end, start + 1), start + most)
        while end < len(rows) and rows[end][:3] == rows[end - 1][:3]:
            end += 1
        self._at = end
        return rows[start:end]

    def ask(self) -> None:
        """Have the next page sent."""
        if self._more:
            self._ask()

    def _turn(self) -> None:
        rows, self._asked = self._ask().page().rows, None
        self._more = len(rows) == self._limit
        if rows and rows[0][1] is None:
            rows = [(row[0], NO_COMMAND if row[1] is None else row[1], *row[2:]) for row in rows]
        if self._more and rows[-1][3] == UPDATE_BEFORE:
            rows.pop()
        if rows:
            self._after = Position(*rows[-1][:4])
            self.table.size.learn(rows)
            first, last = rows[0][0], rows[-1][0]
            if first != last or first not in self.times:  # of a transaction of many pages it is asked once
                self.times = self._read_times(first, last)
            if self._ahead:
                self.ask()
        self._rows, self._at = rows, 0

    def _ask(self) -> RetriedQuery:
        if self._asked is None:
            self._limit = max(2, self.table.size.rows // self._share)  # an update's two rows must fit
            self._asked = self._session.begin(
                self.table.select(self._after),
                rows=self._limit,
                key=Sql(", ".join(_KEY)),
                expressions=Sql("".join(f", {one}" for one in self.table.expressions)),
                table=self.table.name,
                through=self._through,
                **self._after._asdict(),
            )
        return self._asked

    def _read_times(self, first: bytes, last: bytes) -> dict[bytes, Times]:
        times = self._session.query(
            "SELECT m.start_lsn, m.tran_end_time, m.tran_id FROM cdc.lsn_time_mapping AS m "
            "WHERE m.start_lsn >= {first} AND m.start_lsn <= {last} "
            "AND EXISTS (SELECT 1 AS one FROM {table} AS c WHERE c.[__$start_lsn] = m.start_lsn)",
            first=first,
            last=last,
            table=self.table.name,
        )
        return {lsn: Times(committed, transaction) for lsn, committed, transaction in times}
