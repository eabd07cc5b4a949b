"""A connection to SQL Server: the only place that knows the driver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mssql_cdc_provider.connection_string import Target

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one result, and what its columns are called."""

    columns: tuple[str, ...]
    rows: list[Row]


class Session:
    """One connection at a time, made at the first query and anew after it was `Lost`.

    Statements commit by themselves unless the caller begins a transaction. Results are read whole: the driver
    would throw the unread rows of one query away at the next. One thread at a time may use a session; parallel
    reading takes several sessions.
    """

    def __init__(
        self,
        target: Target,
        *,
        query_timeout_s: float,
        connect_timeout_s: float = 15,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.generation = 0
        """Rises with every connection: what belonged to an earlier one (a lock, a transaction) is gone."""
        raise NotImplementedError

    def query(self, sql: str, **values: object) -> list[Row]:
        """The rows of the first result; `[]` where the statement has none.

        `{name}` in `sql` stands for that value as a constant (`tsql.literal`). Blocks for `query_timeout_s` at
        most, then raises `Lost`; raises `Stopping` within half a second of the wish to stop, else a `SqlError`.
        """
        raise NotImplementedError

    def page(self, sql: str, **values: object) -> Page:
        """As `query`, with the columns' names."""
        raise NotImplementedError

    def begin(self, sql: str, **values: object) -> Pending:
        """Start a query and return at once, to do something else meanwhile. Ask for its page before the next one."""
        raise NotImplementedError

    def close(self) -> None:
        """Give up the connection. May be called again, and from any thread; never raises, never blocks."""


class Pending:
    """A query under way."""

    def page(self) -> Page:
        """Wait for its rows. Blocks and raises as `Session.query`."""
        raise NotImplementedError
