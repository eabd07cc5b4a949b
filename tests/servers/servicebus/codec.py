"""AMQP 1.0 messages as bytes: their sections, and the batches of Service Bus.

Proton decodes and encodes single values. Messages are kept as they came, so that no producer's encoding is changed on
its way through the queue.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from proton import Data, DataException

HEADER, DELIVERY_ANNOTATIONS, ANNOTATIONS, PROPERTIES, APPLICATION_PROPERTIES, DATA, SEQUENCE, VALUE, FOOTER = range(
    0x70, 0x79
)
BODY = (DATA, SEQUENCE, VALUE)
_FIXED = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}


class Section(NamedTuple):
    """One section of a message: what it is, and where it, its value and what follows it begin."""

    code: int
    start: int
    value: int
    end: int


def sections(buffer: bytes) -> list[Section]:
    """Raises ValueError where this is no AMQP message."""
    found, at, size = [], 0, len(buffer)
    try:
        while at < size:
            if buffer[at] != 0:
                raise ValueError("no section begins here")
            if buffer[at + 1] == 0x53:
                code, value = buffer[at + 2], at + 3
            elif buffer[at + 1] == 0x80:
                code, value = struct.unpack_from(">Q", buffer, at + 2)[0], at + 10
            else:
                raise ValueError("a section has a code")
            if not HEADER <= code <= FOOTER:
                raise ValueError("no section of a message")
            end = value + _length(buffer, value)
            if end > size:
                raise ValueError("cut short")
            found.append(Section(code, at, value, end))
            at = end
    except (IndexError, struct.error) as error:
        raise ValueError("cut short") from error
    return found


def batched(buffer: bytes, parts: list[Section]) -> list[tuple[bytes, list[Section]]] | None:
    """The messages of a batch with their sections; None if this is a single message.

    A batch has message format 0x80013700 and one Data section per message, each a message of its own. Proton does not
    tell the format, so a batch is known by its shape.
    """
    if not parts or parts[-1].code != DATA or any(part.code in (APPLICATION_PROPERTIES, VALUE) for part in parts):
        return None
    messages = []
    for part in parts:
        if part.code == DATA:
            message = binary(buffer, part.value)
            try:
                inner = sections(message)
            except ValueError:
                return None
            if not inner:
                return None
            messages.append((message, inner))
    return messages


def binary(buffer: bytes, at: int) -> bytes:
    """The binary value there."""
    start = at + 2 if buffer[at] == 0xA0 else at + 5
    return buffer[start : at + _length(buffer, at)]


def decode(value: bytes) -> Any:
    """One encoded AMQP value as Python's. Raises ValueError where it is none."""
    data = Data()
    try:
        data.decode(value)
    except DataException as error:
        raise ValueError(str(error)) from error
    data.rewind()
    data.next()
    return data.get_object()


def section(code: int, value: object) -> bytes:
    """A section of this code."""
    data = Data()
    data.put_object(value)
    return b"\x00\x53" + bytes([code]) + data.encode()


def _length(buffer: bytes, at: int) -> int:
    """How many bytes the value takes whose constructor is there."""
    constructor = buffer[at]
    if constructor == 0:
        descriptor = _length(buffer, at + 1)
        return 1 + descriptor + _length(buffer, at + 1 + descriptor)
    kind = constructor >> 4
    if kind in _FIXED:
        return 1 + _FIXED[kind]
    if kind in (0xA, 0xC, 0xE):
        return 2 + buffer[at + 1]
    if kind in (0xB, 0xD, 0xF):
        return 5 + int(struct.unpack_from(">I", buffer, at + 1)[0])
    raise ValueError(f"no constructor: 0x{constructor:02x}")
