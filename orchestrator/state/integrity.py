"""The embedded store as it is on disk: looked at from outside, changing nothing."""

from __future__ import annotations

import sqlite3
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


@dataclass(frozen=True, slots=True)
class Glance:
    """`schema` counts the migrations that were applied, `log_size` the bytes of the write-ahead log."""

    schema: int
    journal: str
    log_size: int
    project: str
    tasks: int
    open_runs: tuple[OpenRun, ...]


def glance(path: Path) -> Glance:
    """What the store at `path` says of itself. Raises `UnavailableError` (`state.unavailable`)."""
    log = path.with_name(f"{path.name}-wal")
    with _reading(path) as db:
        project = db.execute("SELECT value FROM meta WHERE key = 'project'").fetchone()
        runs = db.execute("SELECT task, run_id, kinds FROM runs WHERE ended_at IS NULL").fetchall()
        return Glance(
            schema=db.execute("PRAGMA user_version").fetchone()[0],
            journal=db.execute("PRAGMA journal_mode").fetchone()[0],
            log_size=log.stat().st_size if log.exists() else 0,
            project=str(project[0]) if project else "",
            tasks=db.execute("SELECT count(*) FROM tasks").fetchone()[0],
            open_runs=tuple(
                OpenRun(task, run_id, tuple(kinds.split(",")) if kinds else ()) for task, run_id, kinds in runs
            ),
        )


def problems_of(path: Path) -> list[str]:
    """What is wrong in the store's file, the first of it; reads all of it. Raises `UnavailableError`."""
    with _reading(path) as db:
        found = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({_ENOUGH})")]
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
            hint="see who may read it; a damaged one is replaced by what `dstream state import` reads",
            where=Where(file=str(path)),
        ) from error
