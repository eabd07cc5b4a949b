"""What `dstream logs` does once its arguments are read."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.cli.compose import state_folder, task_logs
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.screen import Screen
from orchestrator.cli.terminal.words import warning
from orchestrator.config.units import parse_duration
from orchestrator.errors import EXIT_DONE, ConfigError, UnavailableError, Where
from orchestrator.logs import LEVELS, Level, one_line, word
from orchestrator.state.lock import Locks
from orchestrator.tasklog.log import killed_run
from orchestrator.tasklog.record import Record, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.tasklog.reader import LogReader

POLL_S = 0.2
"""How long `-f` waits before it looks again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are asked for."""

    since: str = ""
    provider: str | None = None
    rank: int = 0

    @classmethod
    def of(cls, *, since: str | None = None, provider: str | None = None, level: Level | None = None) -> Wanted:
        """As the options have it. Raises `ConfigError` (`usage`)."""
        return cls(_beginning(since) if since else "", provider, LEVELS[level] if level else 0)

    def __contains__(self, record: Record) -> bool:
        whose = self.provider is None or record.provider == self.provider
        return whose and record.time >= self.since and record.rank >= self.rank


class Tail:
    """One task's log as it is read. `killed` says whether its last run was, once `rest` has been read to its end."""

    def __init__(self, reader: LogReader, running: Callable[[], str | None]) -> None:
        """`running` tells the id of the run under way."""
        self._reader = reader
        self._running = running
        self._last: Record | None = None
        self._told: str | None = None  # the killed run that was told of before the log itself does

    def rest(self) -> Iterator[Record]:
        """What was not read yet; at its end that the run was killed, where nothing else will say so."""
        yield from self._read()
        if killed_run(self._last) and self._running() != self._run_id:
            yield from self._read()  # it may have ended meanwhile
            killed = killed_run(self._last)
            if killed is not None and killed.run_id != self._told:
                self._told = killed.run_id
                yield killed

    @property
    def skipped(self) -> int:
        return self._reader.skipped

    def close(self) -> None:
        self._reader.close()

    @property
    def _run_id(self) -> str | None:
        return self._last.run_id if self._last else None

    def _read(self) -> Iterator[Record]:
        for record in self._reader.read():
            self._last = record
            if record.run_id != self._told:
                yield record


def show_logs(invocation: Invocation, names: Sequence[str], wanted: Wanted, *, lines: int | None, follow: bool) -> int:
    """Print what is wanted; with `follow` until Ctrl-C, which is the way to end it and no failure."""
    settings = invocation.settings()
    project = invocation.project()
    for name in names:
        project.require(name)
    folder = state_folder(project, settings)
    logs, locks, screen = task_logs(folder, settings), Locks(folder), Screen(invocation)
    chosen = list(dict.fromkeys(names)) or list(project.tasks)
    width = max((len(name) for name in chosen), default=0) if len(chosen) > 1 else 0

    def running(name: str) -> str | None:
        holder = locks.running(name)
        return holder.run_id if holder else None

    tails = {name: Tail(logs.reader(name), lambda name=name: running(name)) for name in chosen}  # type: ignore[misc]
    show = _emit if invocation.json else lambda record: print(text(record, width), flush=follow)
    try:
        _show(tails, wanted, lines, show)
        if not follow and not any(logs.folder(name).exists() for name in chosen):
            screen.note(f"no run has been logged here: `dstream run {chosen[0] if chosen else 'TASK'}`")
        skipped = 0
        while follow:
            time.sleep(POLL_S)
            _show(tails, wanted, None, show)
            behind = sum(tail.skipped for tail in tails.values())
            if behind > skipped:
                screen.say(warning("the log was written faster than it was read here: a part is missing"))
                skipped = behind
    except KeyboardInterrupt:
        return EXIT_DONE
    except BrokenPipeError:
        raise
    except OSError as error:
        where = Where(file=error.filename)
        raise UnavailableError("logs.unreadable", f"cannot read the log: {error.strerror}", where=where) from error
    finally:
        for tail in tails.values():
            tail.close()
    return EXIT_DONE


def _show(tails: dict[str, Tail], wanted: Wanted, lines: int | None, show: Callable[[Record], None]) -> None:
    """All that is new, of several tasks in the order in which it came."""
    found = [_last(tail.rest(), wanted, lines) for tail in tails.values()]
    for record in heapq.merge(*found, key=lambda record: record.time) if len(found) > 1 else found[0]:
        show(record)


def _last(records: Iterator[Record], wanted: Wanted, lines: int | None) -> Iterator[Record]:
    chosen = (record for record in records if record in wanted)
    yield from chosen if lines is None else deque(chosen, maxlen=lines)


def text(record: Record, width: int = 0) -> str:
    """One line. With a `width` it begins with the task, as wide."""
    moment = datetime.fromisoformat(record.time).astimezone()
    when = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"
    task = f"{record.task:<{width}} | " if width else ""
    fields = "".join(f" {one_line(key)}={word(value)}" for key, value in record.fields.items())
    return f"{task}{when} {record.provider:<6} {one_line(record.level):<7} {one_line(record.event)}{fields}"


def _emit(record: Record) -> None:
    stream: dict[str, Any] = {"stream": record.stream} if record.stream else {}
    emit(
        {
            "event": "log",
            "time": record.time,
            "task": record.task,
            "run_id": record.run_id,
            "provider": record.provider,
            **stream,
            "level": record.level,
            "message": record.event,
            "fields": record.fields,
        }
    )


def _beginning(since: str) -> str:
    """The first time that is wanted, as records have it."""
    ago = parse_duration(since.strip())
    if ago is not None:
        return stamp(time.time() - ago)
    try:
        moment = datetime.fromisoformat(since.strip())
    except ValueError:
        message = f"`--since {since}` is neither a duration nor a time"
        raise ConfigError("usage", message, hint="write `90s`, `10m`, `2h`, or `2026-01-31T10:15`") from None
    return stamp(moment.timestamp())
