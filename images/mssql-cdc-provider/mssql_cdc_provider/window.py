"""One window of the log, read from all tables that changed in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mssql_cdc_provider.changes import Changes, Times
from mssql_cdc_provider.merge import merged
from mssql_cdc_provider.retrying_session import RetryingSession
from mssql_cdc_provider.session import Row
from mssql_cdc_provider.shape import Segment
from mssql_cdc_provider.tsql import fill

_TABLES_PER_QUERY = 500
_MOVED = (
    "SELECT {at} AS n WHERE EXISTS (SELECT 1 AS one FROM {table} "
    "WHERE [__$start_lsn] >= @first AND [__$start_lsn] <= @last)"
)


@dataclass(frozen=True, slots=True)
class Run:
    """Rows of one segment that follow one another in the log.

    `settled` is whether everything else in the window comes before their first or after their last one.
    """

    segment: Segment
    rows: list[Row]
    times: Mapping[bytes, Times]
    settled: bool


def runs(sessions: Sequence[RetryingSession], control: RetryingSession, segments: Sequence[Segment]) -> Iterator[Run]:
    """Read the segments and give out their rows in commit order. Raises as queries do.

    `sessions` are for pages alone: as many tables are read ahead at the same time.
    """
    changed = moved(control, segments)
    ahead = len(changed) <= len(sessions)
    share = max(1, -(-len(changed) // len(sessions)))
    readers = [
        Changes(
            segment.source.changes,
            sessions[at % len(sessions)],
            segment.after,
            segment.through,
            share=share,
            ahead=ahead,
        )
        for at, segment in enumerate(changed)
    ]
    if ahead:
        for reader in readers:
            reader.ask()
    for at, rows, settled in merged(readers):
        yield Run(changed[at], rows, readers[at].times, settled)


def moved(session: RetryingSession, segments: Sequence[Segment]) -> list[Segment]:
    """Those that hold any change, by one cheap query for all: a thousand idle tables are not read one by one."""
    if len(segments) < 2:
        return list(segments)
    first = min(segment.after.next_lsn for segment in segments)
    last = max(segment.through for segment in segments)
    found = []
    for start in range(0, len(segments), _TABLES_PER_QUERY):
        some = segments[start : start + _TABLES_PER_QUERY]
        tests = (fill(_MOVED, {"at": at, "table": one.source.changes.name}) for at, one in enumerate(some))
        # With parameters, the text stays the same and is planned once.
        rows = session.query(
            "EXEC sys.sp_executesql {text}, N'@first binary(10), @last binary(10)', @first = {first}, @last = {last}",
            text=" UNION ALL ".join(tests),
            first=first,
            last=last,
        )
        found += [some[at] for at in sorted(row[0] for row in rows)]
    return found
