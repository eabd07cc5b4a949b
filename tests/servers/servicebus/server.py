"""The server as tests use it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from tests.servers.servicebus.certificates import make_certificate, server_context
from tests.servers.servicebus.clock import Clock
from tests.servers.servicebus.listener import serve
from tests.servers.servicebus.message import Received
from tests.servers.servicebus.namespace import Namespace
from tests.servers.servicebus.service import Service
from tests.servers.servicebus.store import Journal, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import TypeVar

    from tests.servers.servicebus.faults import Faults
    from tests.servers.servicebus.tokens import Keys

    T = TypeVar("T")

_ANSWER_S = 30


class ServiceBus:
    """`with ServiceBus() as bus`: a Service Bus namespace on one port. Thread-safe.

    What it holds outlives `stop`, and is there again after the next `start`, on the same port. Kept in a `file`, it
    outlives the process too, even if that is killed. With a folder for `tls` the port takes TLS as well, with the
    certificate `ca` that is made there.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: Path | None = None,
        file: Path | None = None,
        max_queues: int = 10_000,
        whole_envelopes: bool = False,
    ) -> None:
        self.host = host
        self.port = port
        self.ca = None if tls is None else make_certificate(tls, host)
        self._clock = Clock()
        self._file = file
        self._max_queues = max_queues
        namespace = Namespace(self._clock, max_queues, Journal())
        self._service = Service(namespace, self._clock, whole_envelopes=whole_envelopes)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # -- lifecycle

    def start(self) -> Self:
        if self._file is not None:
            self._clock.forget()
            self._service.namespace = Namespace(self._clock, self._max_queues, Store(self._file))
        listening = socket.create_server((self.host, self.port), backlog=512)
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(listening,), name="servicebus", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Connections break, at once."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_ANSWER_S)
            self._loop = self._thread = None

    def _run(self, listening: socket.socket) -> None:
        loop = self._loop
        assert loop is not None
        asyncio.set_event_loop(loop)
        self._clock.run_on(loop)
        tls = None if self.ca is None else server_context(self.ca)
        serving = loop.create_task(serve(listening, self._service, tls))
        loop.run_forever()
        serving.cancel()
        for connection in list(self._service.connections):
            connection.drop(politely=False)
        loop.run_until_complete(asyncio.gather(serving, return_exceptions=True))
        self._clock.run_on(None)
        self._service.namespace.journal.close()
        listening.close()
        loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- how to reach it

    @property
    def connection_string(self) -> str:
        """For plain AMQP, as clients take it from Microsoft's own emulator."""
        return self.connection_string_for(self.host)

    def connection_string_for(self, host: str) -> str:
        """The same for those who see this machine as `host`: containers."""
        return f"{self._endpoint(host)};UseDevelopmentEmulator=true"

    @property
    def secure_connection_string(self) -> str:
        """For TLS, as a real namespace's. Clients take its port for administration only: AMQP is on 5671 always."""
        return self._endpoint(self.host)

    @property
    def admin_url(self) -> str:
        """The administration API over plain HTTP."""
        return f"http://{self.host}:{self.port}"

    def _endpoint(self, host: str) -> str:
        keys = self.keys
        return f"Endpoint=sb://{host}:{self.port};SharedAccessKeyName={keys.name};SharedAccessKey={keys.secret}"

    # -- what is in it

    @property
    def keys(self) -> Keys:
        return self._service.keys

    @property
    def queues(self) -> Mapping[str, dict[str, str | None]]:
        """The properties of each queue by its name, as the administration API calls and writes them."""
        return self._ask(lambda: {q.name: dict(q.description.values) for q in self._service.namespace.queues.values()})

    def create(self, name: str, **properties: str) -> None:
        """Make a queue, with properties as the administration API calls and writes them. Raises ServiceError."""
        self._ask(lambda: self._service.namespace.create(name, properties))

    def delete(self, name: str) -> None:
        """Delete a queue behind everybody's back. Raises ServiceError."""
        self._ask(lambda: self._service.namespace.delete(name))

    def received(self, queue: str) -> list[Received]:
        """The messages in this queue, in its order, whatever their state; `QUEUE/$DeadLetterQueue` has its own."""
        return self._ask(
            lambda: [Received.of(message) for message in self._service.namespace.find(queue).contents.since(0, -1)]
        )

    def limit(self, queue: str, max_bytes: int | None) -> None:
        """Let this queue be full with so many bytes, fewer than MaxSizeInMegabytes can say."""
        self._ask(lambda: setattr(self._service.namespace.find(queue), "max_bytes", max_bytes))

    def counts(self) -> Counter[str]:
        """`transfers`, `messages`, `duplicates`, `delivered`, `requests`, `connections`, `drops` from the beginning."""
        return self._ask(lambda: Counter(self._service.counts))

    # -- what goes wrong, and when

    @property
    def faults(self) -> Faults:
        return self._service.faults

    def advance(self, seconds: float) -> None:
        """Let so much time pass for locks, lifetimes, schedules and the history of duplicates."""
        self._ask(lambda: self._clock.advance(seconds))

    def drop_connections(self, *, politely: bool = False) -> None:
        """End all connections: politely, that is with `amqp:connection:forced`, or as a network that breaks."""
        self._ask(lambda: self._drop(politely=politely))

    @contextmanager
    def dropping(self, *, every_s: float) -> Iterator[None]:
        """Break all connections each time so many seconds have passed, the first time after as many."""
        over = threading.Event()

        def drop() -> None:
            while not over.wait(every_s):
                self.drop_connections()

        thread = threading.Thread(target=drop, name="servicebus-drops", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(_ANSWER_S)

    def _drop(self, *, politely: bool) -> None:
        self._service.counts["drops"] += 1
        for connection in list(self._service.connections):
            connection.drop(politely=politely)

    def _ask(self, question: Callable[[], T]) -> T:
        """Asked on the server's loop if it runs, else at once."""
        if self._loop is None:
            return question()
        answer: Future[T] = Future()

        def ask() -> None:
            try:
                answer.set_result(question())
            except Exception as error:  # noqa: BLE001 - it is the asker's
                answer.set_exception(error)

        self._loop.call_soon_threadsafe(ask)
        return answer.result(_ANSWER_S)
