"""A record as a message of Service Bus."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties

from asb_output_provider.message_ids import MessageId, key_values
from asb_output_provider.names import Table
from dstream_sdk import Envelope

CONTENT_TYPE = "application/json"
MOST_PROPERTIES = 32
LONGEST_PROPERTY = 1024
LONGEST_SESSION_ID = 128

_SMALLEST, _LARGEST = -(2**31), 2**31 - 1

_encode = msgspec.json.Encoder().encode


def message_maker(
    table: Table, message_id: MessageId, *, sessions: bool, key_columns: Sequence[str]
) -> Callable[[Envelope], AmqpAnnotatedMessage]:
    """Makes messages of the table's records: the whole envelope as JSON, and its metadata beside it.

    With `sessions` a message's session is its row, so that one row's changes stay in order; the table where
    the row's key is not known.
    """

    # In the words of AMQP: the library's own message class costs more than all else here together.
    def make(envelope: Envelope) -> AmqpAnnotatedMessage:
        return AmqpAnnotatedMessage(
            data_body=_encode(envelope),
            application_properties=properties(envelope.metadata),
            properties=AmqpMessageProperties(
                message_id=message_id(envelope),
                group_id=session_id(table, key_values(envelope, key_columns)) if sessions else None,
                content_type=CONTENT_TYPE,
            ),
        )

    return make


def properties(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What of the metadata receivers can filter by: plain values, not too long. A number past 32 bits is text."""
    found: dict[str, Any] = {}
    for key, value in metadata.items():
        if isinstance(value, str):
            if len(value) > LONGEST_PROPERTY:
                continue
        elif isinstance(value, int):  # a bool too
            if not _SMALLEST <= value <= _LARGEST:
                found[key] = str(value)
                continue
        elif not isinstance(value, float):
            continue
        found[key] = value
    if len(found) > MOST_PROPERTIES:
        return dict(list(found.items())[:MOST_PROPERTIES])
    return found


def session_id(table: Table, key: Sequence[Any] | None) -> str:
    """A single value as it is, several as JSON; a hash of what is too long."""
    if key is None:
        text = str(table)
    elif len(key) == 1 and isinstance(key[0], str):
        text = key[0]
    else:
        text = _encode(key[0] if len(key) == 1 else key).decode()
    if 0 < len(text) <= LONGEST_SESSION_ID:
        return text
    return hashlib.sha256(text.encode()).hexdigest()
