"""What becomes of a run's processes when the orchestrator is killed, and when the next command looks for them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.runtime import clock
from orchestrator.runtime.base import Launch, PathProgram, Scope
from orchestrator.runtime.journal import Entry, Journal
from orchestrator.runtime.process import ProcessRuntime
from orchestrator.runtime.session import Session, started_at
from tests.streams import read_line, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.runtime.guard import Guard
    from orchestrator.runtime.process import RunningProcess

ORCHESTRATOR = """
import os, signal, sys
from pathlib import Path
from orchestrator.runtime.base import Launch, PathProgram, Scope
from orchestrator.runtime.guard import Guard
from orchestrator.runtime.process import ProcessRuntime
from tests.streams import read_line

state, line, guarded = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "guarded"
guard = Guard()
runtime = ProcessRuntime(Scope("project", "orders", "run-1"), state_dir=state, guard=guard)
running = runtime.start(Launch("input", PathProgram("/bin/sh"), args=["-c", line]))
if not guarded:
    os.kill(guard._process.pid, signal.SIGKILL)
    guard._process.wait()
print(running.identity.removeprefix("pid "), read_line(running.stdout).decode(), guard._process.pid, flush=True)
sys.stdin.read()
"""


class Orchestrator:
    """Another process that runs one provider, to be killed."""

    def __init__(self, state: Path, line: str, *, guarded: bool = True) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", ORCHESTRATOR, str(state), line, "guarded" if guarded else "unguarded"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        self.provider, self.grandchild, self.guard = (int(word) for word in words)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Callable[..., Orchestrator]]:
    made: list[Orchestrator] = []

    def begin(line: str = "sleep 1000 & echo $!; wait", *, guarded: bool = True) -> Orchestrator:
        made.append(Orchestrator(tmp_path / "state", line, guarded=guarded))
        return made[-1]

    yield begin
    for other in made:
        other.kill()
        for pid in (other.provider, other.grandchild):
            if _lives(pid):
                os.kill(pid, signal.SIGKILL)


def test_a_killed_orchestrator_takes_its_provider_with_it_even_without_a_guard(
    orchestrator: Callable[..., Orchestrator],
) -> None:
    run = orchestrator(guarded=False)
    run.kill()
    until(lambda: not _lives(run.provider), "the provider is dead")


def test_the_guard_kills_what_the_provider_started(orchestrator: Callable[..., Orchestrator]) -> None:
    run = orchestrator("setsid sleep 1000 & echo $!; wait")
    run.kill()
    until(lambda: not _lives(run.provider) and not _lives(run.grandchild), "both are dead")
    until(lambda: not _lives(run.guard), "the guard has left")


def test_the_guard_does_not_mind_signals_and_lets_the_callers_pipes_go(
    orchestrator: Callable[..., Orchestrator],
) -> None:
    run = orchestrator()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        until(lambda number=number: _ignores(run.guard, number), f"it ignores {number.name}")  # type: ignore[misc]
        os.kill(run.guard, number)
    assert os.getsid(run.guard) == run.guard
    ours = {os.fspath(Path(f"/proc/{run.process.pid}/fd/{fd}").readlink()) for fd in (0, 1)}
    assert ours.isdisjoint(os.fspath(fd.readlink()) for fd in Path(f"/proc/{run.guard}/fd").iterdir())
    run.kill()
    until(lambda: not _lives(run.grandchild), "it still did its work")


def test_a_dismissed_guard_leaves_at_once(runtime: ProcessRuntime, guard: Guard) -> None:
    running = runtime.start(Launch("input", PathProgram("/bin/cat")))
    process = guard._process
    assert process is not None
    running.dispose(10)
    runtime.close()
    assert process.returncode == 0
    runtime.close()


def test_a_guard_that_was_stopped_does_not_outlive_the_run(
    runtime: ProcessRuntime, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.runtime.guard._LEAVES_WITHIN", 0.2)
    running = runtime.start(Launch("input", PathProgram("/bin/cat")))
    sentry = guard._process
    assert sentry is not None
    sentry.send_signal(signal.SIGSTOP)
    running.dispose(10)
    guard.close()
    assert sentry.returncode == -signal.SIGKILL


def test_a_guard_closed_too_early_kills_what_is_still_watched(
    start: Callable[..., RunningProcess], guard: Guard
) -> None:
    running = start("read line")
    process = guard._process
    assert process is not None
    guard.close()
    exited = running.wait(60)
    assert exited is not None
    assert exited.signal == signal.SIGKILL
    assert process.wait(60) == 0


def test_a_killed_guard_is_replaced_and_knows_everything(start: Callable[..., RunningProcess], guard: Guard) -> None:
    first = start("read line")
    process = guard._process
    assert process is not None
    process.kill()
    process.wait(60)
    second = start("read line")
    guard.close()
    assert first.wait(60) is not None
    assert second.wait(60) is not None


def test_what_is_watched_is_killed_once_its_moment_has_passed(
    start: Callable[..., RunningProcess], guard: Guard
) -> None:
    guard.until(clock.now() + 3600)
    running = start("echo up; read line")
    assert read_line(running.stdout) == b"up"
    guard.until(clock.now() + 0.2)
    exited = running.wait(60)
    assert exited is not None
    assert exited.signal == signal.SIGKILL


def test_a_moment_that_has_passed_is_the_last_thing_a_new_guard_hears(
    start: Callable[..., RunningProcess], guard: Guard
) -> None:
    running = start("read line")
    sentry = guard._process
    assert sentry is not None
    sentry.kill()
    sentry.wait(60)
    guard.until(clock.now())
    exited = running.wait(60)
    assert exited is not None
    assert exited.signal == signal.SIGKILL


def test_fencing_finds_and_removes_what_a_killed_run_left(
    orchestrator: Callable[..., Orchestrator], runtime: ProcessRuntime, tmp_path: Path
) -> None:
    run = orchestrator("setsid sleep 1000 & echo $!; wait", guarded=False)
    run.kill()
    until(lambda: not _lives(run.provider), "the provider is dead")
    assert _lives(run.grandchild)
    (leftover,) = runtime.leftovers()
    assert leftover.scope == Scope("project", "orders", "run-1")
    assert leftover.identity == f"pid {run.provider}"
    runtime.remove(leftover, 10)
    assert not _lives(run.grandchild)
    assert runtime.leftovers() == []
    assert not list((tmp_path / "state" / "processes").iterdir())


def test_fencing_lists_a_living_run_but_not_another_projects(
    start: Callable[..., RunningProcess], runtime: ProcessRuntime, tmp_path: Path, guard: Guard
) -> None:
    running = start("read line")
    assert [leftover.identity for leftover in runtime.leftovers()] == [running.identity]
    other = ProcessRuntime(Scope("another", "orders", "run-1"), state_dir=tmp_path / "state", guard=guard)
    assert other.leftovers() == []


def test_a_number_that_another_process_has_by_now_is_left_alone(runtime: ProcessRuntime, tmp_path: Path) -> None:
    stranger = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    try:
        began = started_at(stranger.pid)
        assert began is not None
        earlier = Session(stranger.pid, began + "0", "run-0.input.aa")
        Journal(tmp_path / "state").write(Entry(Scope("project", "orders", "run-0"), earlier))
        assert runtime.leftovers() == []
        assert earlier.kill_until_gone(1)
        assert replace(earlier, started=began).members() == [stranger.pid]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_note_that_a_crash_cut_off_is_cleared_away(runtime: ProcessRuntime, tmp_path: Path) -> None:
    note = tmp_path / "state" / "processes" / "1-x.json"
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"scope": {}})[:-3])
    assert runtime.leftovers() == []
    assert not note.exists()


def test_a_process_with_a_misleading_name_is_read_right(runtime: ProcessRuntime, tmp_path: Path) -> None:
    disguised = tmp_path / "a) Z 1 (b"
    shutil.copy("/bin/sleep", disguised)
    running = runtime.start(Launch("input", PathProgram(str(disguised)), args=["1000"]))
    assert len(runtime.leftovers()) == 1
    running.dispose(10)
    assert runtime.leftovers() == []


def test_a_guard_started_through_a_provider_that_writes_is_not_its_reader(start: Callable[..., RunningProcess]) -> None:
    first = start("echo first; read line")
    second = start("echo second; read line")
    assert (read_line(first.stdout), read_line(second.stdout)) == (b"first", b"second")
    first.stdin.close()  # no other process holds its writing end
    assert first.wait(60) is not None


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def _ignores(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")), 16)
    return bool(mask >> (number - 1) & 1)
