"""Records made of rows of a change table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from dstream_sdk import Envelope, ProviderError
from mssql_cdc_provider.changes import (
    DELETE,
    INSERT,
    MASK,
    UPDATE_AFTER,
    UPDATE_BEFORE,
    VALUES,
    Times,
)
from mssql_cdc_provider.mask import ordinals
from mssql_cdc_provider.session import Row
from mssql_cdc_provider.tables import CaptureInstance, Column, TableName
from mssql_cdc_provider.values import Converters

_OPERATIONS = {"delete": DELETE, "insert": INSERT, "update": UPDATE_AFTER}
_TYPES = {DELETE: "Delete", INSERT: "Insert", UPDATE_AFTER: "Update"}
_NEVER_LOGGED = frozenset({"text", "ntext", "image"})
_KEPT_MASKS = 4096


class Order:
    """Counts the changes of a transaction as they are sent, over all tables."""

    __slots__ = ("count", "lsn")

    def __init__(self, lsn: bytes, count: int) -> None:
        self.lsn = lsn
        self.count = count


class Envelopes:
    """Of one capture instance. `columns` are those that are sent, in order."""

    def __init__(
        self, instance: CaptureInstance, table: TableName, columns: Sequence[Column], *, skip: Collection[str] = ()
    ) -> None:
        self.columns = tuple(columns)
        self.version = schema_version(columns)
        self._table = table
        self._converters = Converters(columns, skip=VALUES)
        self._names = {at: column.name for at, column in enumerate(instance.columns)}
        self._skipped = frozenset(_OPERATIONS[name] for name in skip)
        sent = {column.name for column in columns}
        # Of columns that no change touched, SQL Server logs no large values: they are NULL and mean nothing.
        self._large = {at: one.name for at, one in enumerate(instance.columns) if one.is_large and one.name in sent}
        self._unlogged = [column.name for column in columns if column.type in _NEVER_LOGGED]
        self._masks: dict[bytes, tuple[list[str], list[str]]] = {}
        self._sent = sent

    def of_changes(
        self, rows: Iterable[Row], times: Mapping[bytes, Times], utc_offset: timedelta, order: Order
    ) -> Iterator[Envelope]:
        """Raises `ProviderError` for an update of which one half is missing."""
        skipped, values = self._skipped, self._converters.values
        shared: dict[str, Any] = {}
        current = b""
        before: Row | None = None
        for row in rows:
            commit_lsn, _, seqval, operation = row[:4]
            if operation == UPDATE_BEFORE:
                if before is not None:
                    raise _torn(self._table, before)
                before = row
                continue
            if (operation == UPDATE_AFTER) is (before is None):
                raise _torn(self._table, before or row)
            if commit_lsn != current:
                current = commit_lsn
                shared = self._of_transaction(commit_lsn, times.get(commit_lsn), utc_offset)
                if order.lsn != commit_lsn:
                    order.lsn, order.count = commit_lsn, 0
            was, before = before, None
            if operation in skipped:
                continue
            order.count += 1
            metadata = {
                **shared,
                "Seq": seqval.hex(),
                "OperationType": _TYPES[operation],
                "OperationID": operation,
                "Order": order.count,
            }
            data = values(row)
            if was is None:
                if operation == DELETE:
                    _leave_out(data, self._unlogged)
                    yield Envelope(data, metadata, data)
                else:
                    yield Envelope(data, metadata)
                continue
            changed, large = self._changed(row[MASK])
            metadata["Changed"] = changed
            earlier = values(was)
            _leave_out(earlier, large)
            _leave_out(earlier, self._unlogged)
            if large and (unchanged := _leave_out(data, large)):
                metadata["Unchanged"] = unchanged
            yield Envelope(data, metadata, earlier)
        if before is not None:
            raise _torn(self._table, before)

    def of_rows(self, columns: Sequence[Column]) -> Callable[[Sequence[Row], bytes, str], Iterator[Envelope]]:
        """What makes records of a snapshot's rows, which were selected by `values.expression` of these columns.

        Its other arguments are the commit LSN up to which the rows include every change, and the snapshot's id.
        """
        values = Converters(columns).values
        shared = {
            "TableName": self._table.name,
            "SchemaName": self._table.schema,
            "SchemaVersion": self.version,
            "OperationType": "Snapshot",
        }

        def records(rows: Sequence[Row], lsn: bytes, snapshot_id: str) -> Iterator[Envelope]:
            metadata = {**shared, "LSN": lsn.hex(), "SnapshotId": snapshot_id}
            for row in rows:
                yield Envelope(values(row), metadata)

        return records

    def _of_transaction(self, commit_lsn: bytes, times: Times | None, utc_offset: timedelta) -> dict[str, Any]:
        committed = times.committed if times else None
        identity = times.id if times else None
        return {
            "TableName": self._table.name,
            "SchemaName": self._table.schema,
            "SchemaVersion": self.version,
            "LSN": commit_lsn.hex(),
            "CommitTime": in_utc(committed, utc_offset),
            "TransactionId": identity and identity.hex(),
        }

    def _changed(self, mask: bytes) -> tuple[list[str], list[str]]:
        """Names of the changed columns that are sent, and of the large ones that were not changed."""
        found = self._masks.get(mask)
        if found is None:
            if len(self._masks) >= _KEPT_MASKS:
                self._masks.clear()
            bits = ordinals(mask)
            changed = [self._names[at] for at in bits if self._names.get(at) in self._sent]
            found = changed, [name for at, name in self._large.items() if at not in bits]
            self._masks[mask] = found
        return found


def schema_version(columns: Sequence[Column]) -> str:
    """Names the shape in which a table's rows are sent: the same columns of the same types, the same version."""
    text = "\n".join(f"{column.name} {column.declared}" for column in columns)
    return blake2b(text.encode(), digest_size=4).hexdigest()


def in_utc(local: datetime | None, offset: timedelta) -> datetime | None:
    """The server's local time as UTC, by what the server's clock is ahead of it now."""
    return local and (local - offset).replace(tzinfo=UTC)


def _leave_out(values: dict[str, Any], names: Sequence[str]) -> list[str]:
    """Take out those of `names` that are NULL. Returns them."""
    missing = [name for name in names if values.get(name, "") is None]
    for name in missing:
        del values[name]
    return missing


def _torn(table: TableName, row: Row) -> ProviderError:
    return ProviderError(
        f"an update of `{table}` has only one of its two rows, at LSN {row[0].hex()}",
        hint="the change table was altered by hand; read the table anew",
    )
