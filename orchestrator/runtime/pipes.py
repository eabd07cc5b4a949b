"""The orchestrator's ends of a process's pipes."""

from __future__ import annotations

import contextlib
import fcntl
import os

from orchestrator.runtime.base import StreamBroken

CAPACITY = 1024 * 1024
"""Bytes asked for per pipe. A pipe of the usual 64 KiB makes both sides take turns instead of running at once."""

_F_SETPIPE_SZ: int | None = getattr(fcntl, "F_SETPIPE_SZ", None)


def open_pipe() -> tuple[int, int]:
    """A pipe (reading end, writing end), as large as the system grants, closed on `exec`."""
    reading, writing = os.pipe()
    if _F_SETPIPE_SZ is not None:
        with contextlib.suppress(OSError):  # the user's quota is used up: a small pipe still carries everything
            fcntl.fcntl(writing, _F_SETPIPE_SZ, CAPACITY)
    return reading, writing


class _PipeEnd:
    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd: int | None = fd

    def fileno(self) -> int:
        if self._fd is None:
            raise ValueError("the stream is closed")
        return self._fd

    def close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


class PipeSource(_PipeEnd):
    """A process's stdout or stderr. See `ByteSource`."""

    def read_into(self, buffer: memoryview) -> int | None:
        try:
            return os.readv(self.fileno(), (buffer,))
        except BlockingIOError:
            return None
        except OSError as error:
            raise StreamBroken(f"cannot read from the process: {error.strerror}") from error


class PipeSink(_PipeEnd):
    """A process's stdin. See `ByteSink`."""

    def write(self, data: memoryview | bytes) -> int:
        try:
            return os.write(self.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise StreamBroken(f"cannot write to the process: {error.strerror}") from error
