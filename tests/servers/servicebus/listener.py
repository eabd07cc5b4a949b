"""One port for everything: AMQP and HTTP, each plain or in TLS, known by the first bytes."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

from tests.servers.servicebus.amqp import AmqpConnection
from tests.servers.servicebus.http import HttpConnection

if TYPE_CHECKING:
    from tests.servers.servicebus.service import Service

_TLS_HANDSHAKE = b"\x16"
_SILENT_S = 60


async def serve(listening: socket.socket, service: Service, tls: ssl.SSLContext | None) -> None:
    """Until it is cancelled."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        while True:
            accepted, _ = await loop.sock_accept(listening)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            group.create_task(_connect(accepted, service, tls))


async def _connect(accepted: socket.socket, service: Service, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(accepted, readable.set)
    try:
        await asyncio.wait_for(readable.wait(), _SILENT_S)
        first = accepted.recv(1, socket.MSG_PEEK)
    except (TimeoutError, OSError):
        first = b""
    finally:
        loop.remove_reader(accepted)
    if not first or (first == _TLS_HANDSHAKE and tls is None):
        accepted.close()
        return
    try:
        wrap = tls if first == _TLS_HANDSHAKE else None
        await loop.connect_accepted_socket(lambda: _Unknown(service), accepted, ssl=wrap)
    except OSError:
        accepted.close()  # gone again, or a handshake that failed


class _Unknown(asyncio.Protocol):
    """A connection until its first four bytes say what it speaks."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._network = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) < 4:
            return
        speaks = AmqpConnection if self._received.startswith(b"AMQP") else HttpConnection
        protocol = speaks(self._service)
        self._network.set_protocol(protocol)
        protocol.connection_made(self._network)
        protocol.data_received(self._received)
