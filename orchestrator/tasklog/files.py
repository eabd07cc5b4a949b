"""The files of a task's log: numbered, each begun when the one before it was full.

A file is never renamed and only ever grows, so a reader follows them without a lock. One that ends within a line, where
a writer was killed or the disk was full, is left for the next.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

_NAME = re.compile(r"(\d{8,})\.jsonl")


def numbers(folder: Path) -> list[int]:
    """The files that there are, oldest first."""
    try:
        return sorted(int(found[1]) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name)))
    except FileNotFoundError:
        return []


def path_of(folder: Path, number: int) -> Path:
    return folder / f"{number:08}.jsonl"


class LogFiles:
    """Appends lines to the newest file. One writer at a time: whoever holds the task's lock.

    At most `files` of `max_size` bytes are kept; a line longer than that has a file to itself. Nothing is synced: what
    the disk had not taken when the machine died is lost. Making one raises `OSError`, and so does `append`.
    """

    def __init__(self, folder: Path, *, max_size: int, files: int) -> None:
        self._folder = folder
        self._max_size = max_size
        self._files = files
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number = max(numbers(folder), default=1)
        self._fd = self._open(self._number)
        self._size = os.fstat(self._fd).st_size
        self._torn = self._size > 0 and os.pread(self._fd, 1, self._size - 1) != b"\n"  # by a writer that was killed
        self._remove_old()

    def append(self, lines: Sequence[bytes]) -> None:
        """Write whole lines, each with its newline, in order. Where it fails, none or some of them are there."""
        batch: list[bytes] = []
        length = 0
        for line in lines:
            held = self._size + length
            if self._torn or (held and held + len(line) > self._max_size):
                self._write(b"".join(batch))
                self._next()
                batch, length = [], 0
            batch.append(line)
            length += len(line)
        self._write(b"".join(batch))

    def close(self) -> None:
        os.close(self._fd)

    def _write(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:] if written else data)
        except OSError:
            self._torn = written > 0
            raise
        self._size += written

    def _next(self) -> None:
        fd = self._open(self._number + 1)
        os.close(self._fd)
        self._fd, self._size, self._number, self._torn = fd, 0, self._number + 1, False
        self._remove_old()

    def _open(self, number: int) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(path_of(self._folder, number), flags, 0o600)

    def _remove_old(self) -> None:
        for number in numbers(self._folder)[: -self._files]:
            path_of(self._folder, number).unlink(missing_ok=True)
