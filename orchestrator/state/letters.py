"""The embedded store's table of dead letters. An id is never given twice, so that it means one record for good."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Mapping, Sequence

from orchestrator.state.store import Claim, DeadLetter, StoredLetter

IDS_FOR_GOOD = """
    CREATE TABLE letters (
        id INTEGER PRIMARY KEY AUTOINCREMENT, task TEXT NOT NULL, run_id TEXT NOT NULL, record INTEGER NOT NULL,
        code TEXT NOT NULL, reason TEXT NOT NULL, content BLOB NOT NULL, raw INTEGER NOT NULL, stored_at REAL NOT NULL
    );
    INSERT INTO letters SELECT * FROM dead_letters;
    DROP TABLE dead_letters;
    ALTER TABLE letters RENAME TO dead_letters;
    CREATE INDEX dead_letters_of_task ON dead_letters (task, id);
    ALTER TABLE tasks ADD COLUMN passed_on INTEGER NOT NULL DEFAULT 0
    """
"""The migration to it. `passed_on` is the newest letter that the task's `dead_letter` provider has dealt with."""


def add(db: sqlite3.Connection, claim: Claim, letters: Sequence[DeadLetter]) -> None:
    now = time.time()
    db.executemany(
        "INSERT INTO dead_letters (task, run_id, record, code, reason, content, raw, stored_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(claim.task, claim.run_id, d.record, d.code, d.reason, d.content, int(d.raw), now) for d in letters],
    )


def count(db: sqlite3.Connection, task: str) -> int:
    return int(db.execute("SELECT count(*) FROM dead_letters WHERE task = ?", (task,)).fetchone()[0])


def page(db: sqlite3.Connection, task: str, after: int, limit: int) -> list[StoredLetter]:
    rows = db.execute(
        "SELECT id, run_id, stored_at, record, code, reason, content, raw FROM dead_letters"
        " WHERE task = ? AND id > ? ORDER BY id LIMIT ?",
        (task, after, limit),
    )
    return [
        StoredLetter(number, run_id, at, DeadLetter(record, code, reason, bytes(content), bool(raw)))
        for number, run_id, at, record, code, reason, content, raw in rows
    ]


def change(db: sqlite3.Connection, task: str, drop: Collection[int], again: Mapping[int, tuple[str, str]]) -> None:
    db.executemany("DELETE FROM dead_letters WHERE task = ? AND id = ?", [(task, number) for number in drop])
    db.executemany(
        "UPDATE dead_letters SET code = ?, reason = ? WHERE task = ? AND id = ?",
        [(code, reason, task, number) for number, (code, reason) in again.items()],
    )


def passed_on(db: sqlite3.Connection, task: str) -> int:
    row = db.execute("SELECT passed_on FROM tasks WHERE task = ?", (task,)).fetchone()
    return 0 if row is None else int(row[0])


def pass_on(db: sqlite3.Connection, task: str, newest: int) -> None:
    db.execute("UPDATE tasks SET passed_on = ? WHERE task = ?", (newest, task))
