"""What `dstream dead-letters` does once its arguments are read."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec
import typer

from orchestrator.cli.runs.replaying import feed_and_watch
from orchestrator.cli.tasks.working import stored
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.columns import columns
from orchestrator.cli.terminal.confirm import confirm
from orchestrator.cli.terminal.events import emit, json_text
from orchestrator.cli.terminal.screen import Screen
from orchestrator.durable import replacing
from orchestrator.errors import EXIT_DONE, ConfigError, UnavailableError, Where
from orchestrator.pipeline.letters import Choice, chosen, drop_letters, exported, table_of
from orchestrator.pipeline.redelivery import replay_letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.runs.order import Wishes
    from orchestrator.cli.tasks.working import Stored
    from orchestrator.pipeline.observe import RunSummary
    from orchestrator.state.store import StoredLetter

_REASON = 60
_HEADINGS = ("ID", "STORED", "RUN", "RECORD", "TABLE", "CODE", "REASON")


def show_list(
    invocation: Invocation,
    name: str,
    choice: Choice,
    *,
    limit: int,
    after: int,
    variables: Sequence[str],
    files: Sequence[Path],
) -> None:
    with stored(invocation, name, variables=variables, files=files) as at:
        shown: list[StoredLetter] = []
        codes: Counter[str] = Counter()
        behind = 0
        for one in chosen(at.services.state, at.task.name, choice):
            codes[one.letter.code] += 1
            if one.id > after and len(shown) < limit:
                shown.append(one)
            elif one.id > after:
                behind += 1
    total = codes.total()
    if invocation.json:
        for one in shown:
            emit({"event": "dead_letter", **_fields(name, one)})
        counts = {"total": total, "codes": dict(codes), "more": behind}
        emit({"event": "dead_letters", "task": name, **counts})
        return
    if total == 0:
        typer.echo(_none(name, choice))
        return
    if shown:
        typer.echo("\n".join(columns(_HEADINGS, [_row(one) for one in shown])))
    figures = ", ".join(f"{count:,} {words.printable(code)}" for code, count in codes.most_common())
    typer.echo(f"{words.dead_letters(total)}: {figures}")
    if behind:
        typer.echo(f"{behind:,} more: `--after {shown[-1].id}`")


def show_one(
    invocation: Invocation, name: str, number: int, *, variables: Sequence[str], files: Sequence[Path]
) -> None:
    with stored(invocation, name, variables=variables, files=files) as at:
        found = next(iter(at.services.state.letters(at.task.name, after=number - 1, limit=1)), None)
    if found is None or found.id != number:
        raise _unknown(name, [number])
    if invocation.json:
        emit({"event": "dead_letter", **_fields(name, found)})
        return
    letter = found.letter
    typer.echo(f"dead letter {found.id} of {name}, stored {words.day_and_time(found.stored_at)}")
    typer.echo(f"  record {letter.record:,} of run {found.run_id}")
    typer.echo(f"  {words.printable(letter.code)}: {words.printable(letter.reason)}")
    if letter.raw:
        typer.echo(words.printable(letter.content.decode("utf-8", "backslashreplace")))
    else:
        typer.echo(json_text(msgspec.json.decode(letter.content), indent=2))


def export_letters(
    invocation: Invocation, name: str, choice: Choice, out: Path, *, variables: Sequence[str], files: Sequence[Path]
) -> None:
    count = 0
    with stored(invocation, name, variables=variables, files=files) as at, _written(out) as file:
        for one in chosen(at.services.state, at.task.name, choice):
            file.write(msgspec.json.encode(exported(name, one)) + b"\n")
            count += 1
    if out != Path("-"):
        if invocation.json:
            emit({"event": "exported", "task": name, "dead_letters": count, "file": str(out)})
        elif not invocation.quiet:
            typer.echo(f"{name}: {words.dead_letters(count)} in {out}")


def replay_chosen(
    invocation: Invocation,
    name: str,
    choice: Choice,
    wishes: Wishes,
    *,
    variables: Sequence[str],
    files: Sequence[Path],
) -> int:
    """The exit code: `EXIT_FAILED` where the output rejected some again. Where there are none nothing is started."""

    def told(summary: RunSummary) -> str:
        rejected = summary.counts.rejected
        return f" and dropped; {rejected:,} rejected again, kept with the new reason" if rejected else " and dropped"

    with stored(invocation, name, variables=variables, files=files) as at:
        _refuse_unknown(at, choice)
        none = next(chosen(at.services.state, name, choice), None) is None
    if none:
        if invocation.json:
            nothing = {
                "run_id": None,
                "outcome": "ended",
                "duration_s": 0.0,
                "relayed": 0,
                "delivered": 0,
                "rejected": 0,
            }
            emit({"event": "replay", "task": name, **nothing})
        else:
            Screen(invocation).note(_none(name, choice))
        return EXIT_DONE
    work = partial(replay_letters, choice=choice)
    return feed_and_watch(invocation, name, wishes, work, told, variables=variables, files=files)


def drop_chosen(
    invocation: Invocation, name: str, choice: Choice, *, yes: bool, variables: Sequence[str], files: Sequence[Path]
) -> None:
    with stored(invocation, name, variables=variables, files=files) as at:
        _refuse_unknown(at, choice)
        ids = [one.id for one in chosen(at.services.state, at.task.name, choice)]
        what = words.dead_letters(len(ids))
        if ids and not yes:
            confirm(f"{what} of {name} will be gone for good. Go on?")
        if ids:
            drop_letters(at.task, at.services, ids)
    if invocation.json:
        emit({"event": "dropped", "task": name, "dead_letters": len(ids)})
    elif not invocation.quiet:
        typer.echo(f"{name}: {what} dropped")


@contextlib.contextmanager
def _written(out: Path) -> Iterator[BinaryIO]:
    """The file, which has its name only once it is whole; or stdout."""
    if out == Path("-"):
        yield sys.stdout.buffer
        return
    try:
        with replacing(out) as file:
            yield file
    except OSError as error:
        message = f"cannot write `{out}`: {error.strerror or error}"
        raise UnavailableError("dead_letters.file", message, where=Where(file=str(out))) from error


def _none(name: str, choice: Choice) -> str:
    return f"{name} has no such dead letters" if choice != Choice() else f"{name} has no dead letters"


def _refuse_unknown(at: Stored, choice: Choice) -> None:
    """Raises `ConfigError` (`dead_letters.unknown`) before anything is done, where an id is nobody's."""
    if choice.ids:
        known = {one.id for one in chosen(at.services.state, at.task.name, Choice(ids=choice.ids))}
        if missing := sorted(choice.ids - known):
            raise _unknown(at.task.name, missing)


def _unknown(name: str, numbers: Sequence[int]) -> ConfigError:
    which = ", ".join(str(number) for number in numbers)
    return ConfigError(
        "dead_letters.unknown", f"{name} has no dead letter {which}", hint=f"see `dstream dead-letters list {name}`"
    )


def _fields(name: str, one: StoredLetter) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode(msgspec.json.encode(exported(name, one)))
    return found


def _row(one: StoredLetter) -> Sequence[str]:
    letter = one.letter
    reason = letter.reason if len(letter.reason) <= _REASON else f"{letter.reason[: _REASON - 1]}…"
    table = table_of(letter)
    return str(one.id), words.day_and_time(one.stored_at), one.run_id, f"{letter.record:,}", table, letter.code, reason
