"""The read loop: window by window of the log, each up to what is captured, and rows of snapshots between them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence

from dstream_sdk import Checkpoint, Context, Envelope, ProviderError
from mssql_cdc_provider import gaps
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.envelopes import Order
from mssql_cdc_provider.gaps import Gap
from mssql_cdc_provider.health import Health
from mssql_cdc_provider.lsn import ZERO, Position
from mssql_cdc_provider.polling import Poll, poll
from mssql_cdc_provider.retrying_session import RetryingSession
from mssql_cdc_provider.rotation import Rotation
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.shape import Shape
from mssql_cdc_provider.snapshot import Snapshots
from mssql_cdc_provider.sql_errors import Changed, Gone, SqlError, Stopping
from mssql_cdc_provider.state import State
from mssql_cdc_provider.window import runs

CHECKPOINT_RECORDS = 5000
CHECKPOINT_S = 1.0
"""While records come, a checkpoint follows after so many or so long, whichever comes first."""

MOST_SURPRISES = 5
"""So many times in a row a window is begun anew because an object is not there after all."""

SURPRISE_PAUSE_S = 0.2

_HINT = "`dstream check` lists what is missing"


class Streaming:
    """One run of the input.

    `connect` gives new sessions, not connected yet. Everything is done on the thread that iterates `read`; only
    `snapshots.request` and `acknowledged` are for others.
    """

    def __init__(self, config: MssqlCdcConfig, context: Context, connect: Callable[[], Session]) -> None:
        self._config = config
        self._context = context
        self._log = context.logger
        stored = State.from_json(context.state)
        self._begun = stored is not None
        self._state = stored or State()
        self._control, *self._readers = (
            RetryingSession(connect(), context, within_s=config.retry_timeout) for _ in range(1 + config.parallelism)
        )
        self._shape = Shape(config, context, self._state)
        self._health = Health(context, self._control)
        self.snapshots = Snapshots(config, context, connect, self._shape.subject, self._state.snapshot)
        self._rotation = Rotation(context, self._control) if config.manage_capture_instances else None
        self._order = Order(self._state.position.commit_lsn, self._state.order)
        self._fingerprint: tuple[object, ...] | None = None
        self._generation = 0
        self._sent = 0
        self._stored_records = 0
        self._stored_at = self._beat_at = self._pass_at = time.monotonic()
        self._turn_at = 0.0
        self._short_since: float | None = None
        self._told_unscanned = False

    def open(self) -> None:
        """See that the server answers. Raises `ProviderError`."""
        try:
            poll(self._control)
        except SqlError as error:
            self.close()
            raise ProviderError(error.message, hint=_HINT) from error

    def close(self) -> None:
        """Give up the connections."""
        self.snapshots.close()
        for session in (self._control, *self._readers):
            session.close()

    def acknowledged(self, checkpoint: Checkpoint) -> None:
        """Everything up to this checkpoint is durable. For any thread."""
        if self._rotation is not None:
            self._rotation.acknowledged(Position.from_json(checkpoint.state["position"]))

    def read(self) -> Iterator[Envelope | Checkpoint]:
        """Every change, and the rows of snapshots, until the run should wind down. Raises `ProviderError`."""
        try:
            yield from self._passes()
            yield self._checkpoint()
        except Stopping:
            return  # in the middle of a query; what was sent since the last checkpoint will be sent again
        except SqlError as error:
            raise ProviderError(error.message, hint=_HINT) from error
        finally:
            self.close()

    def _passes(self) -> Iterator[Envelope | Checkpoint]:
        pause, surprises = self._config.poll_interval, 0
        while not self._context.stopping:
            sent, began = self._sent, time.monotonic()
            try:
                yield from self._pass()
            except (Gone, Changed) as error:
                surprises += 1
                if surprises > MOST_SURPRISES:
                    raise
                self._log.info("looking at the tables anew: %s", error)
                self._fingerprint = None
                self._context.wait(SURPRISE_PAUSE_S)
                continue
            surprises = 0
            if self.snapshots.finished:
                return
            if self._sent != self._stored_records or self._age_s >= self._config.heartbeat_interval:
                yield self._checkpoint()
            if self.snapshots.pending:
                continue
            if self._sent != sent:
                pause = self._config.poll_interval
                self._context.wait(max(0.0, began + pause - time.monotonic()))
            else:
                self._context.wait(pause * random.uniform(0.9, 1.0))  # noqa: S311 - so that many do not ask at once
                pause = min(2 * pause, self._config.max_poll_interval)

    def _pass(self) -> Iterator[Envelope | Checkpoint]:
        """Look at the server once, and read what is there."""
        self._pass_at = time.monotonic()
        now = poll(self._control)
        if now.max_lsn is None and not self._told_unscanned:
            self._log.warning("the log was not scanned for changes yet: does the capture job run?")
            self._told_unscanned = True
        self._health.probe(now.max_lsn)
        self._begin(now)
        self._refresh(now)
        self._renew()
        if self.snapshots.pending:
            yield from self._slice()
        if not self.snapshots.finished and now.max_lsn is not None and self._ahead(now.max_lsn):
            yield from self._window(now, now.max_lsn)

    def _begin(self, now: Poll) -> None:
        """Take the position to stream from, at a task's first start; else see that it is one of this database's."""
        if not self._begun:
            self._begun = True
            self._state.position = Position.behind(now.max_lsn or ZERO)
        if self._generation != self._control.generation:
            found = gaps.other_history(self._control, list(self._state.tables), self._state.position)
            self._generation = self._control.generation
            if found:
                self._start_over(now.max_lsn, found)

    def _refresh(self, now: Poll) -> None:
        if now.fingerprint == self._fingerprint:
            return
        self._control.ask(self._shape.refresh)
        if not self._shape.tables and self._fingerprint is None:
            self._log.warning("none of the tables is captured; waiting for one to be")
        self._meet(gaps.not_captured(self._shape))
        self.snapshots.follow(self._shape.tables)
        self._fingerprint = now.fingerprint
        self._turn_at = time.monotonic()

    def _renew(self) -> None:
        """Look after capture instances when a table may have changed, and with every heartbeat."""
        if self._rotation is not None and time.monotonic() >= self._turn_at:
            self._turn_at = time.monotonic() + self._config.heartbeat_interval
            if self._rotation.turn(self._shape):
                self._fingerprint = None

    def _ahead(self, max_lsn: bytes) -> bool:
        """Whether there may be anything to read."""
        position = self._state.position.commit_lsn
        if max_lsn < position:
            self._wait_for_log(max_lsn)
            return False
        self._short_since = None
        return max_lsn > position or not self._state.position.whole

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

    def _slice(self) -> Iterator[Envelope | Checkpoint]:
        """Rows of tables that are being read whole."""
        for item in self.snapshots.slice(self._state.position.commit_lsn):
            if item is not None:
                self._sent += 1
                yield item
            elif self._is_due:
                yield self._checkpoint()

    def _window(self, now: Poll, through: bytes) -> Iterator[Envelope | Checkpoint]:
        """Every change behind the position, up to `through`."""
        state = self._state
        for run in runs(self._readers, self._control, self._shape.segments(state.position, through)):
            for envelope in run.segment.source.envelopes.of_changes(run.rows, run.times, now.utc_offset, self._order):
                self._sent += 1
                yield envelope
            if not run.settled:
                continue
            state.position = Position(*run.rows[-1][:4])
            self._health.delivered(run.times.get(state.position.commit_lsn), now.server_time)
            if self._context.stopping:
                return
            if self._is_due:
                yield self._checkpoint()
        state.position = Position.behind(through)

    @property
    def _is_due(self) -> bool:
        since = max(self._stored_at, self._pass_at)
        return self._sent - self._stored_records >= CHECKPOINT_RECORDS or time.monotonic() - since >= CHECKPOINT_S

    @property
    def _age_s(self) -> float:
        """Since the last checkpoint."""
        return time.monotonic() - self._stored_at

    def _checkpoint(self) -> Checkpoint:
        """The present state, once it is sure that nothing was lost on the way to it."""
        position = self._state.position
        self._meet(gaps.cleaned_up(self._control, self._shape))
        for table in self._shape:
            table.needs = max(table.needs, position.next_lsn)
        if time.monotonic() - self._beat_at >= self._config.heartbeat_interval:
            self._beat_at = time.monotonic()
            self._beat()
        self._stored_records, self._stored_at = self._sent, time.monotonic()
        self._state.order = 0 if position.whole else self._order.count
        self._state.snapshot = self.snapshots.state
        return Checkpoint(self._state.to_json())

    def _beat(self) -> None:
        self._health.publish(self._state.position, self.snapshots.figures)
        if self._config.heartbeat_query:
            try:
                self._control.query(self._config.heartbeat_query)
            except SqlError as error:
                self._log.warning("`heartbeat_query` failed: %s", error)

    def _meet(self, found: Sequence[Gap]) -> None:
        """Do about lost changes what the config says. Raises `ProviderError` where that is to fail."""
        if not found:
            return
        if self._config.on_gap == "fail" and self._config.snapshot.mode != "when_needed":
            raise gaps.failure(found)
        kept_from = {gap.table: gap.kept_from for gap in found}
        for table in self._shape:
            table.needs = kept_from.get(table.name, table.needs)
        for gap in found:
            self.snapshots.again([gap.table], gap.why)

    def _start_over(self, max_lsn: bytes | None, found: Sequence[Gap]) -> None:
        """Stream from now on, and read all tables anew, where the position means nothing to this database."""
        self._state.position = Position.behind(max_lsn or ZERO)
        self._meet(found)
        for table in self._shape:
            table.needs = self._state.position.next_lsn
        self._fingerprint = None
        self._short_since = None
