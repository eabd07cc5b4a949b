"""The orchestrator's death, and the engine's, as containers and the next command see them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import UnavailableError
from orchestrator.runtime.base import ImageProgram, Launch, Scope, StreamBroken
from orchestrator.runtime.docker import DockerRuntime
from orchestrator.runtime.guard import Guard
from tests.integration.runtime.conftest import import_image
from tests.servers.engine import PrivateEngine
from tests.streams import read_all, read_line, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import APIClient

pytestmark = [
    pytest.mark.engine,
    # A connection that breaks within an answer is closed by the SDK's going out of memory, and by nothing else.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]

ORCHESTRATOR = """
import os, signal, sys
from orchestrator.runtime.base import ImageProgram, Launch, Scope
from orchestrator.runtime.docker import DockerRuntime
from orchestrator.runtime.guard import Guard
from tests.streams import read_line

engine, image, project, line, guarded = sys.argv[1:]
guard = Guard()
runtime = DockerRuntime(Scope(project, "orders", "run-1"), engine_host=engine, guard=guard)
running = runtime.start(Launch("input", ImageProgram("test", image), args=["sh", "-c", line]))
assert read_line(running.stdout) == b"up"
if guarded == "no":
    os.kill(guard._process.pid, signal.SIGKILL)
    guard._process.wait()
print(running.identity, flush=True)
sys.stdin.read()
"""


class Orchestrator:
    """Another process that runs one container, to be killed."""

    def __init__(self, engine: str, tools: ImageProgram, project: str, line: str, *, guarded: bool) -> None:
        arguments = [engine, tools.image_id, project, line, "yes" if guarded else "no"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", ORCHESTRATOR, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self._process.stdout is not None
        self.container = self._process.stdout.readline().decode().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def test_a_killed_orchestrators_container_reads_the_end_of_its_stdin(
    engine: str, tools: ImageProgram, scope: Scope, runtime: DockerRuntime, api: APIClient
) -> None:
    run = Orchestrator(engine, tools, scope.project, "echo up; cat; exit 5", guarded=False)
    run.kill()
    assert api.wait(run.container, timeout=30)["StatusCode"] == 5
    assert [leftover.identity for leftover in runtime.leftovers()] == [run.container]


def test_the_guard_kills_and_removes_a_container_that_does_not_care(
    engine: str, tools: ImageProgram, scope: Scope, runtime: DockerRuntime
) -> None:
    run = Orchestrator(engine, tools, scope.project, "echo up; exec sleep 1000", guarded=True)
    assert [leftover.identity for leftover in runtime.leftovers()] == [run.container]
    run.kill()
    until(lambda: not runtime.leftovers(), "the container is gone")


@pytest.fixture(scope="module")
def mortal() -> Iterator[PrivateEngine]:
    """An engine to be killed, whose containers outlive it."""
    with PrivateEngine("runtime", live_restore=True) as engine:
        yield engine


@pytest.fixture(scope="module")
def mortal_tools(mortal: PrivateEngine) -> ImageProgram:
    return import_image(mortal.host)


@pytest.fixture
def revived(mortal: PrivateEngine) -> Iterator[PrivateEngine]:
    """That engine, running before and after."""
    yield mortal
    mortal.start()


def test_a_killed_engine_breaks_the_streams_and_loses_the_exit(
    revived: PrivateEngine, mortal_tools: ImageProgram, scope: Scope
) -> None:
    guard = Guard()
    runtime = DockerRuntime(scope, engine_host=revived.host, guard=guard)
    running = runtime.start(Launch("input", mortal_tools, args=["sh", "-c", "echo up; sleep 1000"]))
    assert read_line(running.stdout) == b"up"
    revived.kill()
    for stream in (running.stdout, running.stderr):
        with pytest.raises(StreamBroken):
            read_all(stream)
    with pytest.raises(UnavailableError) as lost:
        running.wait(60)
    assert lost.value.code == "engine.lost"
    with pytest.raises(UnavailableError) as unreachable:
        running.kill()
    assert unreachable.value.code == "engine.unreachable"
    with pytest.raises(UnavailableError) as left:
        running.dispose(1)
    assert left.value.code == "runtime.leftover"

    revived.start()
    # The container has lived on; nothing is attached again, it can only be removed.
    assert [leftover.identity for leftover in runtime.leftovers()] == [running.identity]
    running.dispose(30)
    assert runtime.leftovers() == []
    runtime.close()


def test_the_guard_waits_for_an_engine_that_is_away(
    revived: PrivateEngine, mortal_tools: ImageProgram, scope: Scope
) -> None:
    run = Orchestrator(revived.host, mortal_tools, scope.project, "echo up; exec sleep 1000", guarded=True)
    revived.kill()
    run.kill()
    revived.start()
    runtime = DockerRuntime(scope, engine_host=revived.host, guard=Guard())
    until(lambda: not runtime.leftovers(), "the container is gone")


def test_an_engine_that_hangs_costs_no_more_than_the_deadline(
    revived: PrivateEngine, mortal_tools: ImageProgram, scope: Scope
) -> None:
    runtime = DockerRuntime(scope, engine_host=revived.host, guard=Guard())
    running = runtime.start(Launch("input", mortal_tools, args=["sh", "-c", "echo up; sleep 1000"]))
    assert read_line(running.stdout) == b"up"
    engine = int(revived._pid_file.read_text())
    os.kill(engine, signal.SIGSTOP)
    try:
        with pytest.raises(UnavailableError) as left:
            running.dispose(1)
        assert left.value.code == "runtime.leftover"
    finally:
        os.kill(engine, signal.SIGCONT)
    running.dispose(30)
    assert runtime.leftovers() == []
    runtime.close()
