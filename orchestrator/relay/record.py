"""What `run --record` keeps, and how it is read: a folder of gzip files, numbered in the order they were made.

Each file begins with a header line, `{"dstream":{…}}`, which no line of an input begins with; behind it stands what was
relayed, byte for byte: data lines, and the checkpoints and the `end` that the output was sent. A file has many gzip
members, each written in one go, so that what a killed run leaves ends in whole members. Files end behind a newline,
except the last of an attempt.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec

from dstream_sdk.protocol import NOT_JSON, CheckpointLine, Stream
from orchestrator.errors import ConfigError, Where
from orchestrator.relay.control import CHUNK, PREFIXES, LineReader

VERSION = 1
SUFFIX = ".jsonl.gz"
_NAME = re.compile(r"(\d{8})\.jsonl\.gz")
_HEADER_LIMIT = 16 * 1024 * 1024
_MAGIC = b"\x1f\x8b"
_UNREADABLE = (EOFError, OSError, zlib.error)
_CHECKPOINT = msgspec.json.Decoder(CheckpointLine)


class Header(msgspec.Struct, frozen=True):
    """Which stream a file holds a part of: `part` counts from 1 within one attempt of one run.

    `source` and `provider` say whose positions the checkpoints are; `position_keys` and `streams` are what the output
    was told of them. `control` is False for the lines of a legacy input, which has no control lines.
    """

    run_id: str
    attempt: int
    task: str
    source: str
    provider: str
    started_at: float
    control: bool = True
    position_keys: list[str] = []
    streams: list[Stream] | None = None
    part: int = 1
    version: int = VERSION


class HeaderLine(msgspec.Struct, frozen=True):
    dstream: Header


class Lines(NamedTuple):
    """Whole data lines."""

    content: bytes
    records: int


class Mark(NamedTuple):
    """A checkpoint; `state` is its JSON."""

    state: bytes = b"{}"


def files_of(folder: Path) -> list[Path]:
    """The files of the record in `folder`, in their order; none where there is no such folder."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.name))


def number_of(path: Path) -> int:
    """The number in a file's name."""
    return int(path.name.removesuffix(SUFFIX))


class Record:
    """A record that was made. Raises `ConfigError` (`record.missing`, `record.damaged`) when made and when read."""

    def __init__(self, folder: Path) -> None:
        # A file without a byte is of a run that was killed as it made it.
        self._parts = [(path, _header_of(path)) for path in files_of(folder) if path.stat().st_size]
        if not self._parts:
            raise ConfigError(
                "record.missing", f"`{folder}` holds no record", hint="make one with `dstream run TASK --record DIR`"
            )
        self.header = self._parts[0][1]

    def __iter__(self) -> Iterator[Lines | Mark]:
        """All that was relayed, in its order. What an attempt left of an unfinished line counts for nothing."""
        for (run_id, attempt), parts in groupby(self._parts, lambda part: (part[1].run_id, part[1].attempt)):
            found = list(parts)
            for (path, header), number in zip(found, range(1, len(found) + 1), strict=True):
                if header.part != number:
                    raise _damaged(path, f"part {number} of attempt {attempt} of run {run_id} is missing")
            lines = _Cut(control=found[0][1].control)
            for path, header in found:
                yield from lines.through(_content(path, may_be_cut=header.part == len(found)))


class _Cut:
    """Cuts one attempt's bytes into whole lines and checkpoints."""

    def __init__(self, *, control: bool) -> None:
        self._reader = LineReader("input", PREFIXES["input"] if control else ())
        self._long = bytearray()  # of a line that is longer than the reader holds back

    def through(self, chunks: Iterator[bytes]) -> Iterator[Lines | Mark]:
        for chunk in chunks:
            self._reader.room()[: len(chunk)] = chunk
            for piece in self._reader.filled(len(chunk)):
                content = bytes(self._reader.view[piece.start : piece.end])
                if piece.kind == "control":
                    if content.startswith(PREFIXES["input"][0]):
                        yield Mark(bytes(_CHECKPOINT.decode(content).checkpoint.state))
                elif piece.lines == 0 or self._long:
                    self._long += content
                    if piece.lines:
                        yield Lines(bytes(self._long), piece.lines)
                        self._long.clear()
                else:
                    yield Lines(content, piece.lines)


def _header_of(path: Path) -> Header:
    try:
        with gzip.open(path) as file:
            header = msgspec.json.decode(file.readline(_HEADER_LIMIT), type=HeaderLine).dstream
    except (*_UNREADABLE, *NOT_JSON) as error:
        raise _damaged(path, f"it has no header: {error}") from error
    if header.version != VERSION:
        raise _damaged(path, f"it was made by a newer dstream (version {header.version})")
    return header


def _content(path: Path, *, may_be_cut: bool) -> Iterator[bytes]:
    """What comes behind the header. Only the last part of an attempt may have lost its end with its run."""
    try:
        with gzip.open(path) as file:
            file.readline(_HEADER_LIMIT)
            while chunk := file.read1(CHUNK):
                yield chunk
    except EOFError as error:
        if not may_be_cut:
            raise _damaged(path, "its end is missing") from error
    except gzip.BadGzipFile as error:
        # Cut behind the first byte of a member, which alone is no beginning of one.
        if not (may_be_cut and str(error) == f"Not a gzipped file ({_MAGIC[:1]!r})"):
            raise _damaged(path, str(error)) from error
    except _UNREADABLE as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, what: str) -> ConfigError:
    return ConfigError("record.damaged", f"the record cannot be read: {what}", where=Where(file=str(path)))
