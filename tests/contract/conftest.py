from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dstream_sdk.testing.process import ProviderProcess

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


class Running:
    """One provider process, spoken to in messages."""

    def __init__(self, process: ProviderProcess) -> None:
        self.process = process

    def send(self, *messages: Any) -> None:
        for message in messages:
            self.process.send(msgspec.json.encode(message) + b"\n", PATIENCE_S)

    def read(self) -> dict[str, Any]:
        line = self.process.line(PATIENCE_S)
        assert line is not None, self.process.stderr
        found: dict[str, Any] = msgspec.json.decode(line)
        return found

    def rest(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in self.process.lines_until_end(PATIENCE_S)]

    def status(self) -> int:
        return self.process.status(PATIENCE_S)


Start = Callable[..., AbstractContextManager[Running]]


@pytest.fixture
def start() -> Start:
    """Starts `tests/fakes/sdk/<name>.py` and sends it the command, with protocol 1 unless told otherwise."""

    @contextmanager
    def started(
        name: str, config: dict[str, Any] | None = None, *, env: Any = None, **fields: Any
    ) -> Iterator[Running]:
        command = [sys.executable, "-m", f"tests.fakes.sdk.{name}"]
        with ProviderProcess(command, {"PYTHONPATH": str(ROOT), **(env or {})}) as process:
            running = Running(process)
            envelope = {"command": "run", "config": config or {}, "protocol": 1, **fields}
            running.send({key: value for key, value in envelope.items() if value is not None})
            yield running

    return started


@pytest.fixture
def spawn() -> Iterator[Running]:
    """A source that was not told anything yet."""
    with ProviderProcess([sys.executable, "-m", "tests.fakes.sdk.source"], {"PYTHONPATH": str(ROOT)}) as process:
        yield Running(process)
