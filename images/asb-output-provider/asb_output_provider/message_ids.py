"""What a message is called, so that Service Bus knows a repeat when it sees one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from asb_output_provider.names import Table
from dstream_sdk import Envelope, Stream

SNAPSHOT = "Snapshot"

MessageId = Callable[[Envelope], str | None]

_encode = msgspec.json.Encoder(order="deterministic").encode


def message_ids(
    table: Table, position_keys: Sequence[str], key_columns: Sequence[str], *, owner: Sequence[str] = ()
) -> MessageId:
    """Gives each record of the table the id that it has had and will have, 64 characters, or none.

    The id is a hash of the `owner` (project and task: others may write to the queue, from databases with the same
    positions), the table, the operation, what `metadata` has of `position_keys`, and the values: a database that was
    restored from a backup goes through the same positions again, with other changes. A row of a snapshot has no
    position that lasts, since it may be read again at a later one: it is known by its `SnapshotId`, its key or ordinal
    (`Row`), and its values. Where nothing tells a record from another there is no id: a made-up one would have Service
    Bus drop what is no repeat.
    """

    def of(envelope: Envelope) -> str | None:
        metadata = envelope.metadata
        operation = metadata.get("OperationType")
        place = snapshot_place(envelope) if operation == SNAPSHOT else stream_place(metadata)
        if place is None:
            return None
        known_by = (owner, table, operation, place, envelope.data, envelope.before)
        return hashlib.sha256(_encode(known_by)).hexdigest()

    def stream_place(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
        return {key: metadata[key] for key in position_keys if metadata.get(key) is not None} or None

    def snapshot_place(envelope: Envelope) -> tuple[Any, Any] | None:
        row = key_values(envelope, key_columns) or envelope.metadata.get("Row")
        snapshot = envelope.metadata.get("SnapshotId")
        return None if row is None or snapshot is None else (snapshot, row)

    return of if position_keys else _none


def key_columns(streams: Sequence[Stream]) -> Mapping[Table, list[str]]:
    """By table, the columns that tell its rows apart; tables without any are left out."""
    found = {Table(one.schema, one.name): [column.name for column in one.columns if column.key] for one in streams}
    return {table: names for table, names in found.items() if names}


def key_values(envelope: Envelope, columns: Sequence[str]) -> list[Any] | None:
    """The row's key; None where it is not known whole."""
    data = envelope.data
    if not columns or not isinstance(data, dict):
        return None
    values = [data.get(name) for name in columns]
    return None if None in values else values


def delivery_warnings(position_keys: Sequence[str], streams: Sequence[Stream]) -> list[str]:
    """What a plan must say of tables whose repeats Service Bus cannot know, one sentence each."""
    if not position_keys:
        return ["at least once: the input does not say which metadata tells its changes apart, so repeats stay"]
    keyed = key_columns(streams)
    without = [str(table) for one in streams if (table := Table(one.schema, one.name)) not in keyed]
    if not without:
        return []
    return [f"at least once: rows of a snapshot of {', '.join(without)} may repeat, there is no key to tell them apart"]


def _none(_: Envelope) -> None:
    return None
