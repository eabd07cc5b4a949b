"""The sessions of a queue: one receiver at a time has a session, and with it all of the session's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.servicebus.errors import SESSION_LOCK_LOST, SESSION_TAKEN, ServiceError
from tests.servers.servicebus.lanes import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Set
    from uuid import UUID

    from tests.servers.servicebus.clock import Clock
    from tests.servers.servicebus.lanes import Consumer
    from tests.servers.servicebus.queue import Queue


class Sessions:
    """By session id; a session is there as soon as somebody names it."""

    def __init__(self, queue: Queue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self.waiting: list[Consumer] = []
        """Receivers that take whichever session has messages first."""

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def of(self, session_id: str) -> Session:
        return self._sessions.setdefault(session_id, Session(session_id))

    def next(self) -> Session | None:
        """One that has messages and no receiver."""
        return next((session for session in self if not session.empty and not session.consumers), None)

    def hold(self, session: Session, consumer: Consumer) -> None:
        """The consumer has the session for one lock duration. Raises ServiceError if another one has it."""
        if session.consumers:
            text = f"The session '{session.session_id}' cannot be accepted: it is locked by another receiver."
            raise ServiceError(SESSION_TAKEN, text, status=410)
        session.consumers.append(consumer)
        self._extend(session)

    def renew(self, session_id: str) -> float:
        """Until when its receiver has the session now."""
        session = self._sessions.get(session_id)
        if session is None or not session.consumers:
            raise ServiceError(SESSION_LOCK_LOST, f"The session lock of '{session_id}' has expired.", status=410)
        self._extend(session)
        return session.locked_until

    def leave(self, session: Session, consumer: Consumer, tokens: Set[UUID], *, expired: bool) -> None:
        """Nobody has the session any more. What was delivered and not settled counts as tried if the lock expired."""
        session.consumers.remove(consumer)
        locked = self._queue.locked
        for token in sorted(tokens & locked.keys(), key=lambda one: locked[one].number):
            if expired:
                self._queue.abandon(token)
            else:
                self._queue.release(token)
        self.wake()

    def wake(self) -> None:
        for waiting in list(self.waiting):
            waiting.wake()

    @property
    def consumers(self) -> list[Consumer]:
        return [*self.waiting, *(consumer for session in self for consumer in session.consumers)]

    def _extend(self, session: Session) -> None:
        session.locked_until = until = self._clock.now() + self._queue.description.lock_s
        for message in self._queue.locked.values():
            if message.session_id == session.session_id:
                message.locked_until = until
        self._clock.at(until, lambda: self._end(session))

    def _end(self, session: Session) -> None:
        if session.locked_until <= self._clock.now():
            for consumer in list(session.consumers):
                consumer.lose(SESSION_LOCK_LOST, f"The session lock of '{session.session_id}' has expired.")
