"""What a namespace holds, on disk: a server that is killed has it again when another one opens the file."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from tests.servers.servicebus.description import Description
from tests.servers.servicebus.message import Message, State

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.servicebus.lanes import Session
    from tests.servers.servicebus.queue import Queue

_TABLES = """
CREATE TABLE IF NOT EXISTS queues (name PRIMARY KEY, properties, created, updated, last);
CREATE TABLE IF NOT EXISTS messages (
  queue, number INTEGER, raw BLOB, enqueued, expires, deliveries, state, reason, explanation,
  PRIMARY KEY (queue, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ids (queue, message_id, moment, PRIMARY KEY (queue, message_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (queue, session_id, state BLOB, PRIMARY KEY (queue, session_id)) WITHOUT ROWID;
"""


class Journal:
    """What a namespace tells its changes to, and asks for them when it begins; this one forgets them."""

    def names(self) -> list[tuple[str, Description]]:
        """The queues that there were, without their dead-letter queues."""
        return []

    def fill(self, queue: Queue) -> None:
        """Put into a new queue what it held."""

    def queue(self, queue: Queue) -> None:
        """It is new, or described anew."""

    def message(self, queue: Queue, message: Message) -> None:
        """It is new, or changed, or gone: the queue knows."""

    def known(self, queue: Queue, message_id: str, moment: float) -> None:
        """A message with this id came."""

    def session(self, queue: Queue, session: Session) -> None:
        """Its state was set."""

    def deleted(self, queue: Queue) -> None:
        """With all that was in it."""

    def commit(self) -> None:
        """Called before anybody hears of the changes."""

    def close(self) -> None:
        """The server ends."""


class Store(Journal):
    """Keeps the changes in an SQLite database: safe from kills, not from a machine that fails."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; {_TABLES}")
        self._queues: dict[str, Queue] = {}
        self._messages: dict[tuple[str, int], tuple[Queue, Message]] = {}
        self._others: list[tuple[str, tuple[object, ...]]] = []

    def queue(self, queue: Queue) -> None:
        self._queues[queue.name] = queue

    def message(self, queue: Queue, message: Message) -> None:
        self._queues[queue.name] = queue
        self._messages[queue.name, message.number] = queue, message

    def known(self, queue: Queue, message_id: str, moment: float) -> None:
        self._others.append(("INSERT OR REPLACE INTO ids VALUES (?, ?, ?)", (queue.name, message_id, moment)))

    def session(self, queue: Queue, session: Session) -> None:
        row = (queue.name, session.session_id, session.state)
        self._others.append(("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", row))

    def deleted(self, queue: Queue) -> None:
        self.commit()
        for table, column in (("queues", "name"), ("messages", "queue"), ("ids", "queue"), ("sessions", "queue")):
            self._others.append((f"DELETE FROM {table} WHERE {column} = ?", (queue.name,)))

    def commit(self) -> None:
        if not self._queues and not self._messages and not self._others:
            return
        self._database.execute("BEGIN")
        rows = [_queue_row(queue) for queue in self._queues.values()]
        self._database.executemany("INSERT OR REPLACE INTO queues VALUES (?, ?, ?, ?, ?)", rows)
        here = [(q, m) for q, m in self._messages.values() if m in q.contents]
        gone = [(q.name, m.number) for q, m in self._messages.values() if m not in q.contents]
        rows = [_message_row(queue, message) for queue, message in here]
        self._database.executemany("INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._database.executemany("DELETE FROM messages WHERE queue = ? AND number = ?", gone)
        for statement, row in self._others:
            self._database.execute(statement, row)
        self._database.execute("COMMIT")
        self._queues, self._messages, self._others = {}, {}, []

    def close(self) -> None:
        self.commit()
        self._database.close()

    # -- and back

    def names(self) -> list[tuple[str, Description]]:
        found = self._database.execute(
            "SELECT name, properties FROM queues WHERE name NOT LIKE '%/$%' ORDER BY created"
        )
        return [(name, Description(json.loads(properties))) for name, properties in found]

    def fill(self, queue: Queue) -> None:
        row = self._database.execute(
            "SELECT created, updated, last FROM queues WHERE name = ?", (queue.name,)
        ).fetchone()
        if row is not None:
            queue.created, queue.updated, queue.last = row
        columns = "raw, number, enqueued, expires, deliveries, state, reason, explanation"
        found = self._database.execute(f"SELECT {columns} FROM messages WHERE queue = ? ORDER BY number", (queue.name,))
        for raw, number, enqueued, expires, deliveries, state, reason, explanation in found:
            message = Message(raw)
            message.number, message.enqueued, message.expires = number, enqueued, expires
            message.deliveries, message.state = deliveries, State(state)
            message.buried = None if reason is None else (reason, explanation)
            queue.restore(message)
        ids = "SELECT message_id, moment FROM ids WHERE queue = ? ORDER BY moment"
        for message_id, moment in self._database.execute(ids, (queue.name,)):
            queue.duplicates.first(message_id, moment, queue.description.window_s)
        for session_id, state in self._database.execute(
            "SELECT session_id, state FROM sessions WHERE queue = ?", (queue.name,)
        ):
            queue.sessions.of(session_id).state = state


def _queue_row(queue: Queue) -> tuple[object, ...]:
    return queue.name, json.dumps(queue.description.values), queue.created, queue.updated, queue.last


def _message_row(queue: Queue, message: Message) -> tuple[object, ...]:
    reason, explanation = message.buried or (None, None)
    times = (message.enqueued, message.expires)
    return queue.name, message.number, message.raw, *times, message.deliveries, int(message.state), reason, explanation
