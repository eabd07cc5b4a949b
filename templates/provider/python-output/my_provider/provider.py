"""Writes records to a table. What was acknowledged is on the disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from dstream_sdk import Envelope, Finding, OutputProvider, ProviderError, Rejection

from my_provider import __version__
from my_provider.config import OutputConfig


class MyProvider(OutputProvider[OutputConfig]):
    name = "my-provider"
    version = __version__
    title = "My provider"
    description = "Writes records to a table of a SQLite database."

    def open(self) -> None:
        """Connect. What is raised here, as a `ProviderError`, is what the user gets to read."""
        table = self.config.table
        try:
            self._database = sqlite3.connect(self.config.path)
            self._database.execute(f"CREATE TABLE IF NOT EXISTS {table} (metadata TEXT NOT NULL, data TEXT NOT NULL)")
            self._database.commit()
        except sqlite3.Error as error:
            raise ProviderError(f"cannot write to `{self.config.path}`: {error}", hint="see `dstream check`") from error
        self._insert = f"INSERT INTO {table} VALUES (?, ?)"

    def close(self) -> None:
        if hasattr(self, "_database"):
            self._database.close()

    def check(self) -> Iterable[Finding]:
        """Look at everything that a run needs: logins, permissions, tables. Changes nothing."""
        folder = self.config.path.parent
        remedy = f'add `mounts = ["./data:{folder}:rw"]` to the task'
        yield Finding(f"folder `{folder}` is there", ok=folder.is_dir(), remedy=remedy, field="path")

    def write(self, batch: Sequence[Envelope]) -> Iterable[Rejection]:
        """Write what can be written and return what never can; raise for what may work later."""
        rejections = []
        rows = []
        for index, envelope in enumerate(batch):
            if isinstance(envelope.data, dict):
                rows.append((json.dumps(envelope.metadata), json.dumps(envelope.data)))
            else:
                rejections.append(Rejection(index, "no_columns", "the record's data is not an object"))
        self._database.executemany(self._insert, rows)
        return rejections

    def flush(self) -> None:
        """Called before every acknowledgement: after it, nothing that was written may be lost."""
        self._database.commit()
