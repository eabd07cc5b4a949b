"""The embedded store as it is on disk: looked at from outside, changing nothing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from orchestrator.errors import UnavailableError, Where
from orchestrator.state.store import OpenRun

_PATIENCE_S = 10.0
_ENOUGH = 3
"""So many problems are told."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_STEPS = 1000
"""Of SQLite's machine, between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Glance:
    """`schema` counts the migrations that were applied, `log_size` the bytes of the write-ahead log."""

    schema: int
    journal: str
    log_size: int
    project: str
    tasks: int
    open_runs: tuple[OpenRun, ...]


def glance(path: Path) -> Glance | None:
    """What the store at `path` says of itself; None where nothing was ever stored.

    Raises `UnavailableError` (`state.unavailable`).
    """
    if not path.exists():
        return None
    log = path.with_name(f"{path.name}-wal")
    with _reading(path) as db:
        schema = db.execute("PRAGMA user_version").fetchone()[0]
        if not schema:
            return None
        project = db.execute("SELECT value FROM meta WHERE key = 'project'").fetchone()
        runs = db.execute("SELECT task, run_id, kinds FROM runs WHERE ended_at IS NULL").fetchall()
        return Glance(
            schema=schema,
            journal=db.execute("PRAGMA journal_mode").fetchone()[0],
            log_size=log.stat().st_size if log.exists() else 0,
            project=str(project[0]),
            tasks=db.execute("SELECT count(*) FROM tasks").fetchone()[0],
            open_runs=tuple(
                OpenRun(task, run_id, tuple(kinds.split(",")) if kinds else ()) for task, run_id, kinds in runs
            ),
        )


def problems_of(path: Path, within: float) -> list[str] | None:
    """What is wrong in the store's file, the first of it; None where reading all of it takes more than so many seconds.

    Raises `UnavailableError`.
    """
    end = time.monotonic() + within
    with _reading(path) as db:
        db.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        try:
            found = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({_ENOUGH})")]
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return None
            if error.sqlite_errorcode not in _DAMAGED:
                raise
            return [str(error)]
    return [] if found == ["ok"] else found


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_PATIENCE_S)) as db:
            yield db
    except sqlite3.Error as error:
        raise UnavailableError(
            "state.unavailable",
            f"the state cannot be read: {error}",
            hint="see who may read it, and who has it open",
            where=Where(file=str(path)),
        ) from error
