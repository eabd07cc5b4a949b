"""What is still to be read, as it is kept in a checkpoint."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Self

from mssql_cdc_provider.snapshot.keyset import Key


@dataclass(slots=True, eq=False)
class Range:
    """A part of a table: its leading key column is at least `lower` and below `upper`, None where it has no end.

    `after` is the key of the last row that was sent; None before the first one.
    """

    lower: int | None = None
    upper: int | None = None
    after: Key | None = None

    def to_json(self) -> list[Any]:
        return [self.lower, self.upper, self.after]

    @classmethod
    def from_json(cls, value: Any) -> Self:
        lower, upper, after = value
        return cls(lower, upper, None if after is None else list(after))


@dataclass(slots=True, eq=False)
class Job:
    """One table to be read; with a `filter`, those of its rows that somebody asked for.

    `ranges` are those that are not read yet, None until it is begun. `key` are the columns that they speak of.
    `rows` were sent, of about `expected`. `id` is what its rows bear: a run that takes the job up sends them under it
    again, and no other job has it.
    """

    table: str
    filter: str | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    ranges: list[Range] | None = None
    key: list[str] = field(default_factory=list)
    rows: int = 0
    expected: int | None = None

    def begin(self, key: list[str], ranges: list[Range]) -> None:
        """From the first row."""
        self.key, self.ranges, self.rows = key, ranges, 0

    def to_json(self) -> dict[str, Any]:
        ranges = None if self.ranges is None else [one.to_json() for one in self.ranges]
        fields = {
            "table": self.table,
            "filter": self.filter,
            "id": self.id,
            "ranges": ranges,
            "key": self.key,
            "rows": self.rows,
            "expected": self.expected,
        }
        return {name: value for name, value in fields.items() if value not in (None, [])}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Raises KeyError, TypeError or ValueError for what `to_json` did not write."""
        ranges = value.get("ranges")
        return cls(
            str(value["table"]),
            value.get("filter"),
            str(value["id"]),
            None if ranges is None else [Range.from_json(one) for one in ranges],
            [str(name) for name in value.get("key", ())],
            int(value.get("rows", 0)),
            value.get("expected"),
        )
