"""A queue: what it accepts, in which order it gives it away, and what becomes of it then."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tests.servers.servicebus.contents import Contents
from tests.servers.servicebus.description import Description
from tests.servers.servicebus.duplicates import Duplicates
from tests.servers.servicebus.errors import FULL, NOT_ALLOWED, TOO_LARGE, ServiceError, lock_lost
from tests.servers.servicebus.lanes import Lane
from tests.servers.servicebus.message import Message, State
from tests.servers.servicebus.sessions import Sessions

if TYPE_CHECKING:
    from uuid import UUID

    from tests.servers.servicebus.clock import Clock
    from tests.servers.servicebus.lanes import Consumer
    from tests.servers.servicebus.store import Journal

DEAD_LETTERS = "/$DeadLetterQueue"


class Queue:
    """One queue, or its dead-letter queue. Used on the server's loop only."""

    def __init__(
        self, name: str, description: Description, clock: Clock, journal: Journal, *, buries: bool = True
    ) -> None:
        self.name = name
        self.description = description
        self.created = self.updated = clock.now()
        self.contents = Contents()
        self.last = 0
        """The newest sequence number."""
        self.max_bytes: int | None = None
        """A test's own limit, below what MaxSizeInMegabytes can be."""
        self.duplicates = Duplicates()
        self.lane = Lane()
        self.sessions = Sessions(self, clock)
        self.locked: dict[UUID, Message] = {}
        self.dead_letters = Queue(name + DEAD_LETTERS, Description(), clock, journal, buries=False) if buries else None
        self._clock = clock
        self._journal = journal

    # -- what is sent

    def accept(self, messages: list[Message]) -> list[Message]:
        """Store all of them or none; returns those that are no duplicates. Raises ServiceError."""
        limit = self.description.max_bytes if self.max_bytes is None else self.max_bytes
        if self.contents.bytes + sum(message.size for message in messages) > limit:
            raise ServiceError(FULL, f"The maximum entity size has been reached or exceeded for Queue: '{self.name}'.")
        for message in messages:
            self._check(message)
        stored = [message for message in messages if self._fresh(message)]
        for message in stored:
            self.last += 1
            message.number, message.enqueued = self.last, self._clock.now()
            if message.scheduled is not None and message.scheduled > message.enqueued:
                message.state = State.SCHEDULED
            else:
                self._live(message)
            self._journal.message(self, message)
            self.restore(message)
        self._wake(stored)
        return stored

    def _check(self, message: Message) -> None:
        if message.size > self.description.max_message_bytes:
            raise too_large(message.size, self.description.max_message_bytes)
        if self.description.sessions and message.session_id is None:
            raise ServiceError(NOT_ALLOWED, f"The SessionId was not set on a message sent to '{self.name}'.")

    def _fresh(self, message: Message) -> bool:
        if not self.description.detects_duplicates or message.message_id is None:
            return True
        now = self._clock.now()
        fresh = self.duplicates.first(message.message_id, now, self.description.window_s)
        if fresh:
            self._journal.known(self, message.message_id, now)
        return fresh

    def _live(self, message: Message) -> None:
        """Its lifetime begins."""
        lives = [s for s in (message.time_to_live_s, self.description.time_to_live_s) if s is not None]
        message.expires = message.enqueued + min(lives) if lives else None

    def restore(self, message: Message) -> None:
        """Hold a message that has its number and its times."""
        self.contents.add(message)
        if message.state is State.SCHEDULED:
            self._clock.at(message.scheduled or 0.0, lambda: self._due(message))
            return
        if message.expires is not None:
            self._clock.at(message.expires, lambda: self._expire(message))
        if message.state is State.ACTIVE:
            self._lane(message).push(message)

    def _due(self, message: Message) -> None:
        if message in self.contents and message.state is State.SCHEDULED:
            self.contents.remove(message)
            message.state, message.enqueued = State.ACTIVE, self._clock.now()
            self._live(message)
            self.restore(message)
            self._journal.message(self, message)
            self._wake([message])

    def _expire(self, message: Message) -> None:
        """What is locked stays until it is settled or its lock ends."""
        if message in self.contents and message.token is None:
            self.remove(message)
            if self.description.buries_expired:
                self._bury(message, "TTLExpiredException", "The message expired and was dead lettered.")

    # -- what is received

    def take(self, lane: Lane, *, lock: bool) -> Message | None:
        """The next message of this lane: locked for who took it, or gone from the queue."""
        while (number := lane.pop()) is not None:
            message = self.contents.get(number)
            if message is None or message.token is not None or message.state is not State.ACTIVE:
                continue
            if lock:
                self.lock(message)
            else:
                self.remove(message)
            return message
        return None

    def lock(self, message: Message) -> None:
        message.token = uuid.uuid4()
        self.locked[message.token] = message
        if self.description.sessions and message.session_id is not None:
            message.locked_until = self.sessions.of(message.session_id).locked_until
        else:
            self._hold(message, message.token)

    def renew(self, token: UUID) -> float:
        """Until when the message is locked now."""
        message = self.locked.get(token)
        if message is None:
            raise lock_lost()
        self._hold(message, token)
        return message.locked_until

    def _hold(self, message: Message, token: UUID) -> None:
        message.locked_until = self._clock.now() + self.description.lock_s
        self._clock.at(message.locked_until, lambda: self._lock_ends(message, token))

    def _lock_ends(self, message: Message, token: UUID) -> None:
        if message.token == token and message.locked_until <= self._clock.now():
            self.abandon(token)

    def complete(self, token: UUID) -> None:
        self.remove(self._unlock(token))

    def defer(self, token: UUID) -> None:
        message = self._unlock(token)
        message.state, message.deliveries = State.DEFERRED, message.deliveries + 1
        self._journal.message(self, message)

    def dead_letter(self, token: UUID, reason: str, explanation: str) -> None:
        message = self._unlock(token)
        self.remove(message)
        self._bury(message, reason, explanation)

    def abandon(self, token: UUID) -> None:
        """Deliver it again, or bury it if that was tried too often."""
        message = self._unlock(token)
        message.deliveries += 1
        if self.dead_letters is not None and message.deliveries >= self.description.max_deliveries:
            self.remove(message)
            text = f"Message could not be consumed after {message.deliveries} delivery attempts."
            self._bury(message, "MaxDeliveryCountExceeded", text)
        else:
            self._journal.message(self, message)
            self._give_back(message)

    def release(self, token: UUID) -> None:
        """As if it had not been delivered."""
        self._give_back(self._unlock(token))

    def _give_back(self, message: Message) -> None:
        if message.expires is not None and message.expires <= self._clock.now():
            self._expire(message)
        elif message.state is State.ACTIVE:
            self._lane(message).push(message)
            self._wake([message])

    def _unlock(self, token: UUID) -> Message:
        message = self.locked.pop(token, None)
        if message is None:
            raise lock_lost()
        message.token = None
        return message

    def remove(self, message: Message) -> None:
        """It leaves the queue."""
        self.contents.remove(message)
        self._journal.message(self, message)

    def _bury(self, message: Message, reason: str, explanation: str) -> None:
        if self.dead_letters is not None:
            message.buried, message.expires, message.state = (reason, explanation), None, State.ACTIVE
            self.dead_letters.take_buried(message)

    def take_buried(self, message: Message) -> None:
        self.restore(message)
        self._journal.message(self, message)
        self._wake([message])

    def set_session_state(self, session_id: str, state: bytes | None) -> None:
        self.sessions.of(session_id).state = state
        self._journal.session(self, self.sessions.of(session_id))

    # -- who receives

    @property
    def consumers(self) -> list[Consumer]:
        """All who receive, or wait for a session to receive from."""
        return [*self.lane.consumers, *self.sessions.consumers]

    def _lane(self, message: Message) -> Lane:
        if self.description.sessions and message.session_id is not None:
            return self.sessions.of(message.session_id)
        return self.lane

    def _wake(self, messages: list[Message]) -> None:
        for lane in {self._lane(message) for message in messages}:
            lane.wake()
        self.sessions.wake()


def too_large(size: int, limit: int) -> ServiceError:
    text = f"The received message (size:{size}) exceeds the limit ({limit}) currently allowed on the link."
    return ServiceError(TOO_LARGE, text)
