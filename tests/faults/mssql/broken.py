"""Providers with one fault each, which the histories must notice. Called in the process that is to have it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def drop_a_row() -> None:
    """One row in fifty of a change table is not sent."""
    from mssql_cdc_provider.envelopes import Envelopes  # noqa: PLC0415

    whole = Envelopes.of_changes

    def of_changes(*arguments: Any) -> Iterator[Any]:
        return (one for one in whole(*arguments) if random.random() > 0.02)

    Envelopes.of_changes = of_changes  # type: ignore[method-assign,assignment]


def skip_the_rest_of_a_transaction() -> None:
    """A position inside a transaction is stored as one behind it."""
    from mssql_cdc_provider.lsn import Position  # noqa: PLC0415

    Position.to_json = lambda self: {"lsn": self.commit_lsn.hex()}  # type: ignore[method-assign]


def go_by_table() -> None:
    """The tables of a window come one after the other, not in the order of the commits."""
    from mssql_cdc_provider import window  # noqa: PLC0415

    def one_by_one(readers: Any) -> Iterator[Any]:
        for index, reader in enumerate(readers):
            while reader.place is not None:
                rows = reader.take(None, 1000)
                yield index, rows, index == len(readers) - 1 and reader.place is None

    window.merged = one_by_one  # type: ignore[attr-defined]


def forget_what_a_snapshot_has_left() -> None:
    """Every table counts as read once it was begun."""
    from mssql_cdc_provider.snapshot.queue import Queue  # noqa: PLC0415

    whole = Queue.to_json

    def to_json(self: Queue) -> dict[str, Any]:
        kept = whole(self)
        return {**kept, "jobs": [], "done": [*kept["done"], *(job["table"] for job in kept["jobs"])]}

    Queue.to_json = to_json  # type: ignore[method-assign]


BROKEN: dict[str, Callable[[], None]] = {
    one.__name__: one
    for one in (drop_a_row, skip_the_rest_of_a_transaction, go_by_table, forget_what_a_snapshot_has_left)
}
