"""The socket: one thread for each connection; pysqlbridge takes the packets apart."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading

from pysqlbridge.certificate import self_signed
from pysqlbridge.tds.connection import Connection
from pysqlbridge.tds.packet import TdsProtocolError
from pysqlbridge.tds.result import Query, QueryError

from tests.servers.sqlserver.answers import Answer
from tests.servers.sqlserver.engine import Engine
from tests.servers.sqlserver.faults import Faults, HungUp
from tests.servers.sqlserver.sessions import Session

CERTIFICATE = self_signed()


class Listener(socketserver.ThreadingTCPServer):
    """Serves an engine until `stop`; with `port` 0 on a free port."""

    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, engine: Engine, faults: Faults, host: str, port: int) -> None:
        super().__init__((host, port), _Client)
        self.engine, self.faults = engine, faults
        self.clients: dict[socket.socket, Session] = {}
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def drop_all(self) -> None:
        """End every connection at once, without a word."""
        for client, session in list(self.clients.items()):
            session.gone.set()
            with contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Listen no more, end every connection and wait until its thread has ended."""
        self.shutdown()
        self._thread.join()
        self.drop_all()
        self.server_close()


class _Client(socketserver.BaseRequestHandler):
    server: Listener

    def handle(self) -> None:
        listener, client = self.server, self.request
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = listener.engine.session()
        listener.clients[client] = session

        def answer(query: Query) -> Answer:
            if not session.user:
                session.log_in(connection.login.user_name)
            try:
                listener.faults.meet(query.sql, session.gone)
            except QueryError as failure:
                raise session.failed(failure) from None
            return session.answer(query)

        connection = Connection(
            CERTIFICATE,
            query_handler=answer,
            logins=listener.engine.permissions,
            database=listener.engine.database.name,
            server_name="emulator",
        )
        try:
            while received := client.recv(65536):
                sent = b"".join(connection.receive(received))
                kept = listener.faults.cut(sent)
                client.sendall(sent if kept is None else kept)
                if kept is not None:
                    break
        except (OSError, HungUp, TdsProtocolError):
            pass  # the client or a fault has ended it
        finally:
            del listener.clients[client]
            session.end()
