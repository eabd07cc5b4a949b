"""What a batch answers: result sets, and the counts of rows its statements changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pysqlbridge.tds.result import Column, col_metadata
from pysqlbridge.tds.token import DoneStatus, done

from tests.servers.sqlserver import wire


class ResultSet:
    """Columns and rows, encoded once however often they are sent."""

    def __init__(self, columns: Sequence[tuple[str, wire.WireType]], rows: Sequence[Sequence[Any]]) -> None:
        self.columns = [Column(name, kind) for name, kind in columns]
        self.row_count = len(rows)
        self.encoded = wire.rows([kind for _, kind in columns], rows)


@dataclass(frozen=True)
class RowCount:
    """How many rows a statement changed."""

    row_count: int


@dataclass(frozen=True)
class Answer:
    """All that a batch answers, in the form pysqlbridge's connection sends."""

    parts: Sequence[ResultSet | RowCount]

    def encode(self, tds_version: int, server: str = "") -> bytes:
        """The tokens of the answer."""
        if not self.parts:
            return bytes(done(status=DoneStatus.FINAL, tds_version=tds_version))
        tokens: list[bytes] = []
        for part in self.parts:
            more = DoneStatus.FINAL if part is self.parts[-1] else DoneStatus.MORE
            if isinstance(part, ResultSet):
                tokens += [col_metadata(part.columns, tds_version), part.encoded]
            tokens.append(done(status=DoneStatus.COUNT | more, row_count=part.row_count, tds_version=tds_version))
        return b"".join(tokens)


class Kept:
    """Answers to queries, by query and version of the data, so that a page asked for again costs nothing.

    Holds `limit` bytes at most. May be used by several threads.
    """

    def __init__(self, limit: int = 256 << 20) -> None:
        self._limit, self._size = limit, 0
        self._results: OrderedDict[tuple[str, int], ResultSet] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int]) -> ResultSet | None:
        with self._lock:
            return self._results.get(key)

    def put(self, key: tuple[str, int], result: ResultSet) -> None:
        with self._lock:
            self._results[key] = result
            self._size += len(result.encoded)
            while self._size > self._limit:
                self._size -= len(self._results.popitem(last=False)[1].encoded)
