"""A session whose queries are tried again while what stops them passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dstream_sdk import Context
from mssql_cdc_provider.retrying import retry
from mssql_cdc_provider.session import Page, Pending, Row, Session

T = TypeVar("T")


class RetryingSession:
    """Asks what stands by itself: no query may need a transaction, or anything else, of the one before.

    Queries raise `Stopping` when the run should wind down, and a `SqlError` when it is of no use to ask again or
    was not for `within_s`.
    """

    def __init__(self, session: Session, context: Context, *, within_s: float) -> None:
        self._session = session
        self._context = context
        self._within_s = within_s

    @property
    def generation(self) -> int:
        """Rises with every connection."""
        return self._session.generation

    def ask(self, work: Callable[[Session], T]) -> T:
        """What `work` returns, called anew where it fails for a reason that passes."""
        return retry(lambda: work(self._session), self._context, within_s=self._within_s)

    def query(self, sql: str, **values: object) -> list[Row]:
        """The rows of the first result."""
        return self.ask(lambda session: session.query(sql, **values))

    def begin(self, sql: str, **values: object) -> RetriedQuery:
        """Start a query, to be asked for its page before the next one is started."""
        return RetriedQuery(self, sql, values)

    def close(self) -> None:
        self._session.close()


class RetriedQuery:
    """A query under way that is started anew where it fails for a reason that passes."""

    def __init__(self, parent: RetryingSession, sql: str, values: dict[str, object]) -> None:
        self._parent = parent
        self._sql = sql
        self._values = values
        self._pending: Pending | None = parent.ask(self._start)

    def page(self) -> Page:
        """Wait for its rows."""
        return self._parent.ask(self._take)

    def _start(self, session: Session) -> Pending:
        return session.begin(self._sql, **self._values)

    def _take(self, session: Session) -> Page:
        pending, self._pending = self._pending or self._start(session), None
        return pending.page()
