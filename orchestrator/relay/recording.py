"""`run --record`: a copy of what the relay writes to the output, compressed on a thread of its own."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import msgspec

from orchestrator.errors import UnavailableError, Where
from orchestrator.relay.channel import Outlet
from orchestrator.relay.record import SUFFIX, Header, HeaderLine, files_of, number_of

MEMBER = 1024 * 1024
"""Bytes of the stream in one member of a gzip file."""

MEMBER_S = 1.0
"""Seconds until what was relayed is written, however little it is: what a killed run may be missing."""

PART = 256 * 1024 * 1024
"""Bytes of the stream in one file."""

HELD = 8 * MEMBER
"""Bytes that may wait for the disk; the relay then waits as well."""

STALLED_S = 30.0
"""How long a disk may take to a write, before it is taken for one that does not answer."""

LEVEL = 1

_STALLED = TimeoutError(f"a write has not ended for {STALLED_S:g} s")


class Recording:
    """The record of one attempt, behind those that `folder` has already.

    Raises `UnavailableError` (`record.unwritable`) when made, and on `take` and `close` once a write has failed: a
    record with holes is none. `part` is the number of bytes after which another file begins.
    """

    def __init__(self, folder: Path, header: Header, *, part: int = PART) -> None:
        self._folder = folder
        self._header = header
        self._part = part
        self._fd: int | None = None
        self._written = 0
        self._waiting = bytearray()
        self._failure: OSError | None = None
        self._closing = False
        self._changed = threading.Condition()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            there = files_of(folder)
            self._number = number_of(there[-1]) if there else 0
            self._open()
        except OSError as error:
            raise self._unwritable(error) from error
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    def onto(self, outlet: Outlet) -> RecordedOutlet:
        """The outlet, and everything that it takes recorded."""
        return RecordedOutlet(outlet, self)

    def take(self, data: memoryview | bytes) -> None:
        """Record what was written to the output. Blocks while the disk is behind, up to `STALLED_S` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._waiting) < HELD or self._failure, STALLED_S):
                self._failure = _STALLED
            if self._failure is not None:
                raise self._unwritable(self._failure)
            self._waiting += data
            if len(self._waiting) >= MEMBER:
                self._changed.notify_all()

    def close(self) -> None:
        """Write what waits. Idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(STALLED_S)
        if self._thread.is_alive():
            raise self._unwritable(_STALLED)
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        if self._failure is not None:
            raise self._unwritable(self._failure)

    def _run(self) -> None:
        try:
            while (content := self._next()) is not None:
                self._write(content)
        except OSError as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _next(self) -> bytearray | None:
        """What is to be written, perhaps nothing yet; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) >= MEMBER or self._closing, MEMBER_S)
            content, self._waiting = self._waiting, bytearray()
            self._changed.notify_all()
            return None if self._closing and not content else content

    def _write(self, content: bytearray) -> None:
        """Into this file up to the newline behind which the next one begins, once it is large enough."""
        if self._written + len(content) >= self._part and (cut := content.rfind(b"\n") + 1):
            self._member(content[:cut])
            self._header = msgspec.structs.replace(self._header, part=self._header.part + 1)
            self._open()
            content = content[cut:]
        self._member(content)

    def _member(self, content: bytearray) -> None:
        if content and self._fd is not None:
            member = memoryview(gzip.compress(content, LEVEL, mtime=0))
            while member:
                member = member[os.write(self._fd, member) :]
            self._written += len(content)

    def _open(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self._number += 1
        path = self._folder / f"{self._number:08}{SUFFIX}"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._member(bytearray(msgspec.json.encode(HeaderLine(self._header)) + b"\n"))
        self._written = 0

    def _unwritable(self, error: OSError) -> UnavailableError:
        return UnavailableError(
            "record.unwritable",
            f"the record cannot be written: {error.strerror or error}",
            hint="make room, or record into another folder; what is recorded so far can be replayed",
            where=Where(file=str(self._folder)),
        )


class RecordedOutlet:
    """Writes as an `Outlet` does, and has recorded what was written."""

    def __init__(self, outlet: Outlet, recording: Recording) -> None:
        self._outlet = outlet
        self._recording = recording

    def write(self, data: memoryview | bytes) -> int:
        """See `Outlet.write`, and `Recording.take`."""
        written = self._outlet.write(data)
        self._recording.take(data)
        return written
