"""What a queue holds, by sequence number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.servicebus.errors import UNKNOWN_MESSAGE, ServiceError
from tests.servers.servicebus.message import Message, State

if TYPE_CHECKING:
    from collections.abc import Iterable


class Contents:
    """All messages of a queue, whatever their state, and their sums."""

    def __init__(self) -> None:
        self._messages: dict[int, Message] = {}
        self.bytes = 0
        self.scheduled = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, message: Message) -> bool:
        return self._messages.get(message.number) is message

    def get(self, number: int) -> Message | None:
        return self._messages.get(number)

    def add(self, message: Message) -> None:
        self._messages[message.number] = message
        self.bytes += message.size
        self.scheduled += message.state is State.SCHEDULED

    def remove(self, message: Message) -> None:
        del self._messages[message.number]
        self.bytes -= message.size
        self.scheduled -= message.state is State.SCHEDULED

    def since(self, number: int, count: int, session_id: str | None = None) -> list[Message]:
        """Up to `count` messages from this number on, all if `count` is negative; of one session, or of all."""
        messages = (self._messages[found] for found in sorted(self._messages) if found >= number)
        wanted = [message for message in messages if session_id is None or message.session_id == session_id]
        return wanted if count < 0 else wanted[:count]

    def deferred(self, numbers: Iterable[int]) -> list[Message]:
        """These deferred messages, not locked yet. Raises ServiceError unless all of them are there."""
        return self._numbered(numbers, State.DEFERRED, "Failed to lock one or more specified messages.")

    def to_come(self, numbers: Iterable[int]) -> list[Message]:
        """These scheduled messages, not due yet. Raises ServiceError unless all of them are there."""
        return self._numbered(numbers, State.SCHEDULED, "Failed to find the scheduled message.")

    def _numbered(self, numbers: Iterable[int], state: State, otherwise: str) -> list[Message]:
        found = []
        for number in numbers:
            message = self._messages.get(number)
            if message is None or message.state is not state or message.token is not None:
                raise ServiceError(UNKNOWN_MESSAGE, otherwise, status=404)
            found.append(message)
        return found
