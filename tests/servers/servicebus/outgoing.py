"""Links on which clients receive from a queue, or from one session of it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from proton import Delivery, Endpoint, Link, symbol

from tests.servers.servicebus.conditions import condition
from tests.servers.servicebus.errors import NOT_ALLOWED, SESSION_LOCK_LOST, TIMEOUT, ServiceError
from tests.servers.servicebus.incoming import check_enabled
from tests.servers.servicebus.lanes import Session

if TYPE_CHECKING:
    from uuid import UUID

    from proton import Data, Sender

    from tests.servers.servicebus.amqp import AmqpConnection
    from tests.servers.servicebus.lanes import Lane
    from tests.servers.servicebus.queue import Queue

_FILTER = symbol("com.microsoft:session-filter")
_LOCKED_UNTIL = symbol("com.microsoft:locked-until-utc")
_TIMEOUT = symbol("com.microsoft:timeout")
_WAIT_S = 60.0
_TICKS_1970 = 621_355_968_000_000_000


class Outgoing:
    """Delivers a lane's messages as credit allows, and hears what becomes of them.

    Raises ServiceError if another receiver has the session.
    """

    def __init__(self, connection: AmqpConnection, link: Sender, queue: Queue, lane: Lane) -> None:
        self._connection = connection
        self._link = link
        self._queue = queue
        self._lane = lane
        self._locks = link.snd_settle_mode != Link.SND_SETTLED
        self._held: set[UUID] = set()
        if isinstance(lane, Session):
            queue.sessions.hold(lane, self)
        else:
            lane.consumers.append(self)

    def delivery(self, delivery: Delivery) -> None:
        token: UUID | None = getattr(delivery, "token", None)
        if token is None or not delivery.updated or not (delivery.remote_state or delivery.settled):
            return
        self._held.discard(token)
        try:
            self._settle(token, delivery)
            delivery.update(delivery.remote_state)  # the service repeats the outcome
        except ServiceError as error:
            delivery.local.condition = condition(error.condition, str(error))
            delivery.update(Delivery.REJECTED)
        delivery.settle()

    def _settle(self, token: UUID, delivery: Delivery) -> None:
        match delivery.remote_state:
            case Delivery.ACCEPTED:
                self._queue.complete(token)
            case Delivery.MODIFIED if delivery.remote.undeliverable:
                self._queue.defer(token)
            case Delivery.MODIFIED:
                self._queue.abandon(token)
            case Delivery.REJECTED:
                given = delivery.remote.condition
                info: Any = (given.info if given else None) or {}
                reason = info.get("DeadLetterReason") or (given.name if given else "")
                text = info.get("DeadLetterErrorDescription") or (given.description if given else "")
                self._queue.dead_letter(token, str(reason or ""), str(text or ""))
            case _:
                self._queue.release(token)

    def flow(self) -> None:
        self._deliver()
        if self._link.drain_mode:
            self._link.drained()

    def wake(self) -> None:
        if self._link.credit > 0:
            self._connection.later(self._deliver)

    def lose(self, condition: str, text: str) -> None:
        self._leave(expired=condition == SESSION_LOCK_LOST)
        self._connection.later(lambda: self._connection.end(self._link, ServiceError(condition, text)))

    def closed(self) -> None:
        self._leave(expired=False)

    def _leave(self, *, expired: bool) -> None:
        if self not in self._lane.consumers:
            return
        if isinstance(self._lane, Session):
            self._queue.sessions.leave(self._lane, self, self._held, expired=expired)
        else:
            self._lane.consumers.remove(self)

    def _deliver(self) -> None:
        while self._link.credit > 0 and self._link.state & Endpoint.LOCAL_ACTIVE and self in self._lane.consumers:
            message = self._queue.take(self._lane, lock=self._locks)
            if message is None:
                return
            delivery = self._link.delivery((message.token or uuid.uuid4()).bytes_le)  # type: ignore[arg-type]  # tags are bytes
            self._link.stream(message.wire())
            self._link.advance()
            if message.token is None:
                delivery.settle()
            else:
                delivery.token = message.token
                self._held.add(message.token)
            self._connection.service.counts["delivered"] += 1


class Waiting:
    """A receiver that takes whichever session has messages first."""

    def __init__(self, connection: AmqpConnection, link: Sender, queue: Queue, seconds: float) -> None:
        self._connection = connection
        self._link = link
        self._queue = queue
        self._open = True
        queue.sessions.waiting.append(self)
        connection.service.clock.at(connection.service.clock.now() + seconds, self._give_up)

    def wake(self) -> None:
        self._connection.later(self._try)

    def lose(self, condition: str, text: str) -> None:
        self.closed()
        self._connection.later(lambda: self._connection.refuse(self._link, ServiceError(condition, text)))

    def delivery(self, delivery: Delivery) -> None:
        """Nothing was delivered yet."""

    def flow(self) -> None:
        """What credit is given before the attach is answered is on the link then."""

    def closed(self) -> None:
        self._open = False
        if self in self._queue.sessions.waiting:
            self._queue.sessions.waiting.remove(self)

    def _try(self) -> None:
        session = self._queue.sessions.next() if self._open else None
        if session is not None:
            self.closed()
            self._connection.nodes.discard(self)
            _attach_session(self._connection, self._link, self._queue, session)

    def _give_up(self) -> None:
        if self._open:
            self.lose(TIMEOUT, "No session had messages in time.")


def attach_receiver(connection: AmqpConnection, link: Sender, path: str) -> None:
    """Raises ServiceError if this queue cannot be received from in this way."""
    queue = connection.service.namespace.find(path)
    check_enabled(queue.description.values["Status"], "ReceiveDisabled", path)
    filters = _first(link.remote_source.filter)
    if queue.description.sessions != (_FILTER in filters):
        wanted = "requires" if queue.description.sessions else "does not have"
        raise ServiceError(NOT_ALLOWED, f"The entity '{path}' {wanted} sessions: open the other kind of receiver.")
    if not queue.description.sessions:
        connection.accept(link)
        connection.keep(link, Outgoing(connection, link, queue, queue.lane))
    elif (named := filters[_FILTER]) is not None:
        _attach_session(connection, link, queue, queue.sessions.of(str(named)))
    elif (session := queue.sessions.next()) is not None:
        _attach_session(connection, link, queue, session)
    else:
        asked = (link.remote_properties or {}).get(_TIMEOUT)
        connection.keep(link, Waiting(connection, link, queue, _WAIT_S if asked is None else asked / 1000))


def _attach_session(connection: AmqpConnection, link: Sender, queue: Queue, session: Session) -> None:
    outgoing = Outgoing(connection, link, queue, session)
    link.properties = {_LOCKED_UNTIL: int(session.locked_until * 10_000_000) + _TICKS_1970}
    connection.accept(link)
    link.source.filter.clear()
    link.source.filter.put_object({_FILTER: session.session_id})
    connection.keep(link, outgoing)


def _first(data: Data) -> dict[symbol, object]:
    """The map in there; an empty one if there is nothing."""
    data.rewind()
    return dict(data.get_object() or {}) if data.next() else {}
