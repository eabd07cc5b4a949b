"""What a run would read whole, told without reading anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.snapshot.queue import Queue
from mssql_cdc_provider.state import State

_NAMED = 5


def foretold(config: MssqlCdcConfig, stored: State | None, starts: Mapping[TableName, bytes | None]) -> list[str]:
    """Sentences for the user, about a run that resumes from `stored`. Raises `ProviderError` for state of another.

    `starts` are the tables that are meant, each with the LSN from which on its changes are kept: None where that is
    still to begin, since `init` is to enable it.
    """
    lost = [table for table, start in starts.items() if stored is not None and _is_behind(stored.needs(table), start)]
    gone = f"changes of {_some([str(table) for table in lost])} since then are lost"
    if lost and config.fails_at_gaps:
        return [f'the input fails: {gone}; `on_gap = "resnapshot"` reads anew, or `dstream state reset` begins anew']
    queue = Queue(config.snapshot.mode, stored.snapshot if stored else None)
    queue.follow(starts)
    queue.again(lost)
    said = [gone] if lost else []
    names = list(dict.fromkeys(job.table for job in queue))
    if names:
        yet = "the rest of " if stored is not None and any(job.ranges is not None for job in queue) else ""
        said.append(f"the input takes a snapshot of {yet}{_some(names)}")
    elif stored is None:
        said.append("the input takes no snapshot: it sends changes from now on")
    return said


def _is_behind(needs: bytes | None, start: bytes | None) -> bool:
    """Whether a table whose changes are needed from `needs` on has them from a later `start` on alone."""
    return needs is not None and (start is None or start > needs)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
