"""The changes of all tables in the order in which they were committed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Protocol

from mssql_cdc_provider.changes import Place
from mssql_cdc_provider.session import Row

RUN_ROWS = 1000
"""Rows of one table that are given out at once at most."""


class Reader(Protocol):
    """The rows of one table in their order; `changes.Changes` is one."""

    @property
    def place(self) -> Place | None:
        """Where the next row is; None behind the last one."""

    def take(self, before: Place | None, most: int) -> list[Row]:
        """The next rows: those before that place, at least one change, about `most`, never part of an update."""


def merged(readers: Sequence[Reader]) -> Iterator[tuple[int, list[Row], bool]]:
    """Runs of rows, each of one reader, which is named by its index.

    The third value says whether all that follows lies behind the run's last row, so that one could resume there.
    Raises what the readers raise.
    """
    heads = []
    for index, reader in enumerate(readers):
        place = reader.place
        if place is not None:
            heads.append((place, index))
    heapq.heapify(heads)
    while heads:
        _, index = heads[0]
        reader = readers[index]
        others = heads[1:3]  # in a heap, the lowest but one is among the first one's children
        bound = min(others)[0] if others else None
        rows = reader.take(bound, RUN_ROWS)
        yield index, rows, bound is None or rows[-1][:3] < bound
        place = reader.place
        if place is None:
            heapq.heappop(heads)
        else:
            heapq.heapreplace(heads, (place, index))
