"""Where a run stands: its position in the log, the tables it follows, and what of them was lost."""

from __future__ import annotations

import time
from collections.abc import Sequence

from dstream_sdk import Context
from mssql_cdc_provider import gaps
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.gaps import Gap
from mssql_cdc_provider.lsn import ZERO, Position
from mssql_cdc_provider.polling import Poll
from mssql_cdc_provider.retrying_session import RetryingSession
from mssql_cdc_provider.rotation import Rotation
from mssql_cdc_provider.shape import Shape
from mssql_cdc_provider.snapshot import Snapshots
from mssql_cdc_provider.state import State


class Standing:
    """Kept true to the server by `take` before each window and `verify` before each checkpoint.

    Both raise `ProviderError` for lost changes where the config wants a run to fail, else have the tables read anew;
    and what queries raise.
    """

    def __init__(
        self,
        *,
        config: MssqlCdcConfig,
        context: Context,
        session: RetryingSession,
        state: State,
        shape: Shape,
        snapshots: Snapshots,
        first_start: bool,
    ) -> None:
        self._config = config
        self._log = context.logger
        self._session = session
        self._state = state
        self._shape = shape
        self._snapshots = snapshots
        self._first_start = first_start
        self._rotation = Rotation(context, session) if config.manage_capture_instances else None
        self._rotation_at = 0.0
        self._fingerprint: tuple[object, ...] | None = None
        self._generation = 0
        self._short_since: float | None = None
        self._told_unscanned = False

    def take(self, now: Poll) -> None:
        """Find the position at a task's first start, and the tables whenever they may have changed."""
        if self._first_start:
            self._first_start = False
            self._state.position = Position.behind(now.max_lsn or ZERO)
        if self._generation != self._session.generation:
            found = gaps.other_history(self._session, list(self._state.tables), self._state.position)
            self._generation = self._session.generation
            if found:
                self._start_over(now.max_lsn, found)
        if now.fingerprint != self._fingerprint:
            self._refresh(now)
        if self._rotation is not None and time.monotonic() >= self._rotation_at:
            self._rotation_at = time.monotonic() + self._config.heartbeat_interval
            if self._rotation.turn(self._shape):
                self.doubt()

    def doubt(self) -> None:
        """Have the tables looked at anew by the next `take`."""
        self._fingerprint = None

    def is_behind(self, max_lsn: bytes | None) -> bool:
        """Whether there may be changes to read up to `max_lsn`."""
        position = self._state.position
        if max_lsn is None:
            if not self._told_unscanned:
                self._log.warning("the log was not scanned for changes yet: does the capture job run?")
            self._told_unscanned = True
            return False
        if max_lsn < position.commit_lsn:
            self._wait_for_log(max_lsn)
            return False
        self._short_since = None
        return max_lsn > position.commit_lsn or not position.whole

    def verify(self) -> None:
        """See that nothing was lost on the way to the position."""
        self._meet(gaps.cleaned_up(self._session, self._shape))
        reached = self._state.position.next_lsn
        for table in self._shape:
            table.needs = max(table.needs, reached)
            # A capture instance may begin where the log was not scanned yet: that is no gap for the next run either.
            self._state.tables[table.name] = table.needs if table.needs > reached else None

    def acknowledged(self, position: Position) -> None:
        """Everything up to there is durable. For any thread."""
        if self._rotation is not None:
            self._rotation.acknowledged(position)

    def _refresh(self, now: Poll) -> None:
        self._session.ask(self._shape.refresh)
        if not self._shape.tables and self._fingerprint is None:
            self._log.warning("none of the tables is captured; waiting for one to be")
        self._meet(gaps.not_captured(self._shape))
        self._snapshots.follow(self._shape.tables)
        self._fingerprint = now.fingerprint
        self._rotation_at = time.monotonic()

    def _wait_for_log(self, max_lsn: bytes) -> None:
        """A replica may not be as far as the server that was asked before; a database from a backup never will be."""
        if self._short_since is None:
            self._short_since = time.monotonic()
            self._log.warning(
                "the server has captured up to LSN %s, before the position %s; waiting for it",
                max_lsn.hex(),
                self._state.position.commit_lsn.hex(),
            )
        elif time.monotonic() - self._short_since > self._config.retry_timeout:
            self._start_over(max_lsn, gaps.ahead_of_log(list(self._state.tables), self._state.position, max_lsn))

    def _meet(self, found: Sequence[Gap]) -> None:
        """Do about lost changes what the config says."""
        if not found:
            return
        if self._config.fails_at_gaps:
            raise gaps.failure(found)
        kept_from = {gap.table: gap.kept_from for gap in found}
        for table in self._shape:
            table.needs = kept_from.get(table.name, table.needs)
        for gap in found:
            self._snapshots.again([gap.table], gap.why)

    def _start_over(self, max_lsn: bytes | None, found: Sequence[Gap]) -> None:
        """Stream from now on, and read all tables anew, where the position means nothing to this database."""
        self._state.position = Position.behind(max_lsn or ZERO)
        self._meet(found)
        for table in self._shape:
            table.needs = self._state.position.next_lsn
        self._short_since = None
        self.doubt()
