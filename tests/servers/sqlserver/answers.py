"""What a batch answers: result sets, and the counts of rows its statements changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pysqlbridge.tds.result import Column, ColumnType, col_metadata
from pysqlbridge.tds.token import DoneStatus, done

from tests.servers.sqlserver import wire


@dataclass
class ResultSet:
    """Columns, and rows that are encoded once however often they are sent."""

    columns: list[tuple[str, ColumnType]]
    rows: Sequence[Sequence[Any]]
    _encoded: bytes | None = field(default=None, repr=False)

    @property
    def encoded(self) -> bytes:
        if self._encoded is None:
            self._encoded = wire.rows([kind for _, kind in self.columns], self.rows)
        return self._encoded


@dataclass(frozen=True)
class RowCount:
    """How many rows a statement changed."""

    rows: int


@dataclass(frozen=True)
class Answer:
    """All that a batch answers, in the form pysqlbridge's connection sends."""

    parts: Sequence[ResultSet | RowCount]

    def encode(self, tds_version: int, server: str = "") -> bytes:  # errors would name the server
        """The tokens of the answer."""
        if not self.parts:
            return done(status=DoneStatus.FINAL, tds_version=tds_version)
        tokens: list[bytes] = []
        for part in self.parts:
            more = DoneStatus.FINAL if part is self.parts[-1] else DoneStatus.MORE
            count = part.rows if isinstance(part, RowCount) else len(part.rows)
            if isinstance(part, ResultSet):
                columns = [Column(name, kind) for name, kind in part.columns]
                tokens += [col_metadata(columns, tds_version), part.encoded]
            tokens.append(done(status=DoneStatus.COUNT | more, row_count=count, tds_version=tds_version))
        return b"".join(tokens)
