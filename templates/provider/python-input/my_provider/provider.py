"""Reads a table in the order of its key, and after a restart from where the output had everything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from dstream_sdk import Checkpoint, Context, Envelope, Finding, InputProvider, ProviderError, Stream

from my_provider import __version__
from my_provider.config import InputConfig
from my_provider.source import Source


class MyProvider(InputProvider[InputConfig]):
    name = "my-provider"
    version = __version__
    title = "My provider"
    description = "Reads a table, and resumes behind the last row that the output has acknowledged."
    checkpoints: ClassVar[bool] = True

    def open(self) -> None:
        """Connect. What is raised here, as a `ProviderError`, is what the user gets to read."""
        self._source = Source(self.config.rows, self.config.token.get_secret_value())

    def close(self) -> None:
        self._source.close()

    def check(self) -> Iterable[Finding]:
        """Look at everything that a run needs: logins, permissions, tables. Changes nothing."""
        yield Finding(f"table `{self.config.table}` can be read", ok=True)

    def discover(self) -> Iterable[Stream]:
        yield Stream(self.config.table)

    def read(self, context: Context) -> Iterator[Envelope | Checkpoint]:
        key = resume(context)
        metadata = {"TableName": self.config.table, "OperationType": "Insert"}
        while not (context.stopping or self._source.is_exhausted(key)):
            rows = self._source.rows_after(key, self.config.batch_rows)
            for row in rows:
                yield Envelope(row, metadata)
            if rows:
                key = rows[-1]["id"]
                yield Checkpoint({"id": key})
            else:
                context.wait(self.config.poll_interval_s)


def resume(context: Context) -> int:
    """The key to go on behind. Raises `ProviderError` for state that another provider wrote."""
    if context.state is None:
        return 0
    key = context.state.get("id") if isinstance(context.state, dict) else None
    if not isinstance(key, int):
        raise ProviderError("the state is not this provider's", hint="run the task under another name to begin anew")
    return key
