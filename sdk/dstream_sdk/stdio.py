"""The process's own stdin and stdout, kept away from everything that is not the protocol."""

from __future__ import annotations

import fcntl
import os
import select
import sys
import threading
from dataclasses import dataclass

from dstream_sdk.errors import OrchestratorGone
from dstream_sdk.stop import Stop

READ_SIZE = 256 * 1024


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, also to a descriptor that does not block. Raises `OrchestratorGone`."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()
        except BrokenPipeError as error:
            raise OrchestratorGone("stdout is closed") from error


def read_some(fd: int) -> bytes:
    """Block until bytes are there; `b""` at the end. Also from a descriptor that does not block."""
    while True:
        try:
            return os.read(fd, READ_SIZE)
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.poll()


@dataclass(frozen=True, slots=True)
class Stdio:
    """Private descriptors of the protocol's two streams."""

    stdin: int
    stdout: int

    @classmethod
    def claim(cls) -> Stdio:
        """Take fd 0 and fd 1 for the protocol; put the null device and stderr in their places.

        From here on a stray `print`, a library's banner or a child process writes to stderr, and
        nothing else can eat a line of stdin.
        """
        claimed = cls(_private(0), _private(1))
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(line_buffering=True, errors="backslashreplace")
        return claimed


def _private(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)


def cancel_on_eof(stdin: int, stop: Stop) -> None:
    """Watch stdin on a thread and request the stop when it closes: the meaning of EOF for every command but `run`."""

    def watch() -> None:
        while read_some(stdin):
            pass
        stop.request("stdin was closed")

    threading.Thread(target=watch, name="cancel", daemon=True).start()


class FirstLine:
    """Reads up to the first newline and keeps what came behind it.

    `limit` is in bytes. At the end of the stream a line without its newline is given as it is:
    by hand nobody types one, and a truncated command is no JSON.
    """

    def __init__(self, fd: int, limit: int) -> None:
        self._fd = fd
        self._limit = limit
        self.rest = b""

    def read(self) -> bytes | None:
        """The line without its newline, or None when it is longer than the limit. Blocks."""
        buffer = bytearray()
        while True:
            chunk = read_some(self._fd)
            newline = chunk.find(b"\n")
            if newline >= 0:
                buffer += chunk[:newline]
                self.rest = chunk[newline + 1 :]
            else:
                buffer += chunk
            if len(buffer) > self._limit:
                return None
            if newline >= 0 or not chunk:
                return bytes(buffer)
