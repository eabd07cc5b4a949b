"""A task of two processes whose output rejects what it is told to: see `tests/fakes/providers/picky.py`."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from orchestrator.state.sqlite import SqliteState
from orchestrator.state.store import DeadLetter
from tests.cli.conftest import PROVIDERS, Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orchestrator.state.store import StoredLetter

TASK = "orders"


class PickyTask:
    """The task `orders` of a project, numbers from 1 to `count` as its input. `blocks` are added to the task."""

    def __init__(
        self, folder: Path, cache: Path, *, count: int | None = 25, source: str = "", blocks: str = ""
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.project = Project(folder, cache)
        limit = "interval = 0.01" if count is None else f"count = {count}"
        self.project.write(
            f'task "{TASK}" {{\n'
            f'  input {{\n    provider_path = "{source or PROVIDERS / "numbers.py"}"\n    protocol = 1\n'
            f"    config {{\n      {limit}\n    }}\n  }}\n"
            f"  output {{\n{provider(folder)}  }}\n{blocks}}}\n"
        )

    def refuse(self, *values: int) -> None:
        """Have the output reject these from its next start on."""
        (self.folder / "refused").write_text(json.dumps(values))

    def lines(self, name: str = "sink") -> list[bytes]:
        """What the output wrote."""
        path = self.folder / name
        return path.read_bytes().splitlines(keepends=True) if path.exists() else []

    def values(self, name: str = "sink") -> list[int]:
        return [json.loads(line)["data"]["value"] for line in self.lines(name)]

    def envelopes(self) -> list[dict[str, Any]]:
        """What each start of an output was told."""
        return [json.loads(line) for line in self.lines("envelopes")]

    @contextlib.contextmanager
    def state(self) -> Iterator[SqliteState]:
        with contextlib.closing(SqliteState(self.folder / ".dstream" / "state.db")) as state:
            yield state

    def letters(self) -> Sequence[StoredLetter]:
        with self.state() as state:
            return state.letters(TASK, limit=10_000)

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Have the task have these dead letters."""
        with self.state() as state:
            claim = state.claim(TASK, "EARLIER")
            state.commit(claim, None, letters)
            state.finish(claim, "ended", {}, delivery="at-least-once")

    def point(self) -> Any:
        """Where the task would resume."""
        with self.state() as state:
            return state.checkpoint(TASK)


def provider(folder: Path, **config: str) -> str:
    """The attributes of a block that names the picky output."""
    told = "".join(f'      {name} = "{value}"\n' for name, value in {"folder": str(folder), **config}.items())
    return f'    provider_path = "{PROVIDERS}/picky.py"\n    protocol = 1\n    config {{\n{told}    }}\n'


def letter(value: int, code: str = "refused", table: str = "") -> DeadLetter:
    metadata = {"SchemaName": "dbo", "TableName": table} if table else {}
    envelope = json.dumps({"data": {"value": value}, "metadata": metadata}, separators=(",", ":"))
    return DeadLetter(value, code, "why", envelope.encode())
