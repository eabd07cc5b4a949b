"""Reading a task's log, beside the run that writes it and long after. Never changes it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from dstream_sdk.protocol import NOT_JSON
from orchestrator.tasklog.files import numbers, path_of
from orchestrator.tasklog.record import Record

_DECODER = msgspec.json.Decoder(Record)
_CHUNK = 1024 * 1024  # more than a line takes


class LogReader:
    """One reading of a log, in the order in which it was written; `read` again for what came meanwhile.

    It holds the file open that it is in, so what it has begun to read it reads to its end. `skipped` says how many
    files were removed before it came to them. For one thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._file: BinaryIO | None = None
        self._unfinished = b""
        self.skipped = 0

    def read(self) -> Iterator[Record]:
        """What there is and was not read yet. Lines that are no records are left out. Raises `OSError`."""
        while True:
            later = [number for number in numbers(self._folder) if number > self._number]
            # Looked at before the end of the file: nothing is written to it once there is another.
            yield from self._rest()
            if not later or not self._enter(later[0]):
                return

    def skip(self) -> None:
        """Go to the end of what there is. Raises `OSError`."""
        self._number = max(0, max(numbers(self._folder), default=0) - 1)
        for _ in self.read():
            pass

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _enter(self, number: int) -> bool:
        try:
            file = path_of(self._folder, number).open("rb")
        except FileNotFoundError:  # removed at this moment: there are later ones
            return self._number < max(numbers(self._folder), default=0)
        if self._file is not None:
            self._file.close()
            self.skipped += number - self._number - 1
        self._file, self._number, self._unfinished = file, number, b""
        return True

    def _rest(self) -> Iterator[Record]:
        while self._file is not None and (chunk := self._file.read(_CHUNK)):
            *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
            yield from _decoded(lines)


def last_record(folder: Path) -> Record | None:
    """The newest record. Raises `OSError`."""
    for number in reversed(numbers(folder)):
        with contextlib.suppress(FileNotFoundError), path_of(folder, number).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _CHUNK))
            found = list(_decoded(file.read().split(b"\n")[:-1]))
            if found:
                return found[-1]
    return None


def _decoded(lines: list[bytes]) -> Iterator[Record]:
    for line in lines:
        try:
            yield _DECODER.decode(line)
        except NOT_JSON:  # something that is no log's, or of a later version
            continue
