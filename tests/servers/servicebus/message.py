"""A message in a queue: its bytes as they were sent, and what the service knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from proton import int32, symbol, timestamp, uint

from tests.servers.servicebus import codec
from tests.servers.servicebus.errors import INVALID, ServiceError

if TYPE_CHECKING:
    from uuid import UUID

_MAX_PROPERTIES = 65_536
_SCHEDULED = symbol("x-opt-scheduled-enqueue-time")


class State(IntEnum):
    """What `x-opt-message-state` says."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


class Message:
    """Changed by its queue only. Times are seconds since 1970."""

    def __init__(self, raw: bytes, parts: list[codec.Section] | None = None) -> None:
        self.raw = raw
        self.number = 0
        """The sequence number, 1 for a queue's first."""
        self.enqueued = 0.0
        self.expires: float | None = None
        self.deliveries = 0
        self.state = State.ACTIVE
        self.token: UUID | None = None
        self.locked_until = 0.0
        self.buried: tuple[str, str] | None = None
        """Why it lies in the dead-letter queue, and the description of it."""
        self.parts = codec.sections(raw) if parts is None else parts
        self.message_id: str | None = None
        self.session_id: str | None = None
        self.time_to_live_s: float | None = None
        self.scheduled: float | None = None
        for part in self.parts:
            if part.code == codec.PROPERTIES:
                properties = [*self._value(part), *[None] * 11]
                self.message_id = None if properties[0] is None else str(properties[0])
                self.session_id = properties[10]
            elif part.code == codec.HEADER:
                header = [*self._value(part), *[None] * 3]
                self.time_to_live_s = None if header[2] is None else header[2] / 1000
            elif part.code == codec.ANNOTATIONS and (moment := self._value(part).get(_SCHEDULED)):
                self.scheduled = moment / 1000
        extent = sum(part.end - part.start for part in self.parts if part.code not in codec.BODY)
        if extent > _MAX_PROPERTIES:
            raise ServiceError(INVALID, f"The properties of the message (size:{extent}) exceed {_MAX_PROPERTIES}.")
        for name, value in (("MessageId", self.message_id), ("SessionId", self.session_id)):
            if value is not None and len(value) > 128:
                raise ServiceError(INVALID, f"The {name} property is at most 128 characters.")

    @property
    def size(self) -> int:
        return len(self.raw)

    def wire(self) -> bytes:
        """As it is delivered: with the service's annotations, and how often it was before."""
        live = None if self.time_to_live_s is None else uint(min(int(self.time_to_live_s * 1000), 0xFFFFFFFF))
        header = [None, None, live, None, uint(self.deliveries)]
        sent = {part.code: part for part in self.parts}
        pieces = [codec.section(codec.HEADER, header), codec.section(codec.ANNOTATIONS, self._annotations(sent))]
        for part in self.parts:
            if part.code in (codec.HEADER, codec.DELIVERY_ANNOTATIONS, codec.ANNOTATIONS):
                continue
            if self.buried and part.code == codec.APPLICATION_PROPERTIES:
                pieces.append(codec.section(part.code, {**self._value(part), **self._burial()}))
                continue
            if self.buried and codec.APPLICATION_PROPERTIES not in sent and part.code in codec.BODY:
                pieces.append(codec.section(codec.APPLICATION_PROPERTIES, self._burial()))
                sent[codec.APPLICATION_PROPERTIES] = part
            pieces.append(self.raw[part.start : part.end])
        return b"".join(pieces)

    def _annotations(self, sent: dict[int, codec.Section]) -> dict[symbol, object]:
        theirs = self._value(sent[codec.ANNOTATIONS]) if codec.ANNOTATIONS in sent else {}
        ours: dict[symbol, object] = {
            symbol("x-opt-sequence-number"): self.number,
            symbol("x-opt-enqueued-time"): timestamp(int(self.enqueued * 1000)),
            symbol("x-opt-message-state"): int32(self.state),
        }
        if self.token is not None:
            ours[symbol("x-opt-locked-until")] = timestamp(int(self.locked_until * 1000))
        return {**theirs, **ours}

    def _burial(self) -> dict[str, str]:
        reason, description = self.buried or ("", "")
        return {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}

    def _value(self, part: codec.Section) -> Any:
        return codec.decode(self.raw[part.value : part.end])


@dataclass(frozen=True)
class Received:
    """What a test may look at: a message that the service accepted and has not lost since."""

    number: int
    message_id: str | None
    session_id: str | None
    body: bytes
    subject: str | None
    content_type: str | None
    correlation_id: str | None
    properties: dict[str, Any]
    time_to_live_s: float | None
    deliveries: int
    dead_letter_reason: str | None

    @classmethod
    def of(cls, message: Message) -> Received:
        fields: list[Any] = [None] * 13
        properties: dict[str, Any] = {}
        body = b""
        for part in message.parts:
            value = message.raw[part.value : part.end]
            if part.code == codec.PROPERTIES:
                given = codec.decode(value)
                fields[: len(given)] = given
            elif part.code == codec.APPLICATION_PROPERTIES:
                properties = {str(name): content for name, content in codec.decode(value).items()}
            elif part.code == codec.DATA:
                body += codec.binary(message.raw, part.value)
        return cls(
            number=message.number,
            message_id=message.message_id,
            session_id=message.session_id,
            body=body,
            subject=fields[3],
            correlation_id=fields[5],
            content_type=None if fields[6] is None else str(fields[6]),
            properties=properties,
            time_to_live_s=message.time_to_live_s,
            deliveries=message.deliveries,
            dead_letter_reason=message.buried[0] if message.buried else None,
        )
