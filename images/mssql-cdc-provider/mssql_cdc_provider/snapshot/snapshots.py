"""The snapshots of one run: which tables are to be read, and how far that is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from dstream_sdk import Context, Envelope
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.snapshot.subject import Subject
from mssql_cdc_provider.tables import TableName


class Snapshots:
    """Made once a run, from the `snapshot` part of the stored state (None at a first start).

    `connect` gives new sessions, `subject` a table that the stream follows at that moment (None for one that it
    does not). All methods but `request` belong to the thread that streams.
    """

    def __init__(
        self,
        config: MssqlCdcConfig,
        context: Context,
        connect: Callable[[], Session],
        subject: Callable[[TableName], Subject | None],
        saved: Any = None,
    ) -> None:
        raise NotImplementedError

    @property
    def state(self) -> dict[str, Any]:
        """What goes into the next checkpoint under `snapshot`: JSON, true of what was yielded so far."""
        raise NotImplementedError

    @property
    def pending(self) -> bool:
        """Whether there is anything to read."""
        raise NotImplementedError

    @property
    def finished(self) -> bool:
        """Whether the run is to end here: mode `initial_only`, and all is read."""
        raise NotImplementedError

    def follow(self, tables: Collection[TableName]) -> None:
        """Say which tables the stream follows, at the start and whenever that changes.

        Those that the mode wants read and that were not read yet are queued; what is left of tables that are
        followed no more is dropped. A table that comes back is read anew.
        """
        raise NotImplementedError

    def again(self, tables: Collection[TableName], why: str) -> None:
        """Read these tables anew, from their first row: after a gap, say. `why` is logged."""
        raise NotImplementedError

    def request(self, signal: dict[str, Any]) -> None:
        """Take a `{"kind":"snapshot","tables":[…],"filter":"…"}`. Any thread; never raises, never blocks.

        It is begun at the next `slice`; what it asks for wrongly is logged.
        """
        raise NotImplementedError

    def slice(self, lsn: bytes) -> Iterator[Envelope | None]:
        """Yield rows; None where a checkpoint with `state` may be written.

        `lsn` is the commit LSN up to which everything was streamed, or from which streaming will begin. The caller
        streams nothing while it takes a slice to its end, and goes on in between: a slice ends after a second or
        so, or with the last row; only the first one of a task under snapshot isolation goes on to the last row.
        Its last item is None. Ends early once the run should wind down. Blocks for the server; raises
        `ProviderError`, and `SqlError` as `retry` does.
        """
        raise NotImplementedError
