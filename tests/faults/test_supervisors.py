"""Tasks that run in supervisors of their own: started, stopped and restarted from shells that come and go."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.compose import services
from orchestrator.config import load_project
from orchestrator.pipeline import stopping
from orchestrator.settings import load_settings
from tests.faults.fleet import Fleet
from tests.faults.project import DSTREAM, command_of, environment_of
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.pipeline.stopping import Stage, Stopped

ENDS_WITHIN = 60.0
DIES = Path(__file__).parents[1] / "fakes" / "providers" / "dies.py"


@pytest.fixture
def fleet_of(tmp_path: Path, cache: Path) -> Iterator[Callable[..., Fleet]]:
    """Makes projects of tasks whose providers are processes, and sees to it that nothing of them is left."""
    made: list[Fleet] = []

    def make(count: int, *, restart: str = 'policy = "no"') -> Fleet:
        made.append(Fleet(tmp_path / f"fleet-{len(made)}", cache, count, host=None, rate=100, restart=restart))
        return made[-1]

    yield make
    for fleet in made:
        fleet.sweep()


def is_whole(fleet: Fleet) -> None:
    assert [fault for member in fleet.members for fault in member.faults()] == []
    assert fleet.left_for_good() == []


def in_a_terminal(fleet: Fleet, *arguments: str) -> str:
    """The command in a terminal that is closed once it has ended; what it showed there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(fleet.folder)
        os.execve(DSTREAM, ["dstream", *arguments], fleet.environ)
    shown = b""
    with contextlib.suppress(OSError):  # how the end of a terminal is told
        while chunk := os.read(terminal, 65536):
            shown += chunk
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown.decode()
    os.close(terminal)
    return shown.decode()


def test_detached_tasks_outlive_their_terminal_and_another_shell_stops_them(fleet_of: Callable[..., Fleet]) -> None:
    fleet = fleet_of(2)
    shown = in_a_terminal(fleet, "run", "task-00", "task-01", "--detach")
    supervisors = fleet.supervisors()
    for name in ("task-00", "task-01"):
        assert f"{name} runs (process {supervisors[name]})" in shown
        assert os.getsid(supervisors[name]) == supervisors[name]
    fleet.flows("task-00", "task-01")
    assert fleet.does("stop", "task-00") == "task-00 is stopped\n"
    fleet.agrees(["task-01"])
    assert fleet.does("stop", "--all") == "task-00 was not running\ntask-01 is stopped\n"
    is_whole(fleet)


def test_run_all_says_which_run_already_and_starts_the_others(fleet_of: Callable[..., Fleet]) -> None:
    fleet = fleet_of(3)
    fleet.does("run", "task-01", "--detach")
    told = fleet.does("run", "--all", "--detach").splitlines()
    assert re.search(r"^task-01 is being run already, by process \d+ on ", told[0])
    assert sorted(line.split(" (")[0] for line in told[1:]) == ["task-00 runs", "task-02 runs"]
    fleet.agrees(["task-00", "task-01", "task-02"])
    again = fleet.dstream("run", "task-01", "--detach")
    assert (again.returncode, re.findall(r"^error\[(\S+)\]", again.stderr, re.MULTILINE)) == (1, ["task.running"])
    fleet.does("stop", "--all")
    is_whole(fleet)


def test_a_task_that_does_not_start_is_told_with_its_reason_and_hinders_no_other_one(
    fleet_of: Callable[..., Fleet],
) -> None:
    fleet = fleet_of(3)
    fleet.rewrite(f'folder = "{fleet.members[1].data}"\n      batch = 7', 'batch = "many"')  # its sink has no folder
    fleet.rewrite('data-02"\n      count', 'data-02"\n      county = local.nothing\n      count')
    done = fleet.dstream("run", "--all", "--detach")
    assert done.returncode == 3
    found = re.findall(r"^(task-\d+) did not start:\nerror\[(\S+)\]", done.stderr, re.MULTILINE)
    assert sorted(found) == [("task-01", "provider.died"), ("task-02", "config.unknown_local")]
    assert "KeyError: 'folder'" in done.stderr
    fleet.agrees(["task-00"])
    fleet.does("stop", "--all")
    assert fleet.left_for_good() == []


def test_a_crash_loop_is_seen_as_such_and_stopped(fleet_of: Callable[..., Fleet]) -> None:
    fleet = fleet_of(1, restart='backoff = "200ms"\n    max_backoff = "60s"')
    fleet.rewrite(str(Path(__file__).parent / "providers" / "sink.py"), str(DIES))
    done = fleet.dstream("run", "task-00", "--detach")
    assert done.returncode == 1
    assert "error[run.backing_off]" in done.stderr
    assert "trying again in" in done.stderr
    until(lambda: fleet.status("task-00")["failures_in_a_row"] >= 3, "it fails again and again", 60)
    until(lambda: fleet.ps()["task-00"]["state"] == "backing off", "ps says so", 60)
    row = fleet.ps()["task-00"]
    assert re.match(r"failed \d+ times in a row: provider\.died", row["why"])
    assert row["live"]["restarts"] >= 2
    assert fleet.does("stop", "task-00").startswith("task-00 is stopped, and failed: provider.died")
    assert fleet.left_for_good() == []


def test_stop_says_that_a_supervisor_was_killed_and_closes_its_record(fleet_of: Callable[..., Fleet]) -> None:
    fleet = fleet_of(1)
    fleet.does("run", "task-00", "--detach")
    fleet.flows("task-00")
    os.kill(fleet.supervisors()["task-00"], signal.SIGKILL)
    until(lambda: not fleet.processes(), "its guard has cleaned up and is gone")
    assert fleet.ps()["task-00"]["state"] == "killed"
    assert fleet.does("stop", "task-00") == "task-00 is stopped: its process had been killed, it left nothing\n"
    assert fleet.does("stop", "task-00") == "task-00 was not running\n"
    assert fleet.ps()["task-00"]["state"] == "failed"
    fleet.does("run", "task-00", "--detach")
    fleet.flows("task-00")
    os.kill(fleet.supervisors()["task-00"], signal.SIGKILL)
    again = fleet.dstream("run", "task-00", "--detach")
    assert (again.returncode, "warning: the last run was killed" in again.stderr) == (0, True), again.stderr
    fleet.does("stop", "task-00")
    is_whole(fleet)


def test_a_restart_runs_with_the_options_of_before_and_keeps_no_variable(fleet_of: Callable[..., Fleet]) -> None:
    fleet = fleet_of(1)
    fleet.rewrite('task "task-00"', 'variable "secret" {}\ntask "task-00"')
    fleet.rewrite("batch = 7", "batch = 7\n      password = var.secret")
    fleet.does("run", "task-00", "--detach", "--grace", "7s", "--var", "secret=hunter2hunter2")
    first = fleet.supervisors()["task-00"]
    fleet.does("restart", "task-00")
    fleet.flows("task-00")
    second = fleet.supervisors()["task-00"]
    assert first != second
    order = fleet.controls.ask("task-00", "order")
    assert (order["wishes"]["grace"], order["variables"]) == ("7s", ["secret=hunter2hunter2"])
    for pid in fleet.processes():
        assert "hunter2" not in command_of(pid)
        assert not any(b"hunter2" in variable for variable in environment_of(pid))
    kept = [path for path in (fleet.folder / ".dstream").rglob("*") if path.is_file()]
    assert not [path for path in kept if b"hunter2" in path.read_bytes()]

    os.kill(second, signal.SIGKILL)
    refused = fleet.dstream("restart", "task-00")
    assert (refused.returncode, "--var secret=…" in refused.stderr) == (3, True), refused.stderr
    fleet.does("restart", "task-00", "--var", "secret=hunter3hunter3")
    assert fleet.controls.ask("task-00", "order")["wishes"]["grace"] == "7s"
    fleet.flows("task-00")
    fleet.does("stop", "task-00")
    is_whole(fleet)


@contextlib.contextmanager
def in_the_foreground(fleet: Fleet, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [DSTREAM, "run", *arguments],
        cwd=fleet.folder,
        env=fleet.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_several_tasks_in_the_foreground_say_whose_line_it_is_and_drain_together(
    fleet_of: Callable[..., Fleet],
) -> None:
    fleet = fleet_of(2)
    with in_the_foreground(fleet, "task-00", "task-01") as process:
        # What a source has written before its sink is ready is nobody's yet.
        until(lambda: {row["state"] for row in fleet.ps().values()} == {"running"}, "both run")
        fleet.flows("task-00", "task-01")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=ENDS_WITHIN)
    assert process.returncode == 0, said
    for name in ("task-00", "task-01"):
        assert re.search(rf"^{name} \| draining$", said, re.MULTILINE)
        assert re.search(rf"^{name} \| {name} drained after .* acknowledged$", said, re.MULTILINE)
    is_whole(fleet)


def test_several_tasks_drain_when_the_command_that_runs_them_is_killed(fleet_of: Callable[..., Fleet]) -> None:
    fleet = fleet_of(2)
    with in_the_foreground(fleet, "--all") as process:
        # What a source has written before its sink is ready is nobody's yet.
        until(lambda: {row["state"] for row in fleet.ps().values()} == {"running"}, "both run")
        fleet.flows("task-00", "task-01")
        process.kill()
        until(lambda: not fleet.supervisors(), "they have drained", ENDS_WITHIN)
    assert {row["state"] for row in fleet.ps().values()} == {"stopped"}
    is_whole(fleet)


def stopped(fleet: Fleet, name: str, grace: float, stages: list[Stage]) -> Stopped:
    """`dstream stop`, in this process."""
    project = load_project(fleet.folder / "dstream.hcl")
    with services(project, load_settings(), shared=False) as offered:
        return stopping.stop_task(name, offered, grace, waiting=lambda stage, _: stages.append(stage))


def test_a_supervisor_that_does_not_answer_is_killed_in_the_end(
    fleet_of: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DRAIN_S", "KILL_S", "ANSWER_S"):
        monkeypatch.setattr(stopping, name, 0.5)
    monkeypatch.setattr(stopping, "HUSH_S", 0.1)
    fleet = fleet_of(1)
    fleet.does("run", "task-00", "--detach")
    fleet.flows("task-00")
    os.kill(fleet.supervisors()["task-00"], signal.SIGSTOP)
    stages: list[Stage] = []
    end = stopped(fleet, "task-00", 0.2, stages)
    assert (end.was, end.forced) == ("running", "killed")
    assert stages[:2] == ["not answering", "ending"]
    until(lambda: not fleet.processes(), "it is gone")
    assert json.loads(fleet.does("--json", "ps"))["state"] == "failed"


def test_stop_says_meanwhile_what_it_waits_for(fleet_of: Callable[..., Fleet]) -> None:
    fleet = fleet_of(1)
    fleet.does("run", "task-00", "--detach")
    fleet.flows("task-00")
    (supervisor,) = fleet.supervisors().values()
    os.kill(supervisor, signal.SIGSTOP)
    command = [str(DSTREAM), "stop", "task-00", "--grace", "20s"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=fleet.folder, env=fleet.environ, stdout=pipe, stderr=pipe, text=True) as stop:
        assert stop.stderr is not None
        said = stop.stderr.readline()
        os.kill(supervisor, signal.SIGCONT)
        told, more = stop.communicate(timeout=ENDS_WITHIN)
    assert re.fullmatch(r"task-00 does not answer: it has 2 m \d\d s to drain all the same\n", said)
    assert (stop.returncode, told, more) == (0, "task-00 is stopped\n", "")
    is_whole(fleet)


def test_a_drain_that_takes_longer_than_the_grace_that_stop_gives_is_ended(fleet_of: Callable[..., Fleet]) -> None:
    fleet = fleet_of(1)
    fleet.rewrite("linger = 0.005", "wait_at = 50")
    fleet.does("run", "task-00", "--detach")
    until((fleet.members[0].data / "waiting").exists, "the sink stands still", 60)
    told = fleet.does("stop", "task-00", "--grace", "500ms")
    assert "provider.drain_timeout" in told
    assert fleet.left_for_good() == []
