"""What the shared store keeps of one task, as one JSON text: it is replaced as a whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from dstream_sdk.protocol import NOT_JSON
from orchestrator.errors import UnavailableError
from orchestrator.state.store import Checkpoint, DeadLetter, Identity, StoredLetter

VERSION = 1


class Holder(msgspec.Struct, frozen=True):
    """Which run claimed the task last, and where. `since` is Unix time."""

    host: str
    run_id: str
    since: float


class Point(msgspec.Struct, frozen=True):
    """A `Checkpoint`, with the input's state as it wrote it."""

    identity: Identity
    run_id: str
    id: int
    records: int
    state: msgspec.Raw
    saved_at: float

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Point:
        c = checkpoint
        return cls(c.identity, c.run_id, c.id, c.records, msgspec.Raw(c.state), c.saved_at)

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.identity, self.run_id, self.id, self.records, bytes(self.state), self.saved_at)


class Document(msgspec.Struct, frozen=True):
    """`epoch` counts the claims; only the run of the newest may replace the document. Letters are counted here.

    `dead_letters` counts those ever stored, and `dropped` those of them that are gone. `owner` is the `project` of the
    host that claimed the task first.
    """

    version: int = VERSION
    epoch: int = 0
    holder: Holder | None = None
    checkpoint: Point | None = None
    dead_letters: int = 0
    owner: str = ""
    dropped: int = 0
    passed_on: int = 0

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


class Letter(msgspec.Struct, frozen=True):
    """A `StoredLetter`. `content` is the envelope, or in base64 the line's bytes where `raw`."""

    run_id: str
    record: int
    code: str
    reason: str
    raw: bool
    content: msgspec.Raw
    stored_at: float
    id: int = 0

    @classmethod
    def of(cls, stored: StoredLetter) -> Letter:
        one = stored.letter
        content = msgspec.Raw(msgspec.json.encode(one.content) if one.raw else one.content)
        return cls(stored.run_id, one.record, one.code, one.reason, one.raw, content, stored.stored_at, stored.id)

    def stored(self, number: int) -> StoredLetter:
        """`number` is its id where it bears none, as those of an earlier dstream."""
        text = bytes(self.content)
        content = msgspec.json.decode(text, type=bytes) if self.raw else text
        letter = DeadLetter(self.record, self.code, self.reason, content, self.raw)
        return StoredLetter(self.id or number, self.run_id, self.stored_at, letter)


def encode_letters(letters: Sequence[StoredLetter]) -> bytes:
    """The letters as JSON, one a line."""
    return msgspec.json.Encoder().encode_lines(Letter.of(one) for one in letters)


def new_letters(run_id: str, letters: Sequence[DeadLetter], before: int) -> list[StoredLetter]:
    """The letters with their ids, `before` being how many the task had ever stored."""
    now = time.time()
    return [StoredLetter(number, run_id, now, one) for number, one in enumerate(letters, start=before + 1)]


def decode_letters(text: bytes, before: int, name: str) -> list[StoredLetter]:
    """What `encode_letters` wrote. Raises `UnavailableError` (`state.unavailable`)."""
    try:
        found = msgspec.json.Decoder(Letter).decode_lines(text)
        return [letter.stored(number) for number, letter in enumerate(found, start=before + 1)]
    except NOT_JSON as error:
        raise UnavailableError("state.unavailable", f"blob `{name}` holds no dead letters: {error}") from error


class _Versioned(msgspec.Struct):
    version: int


def decode(text: bytes, name: str) -> Document:
    """Raises `UnavailableError`: `state.newer` for what a newer dstream wrote, else `state.unavailable`."""
    try:
        version = msgspec.json.decode(text, type=_Versioned).version
        if version == VERSION:
            return msgspec.json.decode(text, type=Document)
    except NOT_JSON as error:
        message = f"blob `{name}` holds no state of a task: {error}"
        raise UnavailableError("state.unavailable", message, hint="name another `prefix` in `state`") from error
    raise UnavailableError(
        "state.newer",
        f"blob `{name}` was written by a newer dstream (version {version}, this one knows {VERSION})",
        hint="upgrade dstream, or name another `prefix` in `state`",
    )
