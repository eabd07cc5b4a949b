"""What a run would read whole, told without reading anything."""

from __future__ import annotations

from collections.abc import Collection

from mssql_cdc_provider.config import SnapshotMode
from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.snapshot.queue import Queue
from mssql_cdc_provider.state import State

_NAMED = 5


def foretold(mode: SnapshotMode, stored: State | None, tables: Collection[TableName]) -> list[str]:
    """Sentences for the user, about a run that resumes from `stored`. Raises `ProviderError` for state of another."""
    queue = Queue(mode, stored.snapshot if stored else None)
    queue.follow(tables)
    names = list(dict.fromkeys(job.table for job in queue))
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yet = "the rest of " if stored is not None and any(job.ranges is not None for job in queue) else ""
        return [f"the input takes a snapshot of {yet}{', '.join(names[:_NAMED])}{more}"]
    if stored is None:
        return ["the input takes no snapshot: it sends changes from now on"]
    return []
