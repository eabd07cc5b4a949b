"""SQL Server change data capture as an input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from dstream_sdk import (
    Checkpoint,
    Context,
    Envelope,
    Finding,
    InfrastructureProvider,
    InputProvider,
    LifecycleReply,
    ProviderError,
    Stream,
)
from mssql_cdc_provider import __version__, checking, checking_locks, discovering, locks
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.infrastructure import verbs
from mssql_cdc_provider.retrying import retry
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import SqlError
from mssql_cdc_provider.streaming import Streaming

DISCOVERS_WITHIN_S = 10.0


class MssqlCdc(InputProvider[MssqlCdcConfig], InfrastructureProvider[MssqlCdcConfig]):
    name = "mssql-cdc-provider"
    version = __version__
    title = "SQL Server CDC"
    description = "Every committed change of SQL Server tables, in commit order, through change data capture."
    system = "SQL Server"
    checkpoints: ClassVar[bool] = True
    # `Order` too: rows of one statement may share a sequence value, and a repeat too many is better than a row too few.
    position_keys: ClassVar[Sequence[str]] = ("LSN", "Seq", "OperationID", "Order", "SnapshotId")
    network: ClassVar[Sequence[str]] = ("*:1433",)

    def open(self) -> None:
        self._streaming = Streaming(self.config, self.context, self._connect)
        self._streaming.open()

    def read(self, context: Context) -> Iterator[Envelope | Checkpoint]:
        with locks.chosen(self.config, context, self._connect) as wanted:
            if not wanted:
                yield from self._streaming.read()
                return
            with locks.take_turn(wanted, context) as turn:
                if turn is not None:
                    yield from turn.items(self._streaming.read())

    def acknowledged(self, checkpoint: Checkpoint) -> None:
        self._streaming.acknowledged(checkpoint)

    def on_signal(self, signal: dict[str, Any]) -> None:
        self._streaming.snapshots.request(signal)

    def check(self) -> Iterable[Finding]:
        with self._session() as session:
            yield from checking.check(session, self.config)
        yield from checking_locks.lock_findings(self.config, self.context, self._connect)

    def discover(self) -> Iterable[Stream]:
        with self._session() as session:
            # A run asks before it starts, and a server that is away for a moment should not end it.
            yield from retry(
                lambda: list(discovering.discover(session, self.config, self.context)),
                self.context,
                within_s=min(self.config.retry_timeout, DISCOVERS_WITHIN_S),
            )

    def init(self) -> LifecycleReply:
        with self._session() as session:
            return verbs.init(session, self.config, self.context)

    def plan(self) -> LifecycleReply:
        with self._session() as session:
            return verbs.plan(session, self.config, self.context)

    def status(self) -> LifecycleReply:
        with self._session() as session:
            return verbs.status(session, self.config, self.context)

    def destroy(self) -> LifecycleReply:
        with self._session() as session:
            return verbs.destroy(session, self.context)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A session of one verb; what the server says is said in its words."""
        session = self._connect()
        try:
            yield session
        except SqlError as error:
            raise ProviderError(str(error), hint="`dstream check` looks at everything that is needed") from error
        finally:
            session.close()

    def _connect(self) -> Session:
        """A new session, not connected yet."""
        return Session(
            self.config.target,
            query_timeout_s=self.config.query_timeout,
            stopping=lambda: self.context.stopping,
        )
