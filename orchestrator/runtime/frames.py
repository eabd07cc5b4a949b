"""The orchestrator's ends of a container's attached streams.

An engine sends a container's stdout and stderr in frames: eight bytes, the last four of them the length,
then as many bytes of the program's. stdin goes the other way as it is.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

from orchestrator.runtime.base import StreamBroken

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER = 8
_SEND_BUFFER = 1024 * 1024
"""Bytes asked for between here and the engine; the system grants what its limit allows."""


class _Connection:
    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket: socket.socket | None = connection

    def fileno(self) -> int:
        return self._open().fileno()

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise ValueError("the stream is closed")
        return self._socket

    def _discard(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):  # whoever else still refers to it: it ends now
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class FrameSource(_Connection):
    """A container's stdout or stderr, attached alone. See `ByteSource`.

    `alive` tells whether the engine that the connection leads to still is: only then is an end of the
    connection the program's doing. It is asked once, at the end, and may take some seconds then.
    """

    def __init__(self, connection: socket.socket, alive: Callable[[], bool]) -> None:
        super().__init__(connection)
        self._alive = alive
        self._header = memoryview(bytearray(_HEADER))
        self._have = 0  # bytes of the header
        self._left = 0  # bytes of the frame's payload that are still to come
        self._ended = False

    def read_into(self, buffer: memoryview) -> int | None:
        """Payload follows payload in `buffer`: a frame's last bytes and the next header arrive in one call."""
        if self._ended:
            return 0
        taken = 0
        while taken < len(buffer):
            room = min(self._left, len(buffer) - taken)
            into = [buffer[taken : taken + room]] if room else []
            if room == self._left:
                into.append(self._header[self._have :])
            received = self._receive(into)
            if received is None:
                return taken or None
            if received == 0:
                return taken or self._end()
            payload = min(received, room)
            taken += payload
            self._left -= payload
            self._have += received - payload
            if self._have == _HEADER:
                self._left = int.from_bytes(self._header[4:], "big")
                self._have = 0
        return taken

    def close(self) -> None:
        self._discard()

    def _receive(self, into: list[memoryview]) -> int | None:
        connection = self._open()
        try:
            if isinstance(connection, ssl.SSLSocket):  # it has no scattered reads
                return connection.recv_into(into[0])
            return connection.recvmsg_into(into)[0]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as error:
            raise StreamBroken(f"the connection to the engine broke: {error}") from error

    def _end(self) -> int:
        if self._left or self._have:
            raise StreamBroken("the connection to the engine ended within a frame")
        if not self._alive():
            raise StreamBroken("the engine went away")
        self._ended = True
        return 0


class SocketSink(_Connection):
    """A container's stdin, attached once and alone. See `ByteSink`."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._closed = False

    def write(self, data: memoryview | bytes) -> int:
        if self._closed:
            raise ValueError("the stream is closed")
        try:
            return self._open().send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except OSError as error:
            raise StreamBroken(f"the connection to the engine broke: {error}") from error

    def close(self) -> None:
        """Half-close: what was written is still on its way, and closing at once could drop it."""
        if self._closed or self._socket is None:
            return
        self._closed = True
        with contextlib.suppress(OSError):  # an engine that is gone needs no end
            if not (isinstance(self._socket, ssl.SSLSocket) and _said_goodbye(self._socket)):
                self._socket.shutdown(socket.SHUT_WR)

    def discard(self) -> None:
        """Close it altogether. Idempotent."""
        self._closed = True
        self._discard()


def _said_goodbye(connection: ssl.SSLSocket) -> bool:
    """End the stream within TLS, which leaves the other direction open; False when there is no room to say it."""
    try:
        connection.unwrap()
    except ssl.SSLWantReadError:
        return True  # said; nobody needs the answer
    except OSError:
        return False
    return True
