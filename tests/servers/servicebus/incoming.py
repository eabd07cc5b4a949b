"""Links on which clients send to a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proton import Disposition, symbol, uint

from tests.servers.servicebus import codec
from tests.servers.servicebus.conditions import condition
from tests.servers.servicebus.errors import FORCED, INVALID, MISSING, ServiceError
from tests.servers.servicebus.faults import Cut
from tests.servers.servicebus.message import Message
from tests.servers.servicebus.queue import too_large
from tests.servers.servicebus.service import MAX_TRANSFER

if TYPE_CHECKING:
    from proton import Delivery, Receiver

    from tests.servers.servicebus.amqp import AmqpConnection

_CREDIT = 1000


class Incoming:
    """Takes messages and batches in, each whole or not at all."""

    def __init__(self, connection: AmqpConnection, link: Receiver, path: str) -> None:
        self._connection = connection
        self._service = connection.service
        self._link = link
        self._queue = self._service.namespace.find(path)
        check_enabled(self._queue.description.values["Status"], "SendDisabled", path)
        link.max_message_size = self._queue.description.max_message_bytes
        link.properties = {symbol("com.microsoft:max-message-batch-size"): uint(MAX_TRANSFER)}
        connection.accept(link)
        link.flow(_CREDIT)

    def delivery(self, delivery: Delivery) -> None:
        if not delivery.readable or delivery.partial:
            return
        raw = self._link.recv(delivery.pending) or b""
        self._link.advance()
        if self._link.credit < _CREDIT // 2:
            self._link.flow(_CREDIT - self._link.credit)
        self._service.counts["transfers"] += 1
        try:
            if cut := self._service.faults.of_transfer(self._queue.name):
                self._cut(cut, raw)
                return
            self._store(raw)
            delivery.update(Disposition.ACCEPTED)
        except ServiceError as error:
            if error.condition == MISSING:
                self._connection.end(self._link, error)
                return
            delivery.local.condition = condition(error.condition, str(error))
            delivery.update(Disposition.REJECTED)
        delivery.settle()

    def flow(self) -> None:
        """Only senders get credit."""

    def closed(self) -> None:
        """Nothing is held for a sender."""

    def _store(self, raw: bytes) -> None:
        if self._service.namespace.queues.get(self._queue.name.lower()) is not self._queue:
            raise ServiceError(MISSING, "The messaging entity has been deleted.", status=404)
        try:
            parts = codec.sections(raw)
        except ValueError as error:
            raise ServiceError(INVALID, f"This is no message: {error}.") from error
        batch = codec.batched(raw, parts)
        # The SDK fills a batch by the sizes of its messages and puts an envelope around it that it does not count.
        whole = batch is None or self._service.whole_envelopes
        counted = sum(part.end - part.start for part in parts if whole or part.code == codec.DATA)
        if counted > MAX_TRANSFER:
            raise too_large(counted, MAX_TRANSFER)
        messages = [Message(raw, parts)] if batch is None else [Message(one, inner) for one, inner in batch]
        stored = self._queue.accept(messages)
        self._service.counts["messages"] += len(stored)
        self._service.counts["duplicates"] += len(messages) - len(stored)

    def _cut(self, fault: Cut, raw: bytes) -> None:
        if fault is Cut.DETACH:
            text = "The link was detached by the service: set by the test."
            self._connection.end(self._link, ServiceError(FORCED, text))
            return
        if fault is Cut.DROP_AFTER_STORING:
            self._store(raw)
        self._connection.drop(politely=False)


def check_enabled(status: str | None, disabled: str, path: str) -> None:
    if status in ("Disabled", disabled):
        text = f"Messaging entity '{path}' is currently disabled."
        raise ServiceError("com.microsoft:entity-disabled", text, status=403)
