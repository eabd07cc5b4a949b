"""The read loop: window by window of the log, each up to what is captured, and rows of snapshots between them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from dstream_sdk import Checkpoint, Context, Envelope, ProviderError
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.envelopes import Order
from mssql_cdc_provider.health import Health
from mssql_cdc_provider.lsn import ZERO, Position
from mssql_cdc_provider.polling import Poll, poll
from mssql_cdc_provider.retrying_session import RetryingSession
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.shape import Shape
from mssql_cdc_provider.snapshot import Snapshots
from mssql_cdc_provider.sql_errors import Changed, Gone, SqlError, Stopping
from mssql_cdc_provider.standing import Standing
from mssql_cdc_provider.state import State
from mssql_cdc_provider.window import runs

CHECKPOINT_RECORDS = 5000
CHECKPOINT_S = 1.0
"""While records come, a checkpoint follows after so many or so long, whichever comes first."""

MOST_SURPRISES = 5
"""So many times in a row a window is begun anew because an object is not there after all."""

SURPRISE_PAUSE_S = 0.2
ANCHOR_PAUSE_S = 0.01

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
        self._state = stored or State()
        self._control, *self._readers = (
            RetryingSession(connect(), context, within_s=config.retry_timeout) for _ in range(1 + config.parallelism)
        )
        self._shape = Shape(config, context, self._state)
        self._health = Health(context, self._control)
        self.snapshots = Snapshots(config, context, connect, self._shape.subject, self._state.snapshot)
        self._standing = Standing(
            config=config,
            context=context,
            session=self._control,
            state=self._state,
            shape=self._shape,
            snapshots=self.snapshots,
            first_start=stored is None,
        )
        self._waits = context.delivery == "at-least-once"
        self._durable = None if stored is None else self.snapshots.ids
        self._order = Order(self._state.position.commit_lsn, self._state.order)
        self._sent = 0
        self._stored_records = 0
        self._stored_at = self._beat_at = self._pass_at = time.monotonic()

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
        self._durable = {job["id"] for job in checkpoint.state["snapshot"]["jobs"]}
        self._standing.acknowledged(Position.from_json(checkpoint.state["position"]))

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
                self._standing.doubt()
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
        self._health.probe(now.max_lsn)
        self._standing.take(now)
        self.snapshots.take_requests()
        if not self._is_anchored:
            yield from self._anchor()
            if self._context.stopping:
                return
        if self.snapshots.pending:
            yield from self._slice()
        if not self.snapshots.finished and self._standing.is_behind(now.max_lsn):
            yield from self._window(now)

    @property
    def _is_anchored(self) -> bool:
        durable = self._durable
        return not self._waits or (durable is not None and self.snapshots.ids <= durable)

    def _anchor(self) -> Iterator[Checkpoint]:
        """Where the stream or a snapshot begins, durable before the first row is sent.

        A first run that dies without it begins later the next time, and misses what was changed in between: a row
        that it had sent and that was deleted since would never be taken back. And without its snapshot's id, a row
        would be sent under another one the next time.
        """
        yield self._checkpoint()
        while not (self._is_anchored or self._context.stopping):
            self._context.wait(ANCHOR_PAUSE_S)

    def _slice(self) -> Iterator[Envelope | Checkpoint]:
        """Rows of tables that are being read whole."""
        for item in self.snapshots.slice(self._state.position.commit_lsn):
            if item is not None:
                self._sent += 1
                yield item
            elif self._is_due:
                yield self._checkpoint()

    def _window(self, now: Poll) -> Iterator[Envelope | Checkpoint]:
        """Every change behind the position that is captured by now."""
        state, through = self._state, now.max_lsn or ZERO
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
        self._standing.verify()
        if time.monotonic() - self._beat_at >= self._config.heartbeat_interval:
            self._beat_at = time.monotonic()
            self._beat()
        self._stored_records, self._stored_at = self._sent, time.monotonic()
        self._state.order = 0 if self._state.position.whole else self._order.count
        self._state.snapshot = self.snapshots.state
        return Checkpoint(self._state.to_json())

    def _beat(self) -> None:
        self._health.publish(self._state.position, self.snapshots.figures)
        if self._config.heartbeat_query:
            try:
                self._control.query(self._config.heartbeat_query)
            except SqlError as error:
                self._log.warning("`heartbeat_query` failed: %s", error)
