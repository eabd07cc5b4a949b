"""A capture instance and the rows of its change table.

"cdc.<capture_instance>_CT (Transact-SQL)": `__$update_mask` has a bit for each captured column, the first one's is the
low bit of the last byte, and all are set for inserts and deletes. Values of `varchar(max)`, `nvarchar(max)`,
`varbinary(max)` and `xml` are NULL in an update's old row unless they changed; those of `text`, `ntext` and `image` in
every old row; a computed column is always NULL; so is a column that its table has lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.servers.sqlserver.changelog import AFTER, BEFORE, DELETE, Change, Transaction
from tests.servers.sqlserver.database import Column, quoted

CLUSTERED = ("__$start_lsn", "__$command_id", "__$seqval", "__$operation")
"""The columns of a change table's clustered index. The capture job writes rows in this order."""


@dataclass(frozen=True)
class Instance:
    """A capture instance: `table` is its source's id, `columns` are those it captures, `key` tells rows apart."""

    name: str
    id: int
    table: int
    start_lsn: bytes
    columns: tuple[Column, ...]
    net: bool
    key: tuple[str, ...]
    role: str | None = None

    @property
    def change_table(self) -> str:
        return f"cdc.{quoted(self.name + '_CT')}"

    def row(self, transaction: Transaction, change: Change, *, new_without_max: bool) -> list[Any]:
        """The row of the change table."""
        of_update = change.changed
        bits = sum(1 << at for at, column in enumerate(self.columns) if of_update is None or column.id in of_update)
        mask = bits.to_bytes((len(self.columns) + 7) // 8, "big")
        values = [
            None if _left_out(column, change, new_without_max) else change.values.get(column.id)
            for column in self.columns
        ]
        return [transaction.lsn, None, change.sequence, change.operation, mask, *values, change.command]


def _left_out(column: Column, change: Change, new_without_max: bool) -> bool:
    if column.computed:
        return True
    if column.type.is_old_large:
        return change.operation in (DELETE, BEFORE)
    if column.type.is_max and change.changed is not None and column.id not in change.changed:
        return change.operation == BEFORE or (change.operation == AFTER and new_without_max)
    return False
