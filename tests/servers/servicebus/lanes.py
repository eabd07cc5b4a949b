"""Messages that wait in order: one lane in a queue, or one for each session."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tests.servers.servicebus.message import Message


class Consumer(Protocol):
    """What messages of a lane can be delivered to."""

    def wake(self) -> None:
        """There may be something to take. Must not take it before it returns."""

    def lose(self, condition: str, text: str) -> None:
        """Nothing more comes: detach, with this condition."""


class Lane:
    """The numbers of messages in the order in which they were sent, and who takes them."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self.consumers: list[Consumer] = []

    def push(self, message: Message) -> None:
        heapq.heappush(self._numbers, message.number)

    def pop(self) -> int | None:
        return heapq.heappop(self._numbers) if self._numbers else None

    def wake(self) -> None:
        for consumer in self.consumers:
            consumer.wake()

    @property
    def empty(self) -> bool:
        return not self._numbers


class Session(Lane):
    """The lane of one session: one receiver at a time holds its lock."""

    def __init__(self, session_id: str) -> None:
        super().__init__()
        self.session_id = session_id
        self.locked_until = 0.0
        self.state: bytes | None = None
