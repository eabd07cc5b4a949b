"""A process runtime with a state directory and a guard of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.runtime.base import Launch, PathProgram, Scope
from orchestrator.runtime.guard import Guard
from orchestrator.runtime.process import ProcessRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orchestrator.runtime.process import RunningProcess

SCOPE = Scope("project", "orders", "run-1")


@pytest.fixture
def guard() -> Iterator[Guard]:
    guard = Guard()
    yield guard
    guard.close()


@pytest.fixture
def runtime(tmp_path: Path, guard: Guard) -> ProcessRuntime:
    return ProcessRuntime(SCOPE, state_dir=tmp_path / "state", guard=guard)


@pytest.fixture
def start(runtime: ProcessRuntime) -> Iterator[Callable[..., RunningProcess]]:
    """Starts a line of shell as a provider, disposed at the end."""
    started: list[RunningProcess] = []

    def run(line: str, **options: object) -> RunningProcess:
        launch = Launch("input", PathProgram("/bin/sh"), args=["-c", line], **options)  # type: ignore[arg-type]
        started.append(runtime.start(launch))
        return started[-1]

    yield run
    for running in started:
        running.dispose(10)


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., PathProgram]:
    """Writes an executable file."""

    def write(content: str, *, mode: int = 0o755, name: str = "provider") -> PathProgram:
        path = tmp_path / name
        path.write_text(content)
        path.chmod(mode)
        return PathProgram(str(path))

    return write
