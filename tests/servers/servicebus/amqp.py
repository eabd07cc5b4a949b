"""AMQP 1.0 connections: Proton is the engine, this is what it needs from the network and who answers its events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from proton import Collector, Connection, Event, Receiver, Sender, Terminus, Transport

from tests.servers.servicebus.conditions import condition
from tests.servers.servicebus.errors import UNAUTHORIZED, ServiceError
from tests.servers.servicebus.incoming import Incoming
from tests.servers.servicebus.outgoing import attach_receiver
from tests.servers.servicebus.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from proton import Delivery, Link, Session

    from tests.servers.servicebus.service import Service

_TICK_S = 5
_FRAME = 65_536


class Node(Protocol):
    """What stands behind a link on the service's side."""

    def delivery(self, delivery: Delivery) -> None:
        """Something came: a message, or the outcome of one that was delivered."""

    def flow(self) -> None:
        """The client gave credit."""

    def closed(self) -> None:
        """The link is gone. Called once."""


class AmqpConnection(asyncio.Protocol):
    """One connection."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.authorized = False
        self.nodes: set[Node] = set()
        self.replies: dict[tuple[object, str], Sender] = {}
        """The links on which clients await answers, by session and path."""
        self._processing = False
        self._events = Collector()
        self._connection = Connection()
        self._engine = Transport(Transport.SERVER)
        self._engine.max_frame_size = _FRAME
        self._engine.sasl().allowed_mechs("ANONYMOUS")
        self._connection.collect(self._events)
        self._engine.bind(self._connection)
        self._loop = asyncio.get_running_loop()
        self._ticker = self._loop.call_later(_TICK_S, self._tick)
        self._handlers = {
            Event.CONNECTION_REMOTE_OPEN: self._open_connection,
            Event.CONNECTION_REMOTE_CLOSE: lambda _: self._connection.close(),
            Event.SESSION_REMOTE_OPEN: lambda event: self._open_session(event.session),
            Event.SESSION_REMOTE_CLOSE: lambda event: event.session.close(),
            Event.LINK_REMOTE_OPEN: lambda event: self._attach(event.link),
            Event.LINK_REMOTE_CLOSE: lambda event: self._detach(event.link),
            Event.LINK_REMOTE_DETACH: lambda event: self._detach(event.link),
            Event.LINK_FLOW: lambda event: node.flow() if (node := _node(event.link)) else None,
            Event.DELIVERY: lambda event: node.delivery(event.delivery) if (node := _node(event.link)) else None,
        }

    # -- the network

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._network = transport
        self.service.connections.add(self)
        self.service.counts["connections"] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.service.connections.discard(self)
        self._ticker.cancel()
        for node in list(self.nodes):
            node.closed()
        self.nodes.clear()

    def data_received(self, data: bytes) -> None:
        while data and (room := self._engine.capacity()) > 0:
            self._engine.push(data[:room])
            data = data[room:]
            self._process()
        self.flush()

    def flush(self) -> None:
        """Send what the engine has to say. Whoever changed something outside of an event calls it."""
        if self._processing:
            return
        while True:
            self._process()
            self.service.namespace.journal.commit()
            if (size := self._engine.pending()) <= 0:
                break
            self._network.write(self._engine.peek(size) or b"")
            self._engine.pop(size)
        if size < 0 or self._engine.closed:
            self._network.close()

    def later(self, action: Callable[[], None]) -> None:
        """Do this when the events at hand are through, and send what comes of it."""
        self._loop.call_soon(self._run_later, action)

    def drop(self, *, politely: bool) -> None:
        if politely:
            self._connection.condition = condition("amqp:connection:forced", "The connection was closed by the test.")
            self._connection.close()
            self.flush()
            self._network.close()
        else:
            self._network.abort()

    def _run_later(self, action: Callable[[], None]) -> None:
        if not self._network.is_closing():
            action()
            self.flush()

    def _process(self) -> None:
        self._processing = True
        try:
            while (event := self._events.peek()) is not None:
                if handler := self._handlers.get(event.type):
                    handler(event)  # type: ignore[no-untyped-call]  # lambdas
                self._events.pop()
        finally:
            self._processing = False

    def _tick(self) -> None:
        self._engine.tick(self._loop.time())
        self.flush()
        self._ticker = self._loop.call_later(_TICK_S, self._tick)

    # -- connections, sessions, links

    def _open_connection(self, _: Event) -> None:
        self._connection.container = "servicebus"
        self._connection.open()

    def _open_session(self, session: Session) -> None:
        session.incoming_capacity = 256 * _FRAME
        session.open()

    def _attach(self, link: Receiver | Sender) -> None:
        link.snd_settle_mode, link.rcv_settle_mode = link.remote_snd_settle_mode, link.remote_rcv_settle_mode
        path = _path(link.remote_target.address if link.is_receiver else link.remote_source.address)
        try:
            if path == "$cbs" or path.endswith("/$management"):
                self._attach_requests(link, path)
            elif not self.authorized:
                text = "Unauthorized access. 'Send' or 'Listen' claims are required."
                self.refuse(link, ServiceError(UNAUTHORIZED, text))
            elif isinstance(link, Receiver):
                self.keep(link, Incoming(self, link, path))
            else:
                attach_receiver(self, link, path)
        except ServiceError as error:
            self.refuse(link, error)

    def _attach_requests(self, link: Receiver | Sender, path: str) -> None:
        if isinstance(link, Sender):
            self.replies[link.session, path] = link
        else:
            self.keep(link, Requests(self, link, path))
        self.accept(link)

    def keep(self, link: Link, node: Node) -> None:
        """What happens on this link is the node's from now on."""
        link.node = node
        self.nodes.add(node)

    def accept(self, link: Link) -> None:
        link.source.copy(link.remote_source)
        link.target.copy(link.remote_target)
        link.open()

    def refuse(self, link: Link, error: ServiceError) -> None:
        """Attach to nothing and detach with the error: only so clients take it for what it says."""
        link.source.type = link.target.type = Terminus.UNSPECIFIED
        link.open()
        self.end(link, error)

    def end(self, link: Link, error: ServiceError) -> None:
        link.condition = condition(error.condition, str(error))
        link.close()

    def _detach(self, link: Link) -> None:
        node = _node(link)
        if node in self.nodes:
            self.nodes.discard(node)
            node.closed()
        link.close()


def _node(link: Link) -> Node | None:
    found: Node | None = getattr(link, "node", None)
    return found


def _path(address: str | None) -> str:
    given = address or ""
    return (urlsplit(given).path if "://" in given else given).lstrip("/")
