"""What a checkpoint stores, and a later run gets back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dstream_sdk import ProviderError
from mssql_cdc_provider.lsn import ZERO, Position, from_hex
from mssql_cdc_provider.names import TableName

VERSION = 1


@dataclass(slots=True)
class State:
    """Where a run is. Changed in place while it streams.

    `order` counts the changes of the position's transaction that were sent. `tables` are those that are followed up to
    the position; one that has the LSN from which on its changes are needed is not, since it could be followed no
    further or begins behind the position.
    `snapshot` belongs to `snapshot.Snapshots`.
    """

    position: Position = field(default_factory=lambda: Position.behind(ZERO))
    order: int = 0
    tables: dict[TableName, bytes | None] = field(default_factory=dict)
    snapshot: Any = None

    def needs(self, table: TableName) -> bytes | None:
        """The lowest LSN of which changes of the table may be missing; None for one that was never followed."""
        return (self.tables[table] or self.position.next_lsn) if table in self.tables else None

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "position": self.position.to_json(),
            "order": self.order,
            "tables": [[name.schema, name.name, lsn and lsn.hex()] for name, lsn in self.tables.items()],
            "snapshot": self.snapshot,
        }

    @classmethod
    def from_json(cls, value: Any) -> State | None:
        """The state that a run begins with; None at a task's first start. Raises `ProviderError` for another's."""
        if value is None:
            return None
        if not isinstance(value, dict) or value.get("version") != VERSION:
            raise ProviderError(
                "the state is not one that this provider wrote",
                hint="run the task under another name to begin anew",
            )
        try:
            return cls(
                Position.from_json(value["position"]),
                int(value["order"]),
                {TableName(schema, name): lsn and from_hex(lsn) for schema, name, lsn in value["tables"]},
                value.get("snapshot"),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ProviderError("the state cannot be read", hint="run the task under another name") from error
