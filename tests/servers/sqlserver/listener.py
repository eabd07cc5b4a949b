"""The socket: one thread for each connection; pysqlbridge takes the packets apart."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading

from pysqlbridge.certificate import self_signed
from pysqlbridge.tds.connection import Connection
from pysqlbridge.tds.result import Query

from tests.servers.sqlserver.answers import Answer
from tests.servers.sqlserver.engine import Engine
from tests.servers.sqlserver.faults import Faults, HungUp
from tests.servers.sqlserver.sessions import Session


class Listener(socketserver.ThreadingTCPServer):
    """Serves an engine until `stop`; with `port` 0 on a free port."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

    def __init__(self, engine: Engine, faults: Faults, host: str, port: int) -> None:
        super().__init__((host, port), _Client)
        self.engine, self.faults = engine, faults
        self.certificate = _CERTIFICATE
        self.clients: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def drop_all(self) -> None:
        """End every connection at once, without a word."""
        for client in list(self.clients):
            with contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        self.drop_all()


class _Client(socketserver.BaseRequestHandler):
    server: Listener

    def handle(self) -> None:
        listener, client = self.server, self.request
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.clients.add(client)
        session: Session | None = None

        def answer(query: Query) -> Answer:
            nonlocal session
            if session is None:
                login = connection.login
                session = listener.engine.session(login.user_name if login else "")
            listener.faults.meet(query.sql)
            return session.answer(query)

        connection = Connection(
            listener.certificate,
            query_handler=answer,  # type: ignore[arg-type]  # an Answer has the `encode` that is called
            logins=listener.engine.permissions,
            database=listener.engine.database.name,
            server_name="emulator",
        )
        try:
            while received := client.recv(65536):
                if not self._send(b"".join(connection.receive(received))):
                    return
        except (OSError, HungUp):
            pass
        finally:
            listener.clients.discard(client)
            if session is not None:
                session.end()

    def _send(self, answer: bytes) -> bool:
        faults = self.server.faults
        if faults.cut_after is not None and len(answer) > faults.cut_after:
            answer, faults.cut_after = answer[: faults.cut_after], None
            self.request.sendall(answer)
            return False
        self.request.sendall(answer)
        return True


_CERTIFICATE = self_signed()
