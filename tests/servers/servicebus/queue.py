"""A queue: what it accepts, in which order it gives it away, and what becomes of it then."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tests.servers.servicebus.description import Description
from tests.servers.servicebus.duplicates import Duplicates
from tests.servers.servicebus.errors import (
    FULL,
    NOT_ALLOWED,
    SESSION_LOCK_LOST,
    TOO_LARGE,
    UNKNOWN_MESSAGE,
    ServiceError,
    lock_lost,
)
from tests.servers.servicebus.lanes import Lane, Session
from tests.servers.servicebus.message import Message, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Set
    from uuid import UUID

    from tests.servers.servicebus.clock import Clock
    from tests.servers.servicebus.lanes import Consumer

DEAD_LETTERS = "/$DeadLetterQueue"


class Queue:
    """One queue, or its dead-letter queue. Used on the server's loop only."""

    def __init__(self, name: str, description: Description, clock: Clock, *, buries: bool = True) -> None:
        self.name = name
        self.description = description
        self.created = self.updated = clock.now()
        self.messages: dict[int, Message] = {}
        """All that the queue holds, by sequence number."""
        self.scheduled = 0
        self.bytes = 0
        self.max_bytes: int | None = None
        """A test's own limit, below what MaxSizeInMegabytes can be."""
        self.duplicates = Duplicates()
        self.sessions: dict[str, Session] = {}
        self.lane = Lane()
        self.waiting: list[Consumer] = []
        """Receivers that take whichever session has messages first."""
        self.dead_letters = Queue(name + DEAD_LETTERS, Description(), clock, buries=False) if buries else None
        self._clock = clock
        self._last = 0
        self._locked: dict[UUID, Message] = {}

    # -- what is sent

    def accept(self, messages: list[Message]) -> list[Message]:
        """Store all of them or none; returns those that are no duplicates. Raises ServiceError."""
        limit = self.description.max_bytes if self.max_bytes is None else self.max_bytes
        if self.bytes + sum(message.size for message in messages) > limit:
            raise ServiceError(FULL, f"The maximum entity size has been reached or exceeded for Queue: '{self.name}'.")
        for message in messages:
            self._check(message)
        stored = [message for message in messages if self._fresh(message)]
        for message in stored:
            self._store(message)
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
        return self.duplicates.first(message.message_id, self._clock.now(), self.description.window_s)

    def _store(self, message: Message) -> None:
        self._last += 1
        message.number, message.enqueued = self._last, self._clock.now()
        self.messages[message.number] = message
        self.bytes += message.size
        if message.scheduled is not None and message.scheduled > message.enqueued:
            message.state = State.SCHEDULED
            self.scheduled += 1
            self._clock.at(message.scheduled, lambda: self._due(message))
        else:
            self._begin(message)

    def _begin(self, message: Message) -> None:
        """It can be received from now on, and lives from now on."""
        lives = [s for s in (message.time_to_live_s, self.description.time_to_live_s) if s is not None]
        if lives:
            message.expires = message.enqueued + min(lives)
            self._clock.at(message.expires, lambda: self._expire(message))
        self._lane(message).push(message)

    def _due(self, message: Message) -> None:
        if self.messages.get(message.number) is message and message.state is State.SCHEDULED:
            self.scheduled -= 1
            message.state, message.enqueued = State.ACTIVE, self._clock.now()
            self._begin(message)
            self._wake([message])

    def _expire(self, message: Message) -> None:
        """A locked message stays until it is settled or its lock ends."""
        if self.messages.get(message.number) is message and message.token is None:
            self._remove(message)
            if self.description.buries_expired:
                self._bury(message, "TTLExpiredException", "The message expired and was dead lettered.")

    # -- what is received

    def take(self, lane: Lane, *, lock: bool) -> Message | None:
        """The next message of this lane: locked for who took it, or gone from the queue."""
        while (number := lane.pop()) is not None:
            message = self.messages.get(number)
            if message is None or message.token is not None or message.state is not State.ACTIVE:
                continue
            if lock:
                self.lock(message)
            else:
                self._remove(message)
            return message
        return None

    def lock(self, message: Message) -> None:
        message.token = uuid.uuid4()
        self._locked[message.token] = message
        if self.description.sessions:
            message.locked_until = self.session(message.session_id or "").locked_until
        else:
            self._hold(message, message.token)

    def renew(self, token: UUID) -> float:
        """Until when the message is locked now."""
        message = self._locked.get(token)
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
        self._remove(self._unlock(token))

    def defer(self, token: UUID) -> None:
        message = self._unlock(token)
        message.state, message.deliveries = State.DEFERRED, message.deliveries + 1

    def dead_letter(self, token: UUID, reason: str, description: str) -> None:
        message = self._unlock(token)
        self._remove(message)
        self._bury(message, reason, description)

    def abandon(self, token: UUID) -> None:
        """Deliver it again, or bury it if that was tried too often."""
        message = self._unlock(token)
        message.deliveries += 1
        if self.dead_letters is not None and message.deliveries >= self.description.max_deliveries:
            self._remove(message)
            text = f"Message could not be consumed after {message.deliveries} delivery attempts."
            self._bury(message, "MaxDeliveryCountExceeded", text)
        else:
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
        message = self._locked.pop(token, None)
        if message is None:
            raise lock_lost()
        message.token = None
        return message

    def _remove(self, message: Message) -> None:
        del self.messages[message.number]
        self.bytes -= message.size
        if message.state is State.SCHEDULED:
            self.scheduled -= 1

    def _bury(self, message: Message, reason: str, description: str) -> None:
        if self.dead_letters is not None:
            message.buried, message.expires, message.state = (reason, description), None, State.ACTIVE
            self.dead_letters.receive_buried(message)

    def receive_buried(self, message: Message) -> None:
        self.messages[message.number] = message
        self.bytes += message.size
        self.lane.push(message)
        self.lane.wake()

    # -- what is asked by number

    def peek(self, number: int, count: int, session_id: str | None = None) -> list[Message]:
        """Up to `count` messages from this number on (all if negative), whatever their state; nothing changes."""
        numbers = sorted(found for found in self.messages if found >= number)
        messages = (self.messages[found] for found in numbers)
        wanted = [message for message in messages if session_id is None or message.session_id == session_id]
        return wanted if count < 0 else wanted[:count]

    def deferred(self, numbers: Iterable[int]) -> list[Message]:
        """These deferred messages, not locked yet. Raises ServiceError unless all of them are there."""
        found = [self.messages.get(number) for number in numbers]
        if any(one is None or one.state is not State.DEFERRED or one.token is not None for one in found):
            raise ServiceError(UNKNOWN_MESSAGE, "Failed to lock one or more specified messages.", status=404)
        return [message for message in found if message is not None]

    def forget(self, message: Message) -> None:
        """Received by its number, and at once gone."""
        self._remove(message)

    def cancel(self, numbers: Iterable[int]) -> None:
        found = [self.messages.get(number) for number in numbers]
        if any(one is None or one.state is not State.SCHEDULED for one in found):
            raise ServiceError(UNKNOWN_MESSAGE, "Failed to find the scheduled message.", status=404)
        for message in found:
            if message is not None:
                self._remove(message)

    # -- sessions

    def session(self, session_id: str) -> Session:
        return self.sessions.setdefault(session_id, Session(session_id))

    def next_session(self) -> Session | None:
        """One that has messages and that nobody holds."""
        return next((one for one in self.sessions.values() if not one.empty and not one.locked), None)

    def hold_session(self, session: Session) -> None:
        """Its receiver holds it for another lock duration, and with it every message that it was given."""
        session.locked_until = until = self._clock.now() + self.description.lock_s
        for message in self._locked.values():
            if message.session_id == session.session_id:
                message.locked_until = until
        self._clock.at(until, lambda: self._session_ends(session))

    def renew_session(self, session_id: str) -> float:
        session = self.sessions.get(session_id)
        if session is None or not session.locked:
            raise ServiceError(SESSION_LOCK_LOST, f"The session lock of '{session_id}' has expired.", status=410)
        self.hold_session(session)
        return session.locked_until

    def session_free(self, tokens: Set[UUID], *, expired: bool) -> None:
        """Nobody holds the session any more: others may have what its receiver was given and did not settle."""
        for token in sorted(tokens & self._locked.keys(), key=lambda one: self._locked[one].number):
            if expired:
                self.abandon(token)
            else:
                self.release(token)
        self._wake([])

    def _session_ends(self, session: Session) -> None:
        if session.locked_until <= self._clock.now():
            for consumer in list(session.consumers):
                consumer.lose(SESSION_LOCK_LOST, f"The session lock of '{session.session_id}' has expired.")

    # -- lanes

    @property
    def lanes(self) -> list[Lane]:
        return [self.lane, *self.sessions.values()]

    @property
    def consumers(self) -> list[Consumer]:
        """All who receive, or wait for a session to receive from."""
        return [*self.waiting, *(consumer for lane in self.lanes for consumer in lane.consumers)]

    def _lane(self, message: Message) -> Lane:
        if self.description.sessions and message.session_id is not None:
            return self.session(message.session_id)
        return self.lane

    def _wake(self, messages: list[Message]) -> None:
        for lane in {self._lane(message) for message in messages}:
            lane.wake()
        for waiting in self.waiting:
            waiting.wake()


def too_large(size: int, limit: int) -> ServiceError:
    text = f"The received message (size:{size}) exceeds the limit ({limit}) currently allowed on the link."
    return ServiceError(TOO_LARGE, text)
