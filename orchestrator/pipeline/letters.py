"""The records that a task's output rejects: how many are kept and where else, how they are chosen and exported."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from dstream_sdk.protocol import NOT_JSON
from orchestrator.config.model import Task
from orchestrator.durable import sync_folder
from orchestrator.errors import ConfigError, RunError, UnavailableError, Where
from orchestrator.pipeline.services import Services, new_run_id
from orchestrator.state.store import DeadLetter, StateStore, StoredLetter


class Letter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A dead letter as files and `--json` have it: `envelope` as the input wrote it, or the line in base64 as `raw`."""

    task: str
    run_id: str
    record: int
    code: str
    reason: str
    stored_at: float
    id: int | None = None
    envelope: msgspec.Raw | None = None
    raw: str | None = None


def exported(task: str, stored: StoredLetter) -> Letter:
    """`stored` for others to read."""
    return _letter(task, stored.run_id, stored.letter, stored.stored_at, stored.id)


def _letter(task: str, run_id: str, one: DeadLetter, stored_at: float, number: int | None = None) -> Letter:
    raw = base64.b64encode(one.content).decode() if one.raw else None
    envelope = None if one.raw else msgspec.Raw(one.content)
    return Letter(task, run_id, one.record, one.code, one.reason, stored_at, number, envelope, raw)


def check_room(task: Task, state: StateStore, more: int) -> None:
    """Raises `RunError` (`dead_letters.full`) where the task may not have `more` letters."""
    limit = task.dead_letter.max if task.dead_letter is not None else None
    if limit is not None and state.dead_letters(task.name) + more > limit:
        raise RunError(
            "dead_letters.full",
            f"the output rejects more than the {limit:,} records that task `{task.name}` may keep as dead letters",
            hint=f"see why with `dstream dead-letters list {task.name}`; once that is mended, replay or drop them,"
            " or raise `max` in `dead_letter`",
            where=task.where,
        )


def append_letters(path: Path, task: str, run_id: str, letters: list[DeadLetter]) -> None:
    """Append a line for each to the file, and see it on the disk. Raises `UnavailableError` (`dead_letters.file`)."""
    now = time.time()
    lines = msgspec.json.Encoder().encode_lines(_letter(task, run_id, one, now) for one in letters)
    try:
        made = not path.exists()
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"  # a run was killed as it wrote
            file.write(b"\n" + lines if torn else lines)
            file.flush()
            os.fsync(file.fileno())
        if made:
            sync_folder(path.parent)
    except OSError as error:
        raise UnavailableError(
            "dead_letters.file",
            f"the file of dead letters cannot be written: {error.strerror or error}",
            hint="mend it, or name another `path` in `dead_letter`; nothing was acknowledged that is not in it",
            where=Where(file=str(path)),
        ) from error


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant: those that have one of each that is given. Without anything it is all of them."""

    ids: frozenset[int] = field(default=frozenset())
    codes: frozenset[str] = field(default=frozenset())
    runs: frozenset[str] = field(default=frozenset())
    tables: frozenset[str] = field(default=frozenset())

    def takes(self, stored: StoredLetter) -> bool:
        letter = stored.letter
        if self.ids and stored.id not in self.ids:
            return False
        if self.codes and letter.code not in self.codes:
            return False
        if self.runs and stored.run_id not in self.runs:
            return False
        return not self.tables or bool(self.tables & names_of_table(letter))


class _Metadata(msgspec.Struct):
    TableName: str = ""
    SchemaName: str = ""


class _Envelope(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


def table_of(letter: DeadLetter) -> str:
    """`dbo.Orders` or `Orders`, empty where the record does not say."""
    if letter.raw:
        return ""
    try:
        found = msgspec.json.decode(letter.content, type=_Envelope).metadata
    except NOT_JSON:
        return ""
    return f"{found.SchemaName}.{found.TableName}" if found.SchemaName and found.TableName else found.TableName


def names_of_table(letter: DeadLetter) -> set[str]:
    """What the record's table may be called, in lower case."""
    table = table_of(letter).casefold()
    return {table, table.rpartition(".")[2]} - {""}


def chosen(state: StateStore, task: str, choice: Choice, *, after: int = 0) -> Iterator[StoredLetter]:
    """The letters of the task that `choice` takes, in their order, read from the store page by page."""
    while page := state.letters(task, after=after):
        yield from (one for one in page if choice.takes(one))
        after = page[-1].id


def choice_of(
    ids: Iterable[int] = (),
    *,
    codes: Iterable[str] = (),
    runs: Iterable[str] = (),
    tables: Iterable[str] = (),
    every: bool = False,
    must: bool = False,
) -> Choice:
    """What a command line names. Raises `ConfigError` (`usage`) for all and some, and for none where it `must` say."""
    choice = Choice(frozenset(ids), frozenset(codes), frozenset(runs), frozenset(table.casefold() for table in tables))
    if must and every != (choice == Choice()):
        raise ConfigError("usage", "say which dead letters", hint="by their ids, by `--code` and the like, or `--all`")
    return choice


def drop_letters(task: Task, services: Services, ids: Sequence[int]) -> None:
    """Forget them, under the task's lock. Raises `RunError` (`task.running`) and `UnavailableError`."""
    run_id, state = new_run_id(), services.state
    with services.locks.acquire(task.name, run_id):
        claim = state.claim(task.name, run_id)
        try:
            state.change_letters(claim, ids)
        finally:
            state.finish(claim, "ended", {}, delivery="best-effort")
