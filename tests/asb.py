"""The Service Bus output in the test's own process, and what it brings into the queues."""

from __future__ import annotations

from typing import Any

import msgspec

from asb_output_provider.config import AsbConfig
from asb_output_provider.provider import AsbOutput
from dstream_sdk import Column, Context, Envelope, Stream
from tests.servers.servicebus import ServiceBus

POSITION_KEYS = ["LSN", "Seq", "OperationID", "SnapshotId"]
STREAMS = [Stream(name, "dbo", [Column("ID", key=True), Column("Name")]) for name in ("Orders", "Persons", "Customers")]
ORDERS, PERSONS, CUSTOMERS = QUEUES = [f"{stream.name}_cdc_events" for stream in STREAMS]


def opened(
    connection_string: str | None,
    *,
    streams: list[Stream] = STREAMS[:1],
    keys: list[str] = POSITION_KEYS,
    task: str = "orders",
    **config: Any,
) -> AsbOutput:
    """A provider as it is before the first record of a run. Close it."""
    provider = AsbOutput(
        AsbConfig.model_validate({"connection_string": connection_string, "retry_timeout": "60s", **config})
    )
    options = {"project": "project", "position_keys": keys}
    provider.context = Context(command="run", role="output", task=task, options=options, streams=streams)
    try:
        provider.open()
    except BaseException:
        provider.close()
        raise
    return provider


def change(number: int, table: str = "Orders", **data: Any) -> Envelope:
    """An insert, at a position of its own."""
    position = {"LSN": f"{number:020x}", "Seq": "00", "OperationType": "Insert", "OperationID": 2}
    return Envelope({"ID": number, **data}, {"TableName": table, "SchemaName": "dbo", **position})


def row(number: int, table: str = "Orders", **metadata: Any) -> Envelope:
    """A row of a snapshot."""
    position = {"LSN": "00000000000000000007", "SnapshotId": "s1", "OperationType": "Snapshot"}
    return Envelope({"ID": number}, {"TableName": table, "SchemaName": "dbo", **position, **metadata})


def sent(bus: ServiceBus, queue: str = ORDERS) -> list[int]:
    """The `ID` of every message in the queue, in its order."""
    return [msgspec.json.decode(message.body)["data"]["ID"] for message in bus.received(queue)]
