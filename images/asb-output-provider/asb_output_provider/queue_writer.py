"""One queue, written to in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusClient, ServiceBusMessageBatch, ServiceBusSender
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import MessageSizeExceededError

from asb_output_provider.client import (
    ANSWER_S,
    Disabled,
    Full,
    Missing,
    Refused,
    SendError,
    TooLarge,
    Unauthorized,
    Unavailable,
    answered,
    send_error,
)
from asb_output_provider.retrying import retry
from dstream_sdk import Context, ProviderError, Rejection

T = TypeVar("T")

ROOM_BYTES = 1024
"""Left free in every batch: the library puts the first message's properties around it and does not count them."""

MOST_IN_BATCH = 4500
"""Messages that Service Bus takes in one batch."""

LATE_S = 5.0
"""How much longer an attempt may take than the library was told."""

REFUSED_IN_A_ROW = 5
"""So many refused messages without one that was taken are no fault of the messages'."""

_ANSWERS: dict[type[SendError], tuple[str, str]] = {
    Missing: ("does not exist", "`dstream init` makes the queues of a task; with `auto_create` a run makes them"),
    Disabled: ("is disabled", "set its status to active"),
    Full: ("is full", "have its messages received, its dead letters too, or raise `queues.max_size_mb`"),
    Unauthorized: (
        "may not be written to",
        "give a key with the right `Send`, or the identity the role `Azure Service Bus Data Sender`",
    ),
}
"""What a queue is that stops the run, and what helps."""


class Outgoing(NamedTuple):
    """A message, and the place of its record in the batch that the host gave."""

    place: int
    message: AmqpAnnotatedMessage


class QueueWriter:
    """Of one queue. For one thread at a time; connects when it must."""

    def __init__(
        self,
        name: str,
        client: ServiceBusClient,
        context: Context,
        *,
        retry_s: float,
        create: Callable[[], None] | None = None,
    ) -> None:
        """`create` makes the queue where it is missing; without it that ends the run."""
        self.name = name
        self._client = client
        self._context = context
        self._retry_s = retry_s
        self._create = create
        self._sender: ServiceBusSender | None = None
        self._limit = 0
        self._refused = 0

    def knock(self, *, within_s: float) -> None:
        """Connect before there is anything to write. A queue that `create` will make may be missing still.

        Raises `ProviderError` as `write` does.
        """
        try:
            connected = partial(self._connected, within_s=within_s)
            self._sender = retry(connected, self._what, self._context, within_s=within_s)
        except SendError as error:
            if not isinstance(error, Missing) or self._create is None:
                raise self._answer(error) from error

    def close(self) -> None:
        """Give up the connection; the next `write` makes another."""
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    def write(self, messages: Sequence[Outgoing]) -> list[Rejection]:
        """Send in order, in as few batches as they fit into; returns once each is accepted or among the rejections.

        Raises `ProviderError` where the queue, and no single message, is at fault.
        """
        if self._sender is None:
            self._sender = self._try(self._connected)
        return [rejection for filled, taken in self._filled(messages) for rejection in self._send(filled, taken)]

    def _filled(
        self, messages: Sequence[Outgoing]
    ) -> Iterator[tuple[ServiceBusMessageBatch | AmqpAnnotatedMessage, Sequence[Outgoing]]]:
        """Full batches, each with what is in it. A message that is larger than any batch goes alone."""
        batch, taken = self._batch(), list[Outgoing]()
        for one in messages:
            if len(taken) < MOST_IN_BATCH and _added(batch, one.message):
                taken.append(one)
                continue
            if taken:
                yield batch, taken
                batch, taken = self._batch(), []
            if _added(batch, one.message):
                taken.append(one)
            else:
                yield one.message, [one]
        if taken:
            yield batch, taken

    def _send(
        self, filled: ServiceBusMessageBatch | AmqpAnnotatedMessage, taken: Sequence[Outgoing]
    ) -> Iterator[Rejection]:
        """Have it accepted. Where it is refused, those that are to blame are looked for, half by half."""
        try:
            self._try(lambda: self._attempt(filled))
        except (TooLarge, Refused) as error:
            if len(taken) == 1:
                yield self._rejected(taken[0], error)
                return
            message = "%s refused %d messages together: %s; they are sent in halves"
            self._context.logger.warning(message, self._what, len(taken), str(error))
            half = len(taken) // 2
            for part in (taken[:half], taken[half:]):
                for again, of_these in self._filled(part):
                    yield from self._send(again, of_these)
        else:
            self._refused = 0

    def _rejected(self, one: Outgoing, error: SendError) -> Rejection:
        if isinstance(error, TooLarge):
            return Rejection(one.place, "too_large", str(error))
        self._refused += 1
        if self._refused == REFUSED_IN_A_ROW:
            raise ProviderError(
                f"{self._what} refused {REFUSED_IN_A_ROW} records in a row: {error}",
                hint="a queue with sessions needs `queues.sessions`; `dstream check` compares queues with the config",
            ) from error
        return Rejection(one.place, "refused", str(error))

    @property
    def _what(self) -> str:
        return f"queue `{self.name}`"

    def _answer(self, error: SendError) -> ProviderError:
        what, hint = _ANSWERS[type(error)]
        return ProviderError(f"{self._what} {what}: {error}", hint=hint)

    def _try(self, work: Callable[[], T]) -> T:
        """What `work` returns. Waits while Service Bus is away, makes the queue if it may.

        Raises `TooLarge` and `Refused`, which are of messages, and else `ProviderError`.
        """
        try:
            return retry(self._creating(work), self._what, self._context, within_s=self._retry_s)
        except (TooLarge, Refused):
            raise
        except SendError as error:
            raise self._answer(error) from error

    def _creating(self, work: Callable[[], T]) -> Callable[[], T]:
        """`work`, which makes the queue where it is missing. A new queue may take a moment to be known everywhere."""
        made = False

        def working() -> T:
            nonlocal made
            try:
                return work()
            except Missing as error:
                if self._create is None:
                    raise
                if not made:
                    self._create()
                    made = True
                raise Unavailable(str(error)) from error

        return working

    def _connected(self, *, within_s: float = ANSWER_S + LATE_S) -> ServiceBusSender:
        sender = self._client.get_queue_sender(self.name)
        try:
            with answered(sender, within_s=within_s):
                self._limit = sender.create_message_batch().max_size_in_bytes - ROOM_BYTES
        except AzureError as error:
            sender.close()
            raise send_error(error) from error
        return sender

    def _attempt(self, filled: ServiceBusMessageBatch | AmqpAnnotatedMessage) -> None:
        """Try once. The library connects anew where the connection is gone."""
        assert self._sender is not None  # noqa: S101 - `open` came before
        try:
            with answered(self._sender, within_s=ANSWER_S + LATE_S):
                self._sender.send_messages(filled)
        except AzureError as error:
            raise send_error(error) from error

    def _batch(self) -> ServiceBusMessageBatch:
        assert self._sender is not None  # noqa: S101 - `open` came before
        return self._sender.create_message_batch(self._limit)


def _added(batch: ServiceBusMessageBatch, message: AmqpAnnotatedMessage) -> bool:
    try:
        batch.add_message(message)
    except MessageSizeExceededError:
        return False
    return True
