"""What was committed, in its order: what a reader of the changes must come to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.mssql.columns import Column

Row = dict[str, Any]
Key = tuple[Any, ...]

STAMP = "stamp"
"""A column that every table has: no two versions of rows, of any table, have the same value there."""


@dataclass
class Table:
    """A table as it is now. `captured` are the columns of its newest capture instance, None where it has none.

    A run may still send it under any of its `names`. `undeletable` are keys of rows whose end nobody may ever hear of:
    it was in changes that were cleaned up or never captured.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, Column]
    rows: dict[Key, Row] = field(default_factory=dict)
    captured: tuple[Column, ...] | None = None
    instances: list[tuple[str, bytes]] = field(default_factory=list)
    """The capture instances, oldest first, and an LSN right after each one's start."""
    names: set[str] = field(default_factory=set)
    undeletable: set[Key] = field(default_factory=set)
    has_key: bool = True

    def key_of(self, row: Row) -> Key:
        return tuple(row[name] for name in self.key)


@dataclass
class Change:
    """One change of one row; a changed key makes two of them.

    `after_lsn` is the newest LSN from before the commit. Changes of one statement may come in any order. One that
    `may_be_lost` is in a change table no more.
    """

    table: Table
    operation: str
    stamp: int
    data: Row
    before: Row | None
    changed: list[str]
    large: frozenset[str]
    """The columns whose values need not come unless they were changed."""
    after_lsn: bytes
    place: tuple[int, int]
    """Transaction and statement."""
    may_be_lost: bool = False

    @property
    def identity(self) -> tuple[str, int]:
        return self.operation, self.stamp

    def __str__(self) -> str:
        return f"{self.operation} of {self.table.key_of(self.data)} in {self.table.name}, place {self.place}"


Write = tuple[Table, Row | None, Row | None, int]
"""A row before and after, and the number of the statement."""


class Ledger:
    """The tables, and every change that was committed while its table was captured."""

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self.changes: list[Change] = []
        self._transactions = 0

    def commit(self, writes: list[Write], after_lsn: bytes) -> None:
        """Enter a transaction. To be called in the order of the commits."""
        self._transactions += 1
        for table, before, after, statement in writes:
            place = self._transactions, statement
            if before is not None and (after is None or table.key_of(before) != table.key_of(after)):
                del table.rows[table.key_of(before)]
                if table.captured is None:
                    table.undeletable.add(table.key_of(before))
            if after is not None:
                table.rows[table.key_of(after)] = after
            self.changes += _changes(table, before, after, after_lsn, place)

    def lose(self, table: Table, before: bytes) -> None:
        """Changes of the table before an LSN are in no change table any more."""
        for change in self.changes:
            if change.table is table and change.after_lsn < before:
                change.may_be_lost = True
                if change.operation == "Delete":
                    table.undeletable.add(table.key_of(change.data))


def _changes(
    table: Table, before: Row | None, after: Row | None, after_lsn: bytes, place: tuple[int, int]
) -> list[Change]:
    if table.captured is None:
        return []
    names = [column.name for column in table.captured]
    large = frozenset(column.name for column in table.captured if column.is_large)

    def change(operation: str, row: Row, old: Row | None = None) -> Change:
        sent = {name: row.get(name) for name in names}
        was = None if old is None else {name: old.get(name) for name in names}
        changed = [] if was is None or operation == "Delete" else [name for name in names if sent[name] != was[name]]
        return Change(table, operation, row[STAMP], sent, was, changed, large, after_lsn, place)

    if before is None or after is None:
        made = [change("Delete", before, before)] if before is not None else []
        return made + ([change("Insert", after)] if after is not None else [])
    if table.has_key and table.key_of(before) != table.key_of(after):
        return [change("Delete", before, before), change("Insert", after)]
    return [change("Update", after, before)]
