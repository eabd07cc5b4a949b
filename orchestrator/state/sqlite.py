"""The embedded store: one SQLite file, every commit synced before it returns."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from orchestrator.errors import UnavailableError, Where
from orchestrator.state import letters as dead
from orchestrator.state.store import (
    Checkpoint,
    Claim,
    DeadLetter,
    Figures,
    Identity,
    OpenRun,
    Outcome,
    PastRun,
    StoredLetter,
)

BUSY_TIMEOUT_S = 30.0
PACE_S = 0.025

FIGURES = ("emitted", "relayed", "delivered", "rejected", "unconfirmed", "bytes")

MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE tasks (task TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE checkpoints (
        task TEXT PRIMARY KEY, identity BLOB NOT NULL, run_id TEXT NOT NULL, id INTEGER NOT NULL,
        records INTEGER NOT NULL, state BLOB NOT NULL, saved_at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY, task TEXT NOT NULL, epoch INTEGER NOT NULL, kinds TEXT NOT NULL,
        started_at REAL NOT NULL, ended_at REAL, outcome TEXT NOT NULL, delivery TEXT, emitted INTEGER, relayed INTEGER,
        delivered INTEGER, rejected INTEGER, unconfirmed INTEGER, bytes INTEGER, error TEXT
    ) WITHOUT ROWID;
    CREATE INDEX runs_of_task ON runs (task, started_at);
    CREATE TABLE dead_letters (
        id INTEGER PRIMARY KEY, task TEXT NOT NULL, run_id TEXT NOT NULL, record INTEGER NOT NULL,
        code TEXT NOT NULL, reason TEXT NOT NULL, content BLOB NOT NULL, raw INTEGER NOT NULL, stored_at REAL NOT NULL
    );
    CREATE INDEX dead_letters_of_task ON dead_letters (task, id);
    """,
    "ALTER TABLE runs ADD COLUMN contents TEXT NOT NULL DEFAULT '{}'",
    dead.IDS_FOR_GOOD,
)
"""One script per schema version, applied in order; `PRAGMA user_version` counts those applied."""


class SqliteState:
    """`StateStore` in one file. `path` and its folder are made on first use, private to the user."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._translated():
            # The files that SQLite puts beside it are born with its rights, so it must not get them later.
            with suppress(OSError):  # SQLite is about to say what is wrong
                path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            self._keep_a_log()
            self._db.execute("PRAGMA synchronous = FULL")
            self._migrate()
        path.chmod(0o600)

    def _keep_a_log(self) -> None:
        """Switch to write-ahead logging. SQLite does not wait for others here: where two do it at once, one is told
        that the file is locked."""
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    @property
    def pace_s(self) -> float:
        return PACE_S

    @property
    def project(self) -> str:
        with self._reading() as db:
            row = db.execute("SELECT value FROM meta WHERE key = 'project'").fetchone()
        return str(row[0])

    def owner(self, task: str) -> str:  # noqa: ARG002  # the same for each
        return self.project

    def claim(
        self, task: str, run_id: str, kinds: Sequence[str] = (), contents: Mapping[str, str] | None = None
    ) -> Claim:
        with self._writing() as db:
            db.execute(
                "INSERT INTO tasks (task, epoch) VALUES (?, 1) ON CONFLICT (task) DO UPDATE SET epoch = epoch + 1",
                (task,),
            )
            epoch = db.execute("SELECT epoch FROM tasks WHERE task = ?", (task,)).fetchone()[0]
            db.execute(
                "INSERT INTO runs (run_id, task, epoch, kinds, started_at, outcome, contents)"
                " VALUES (?, ?, ?, ?, ?, 'running', ?) ON CONFLICT (run_id) DO UPDATE SET epoch = excluded.epoch",
                (run_id, task, epoch, ",".join(sorted(set(kinds))), time.time(), _text(contents or {})),
            )
        return Claim(task, run_id, epoch)

    def check(self, claim: Claim) -> None:
        """The task's lock keeps this host's runs apart, and no other host has the file."""

    def open_runs(self) -> Sequence[OpenRun]:
        with self._reading() as db:
            rows = db.execute("SELECT task, run_id, kinds FROM runs WHERE ended_at IS NULL").fetchall()
        return [OpenRun(task, run_id, tuple(kinds.split(",")) if kinds else ()) for task, run_id, kinds in rows]

    def last_run(self, task: str) -> PastRun | None:
        columns = ("run_id", "started_at", "ended_at", "outcome", "delivery", "error", "contents", *FIGURES)
        with self._reading() as db:
            row = db.execute(
                f"SELECT {', '.join(columns)} FROM runs WHERE task = ? AND kinds != ''"  # noqa: S608  # names of ours
                " ORDER BY started_at DESC, run_id DESC LIMIT 1",
                (task,),
            ).fetchone()
        if row is None:
            return None
        found = dict(zip(columns, row, strict=True))
        figures = {name: found.pop(name) for name in FIGURES}
        return PastRun(figures=figures, contents=msgspec.json.decode(found.pop("contents")), **found)

    def tasks(self) -> Sequence[str]:
        """Every task that was ever run on this host."""
        with self._reading() as db:
            rows = db.execute("SELECT DISTINCT task FROM runs WHERE kinds != '' ORDER BY task").fetchall()
        return [task for (task,) in rows]

    def abandon(self, run_id: str) -> None:
        with self._writing() as db:
            db.execute(
                "UPDATE runs SET ended_at = ?, outcome = 'failed', error = 'its process was killed'"
                " WHERE run_id = ? AND ended_at IS NULL",
                (time.time(), run_id),
            )

    def checkpoint(self, task: str) -> Checkpoint | None:
        with self._reading() as db:
            row = db.execute(
                "SELECT identity, run_id, id, records, state, saved_at FROM checkpoints WHERE task = ?", (task,)
            ).fetchone()
        if row is None:
            return None
        return Checkpoint(msgspec.json.decode(row[0], type=Identity), row[1], row[2], row[3], bytes(row[4]), row[5])

    def commit(self, claim: Claim, checkpoint: Checkpoint | None, dead_letters: Sequence[DeadLetter] = ()) -> None:
        with self._writing(claim) as db:
            dead.add(db, claim, dead_letters)
            if checkpoint is not None:
                db.execute(
                    "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        claim.task,
                        msgspec.json.encode(checkpoint.identity),
                        checkpoint.run_id,
                        checkpoint.id,
                        checkpoint.records,
                        checkpoint.state,
                        checkpoint.saved_at,
                    ),
                )

    def finish(
        self, claim: Claim, outcome: Outcome, figures: Figures, *, delivery: str, error: str | None = None
    ) -> None:
        with self._writing(claim) as db:
            db.execute(
                "UPDATE runs SET ended_at = ?, outcome = ?, delivery = ?, emitted = ?, relayed = ?, delivered = ?,"
                " rejected = ?, unconfirmed = ?, bytes = ?, error = ? WHERE run_id = ?",
                (
                    time.time(),
                    outcome,
                    delivery,
                    *(figures.get(name) for name in FIGURES),
                    error,
                    claim.run_id,
                ),
            )

    def reset(self, claim: Claim) -> None:
        with self._writing(claim) as db:
            db.execute("DELETE FROM checkpoints WHERE task = ?", (claim.task,))

    def dead_letters(self, task: str) -> int:
        with self._reading() as db:
            return dead.count(db, task)

    def letters(self, task: str, *, after: int = 0, limit: int = 100) -> Sequence[StoredLetter]:
        with self._reading() as db:
            return dead.page(db, task, after, limit)

    def change_letters(
        self, claim: Claim, drop: Collection[int], again: Mapping[int, tuple[str, str]] | None = None
    ) -> None:
        with self._writing(claim) as db:
            dead.change(db, claim.task, drop, again or {})

    def passed_on(self, task: str) -> int:
        with self._reading() as db:
            return dead.passed_on(db, task)

    def pass_on(self, claim: Claim, newest: int) -> None:
        with self._writing(claim) as db:
            dead.pass_on(db, claim.task, newest)

    def close(self) -> None:
        with self._locked():
            self._db.close()

    def _migrate(self) -> None:
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found > len(MIGRATIONS):
            raise UnavailableError(
                "state.newer",
                f"the state was written by a newer dstream (schema {found}, this one knows {len(MIGRATIONS)})",
                hint="upgrade dstream, or use another `state_dir`",
                where=Where(file=str(self._path)),
            )
        if found == len(MIGRATIONS):
            return
        # Two commands may open a new project at once: the loser of the lock finds the work done.
        with self._transaction() as db:
            found = db.execute("PRAGMA user_version").fetchone()[0]
            for number, script in enumerate(MIGRATIONS[found:], start=found + 1):
                for statement in script.split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number}")
            db.execute("INSERT OR IGNORE INTO meta VALUES ('project', ?)", (secrets.token_hex(8),))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._locked(), self._translated():
            yield self._db

    @contextmanager
    def _writing(self, claim: Claim | None = None) -> Iterator[sqlite3.Connection]:
        with self._locked(), self._translated(), self._transaction() as db:
            if claim is not None:
                row = db.execute("SELECT epoch FROM tasks WHERE task = ?", (claim.task,)).fetchone()
                if row is None or row[0] != claim.epoch:
                    raise UnavailableError(
                        "state.fenced",
                        f"another run of task `{claim.task}` has taken over its state",
                        hint="two orchestrators ran the same task; this one has stopped and stored nothing more",
                        where=Where(file=str(self._path)),
                    )
            yield db

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the connection; a write that a disk never answers must not hold up everybody else for ever."""
        if not self._lock.acquire(timeout=BUSY_TIMEOUT_S):
            raise UnavailableError(
                "state.unavailable",
                f"a write to the state has not ended for {BUSY_TIMEOUT_S:g} s",
                hint="see to the disk that it is on; nothing was acknowledged that is not stored",
                where=Where(file=str(self._path)),
            )
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            # A failed COMMIT may have rolled back already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise UnavailableError(
                "state.unavailable",
                f"the state cannot be used: {error}",
                hint="free disk space or mend the file's rights; nothing was acknowledged that is not stored",
                where=Where(file=str(self._path)),
            ) from error


def _text(value: Mapping[str, str]) -> str:
    return msgspec.json.encode(value).decode()
