"""Kills in the middle of init and destroy, on Pulumi's engine: the next command repairs what they left."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dstream_sdk import LifecycleReply
from tests.filetask import FileTask, actions

MakeTask = Callable[..., FileTask]
LOCKED_AT = "2026-01-01T00:00:00Z"


@pytest.fixture
def make(tmp_path: Path, pulumi_engine: Path) -> MakeTask:
    def made(**settings: Any) -> FileTask:
        return FileTask(tmp_path, pulumi_engine, **{"files": {"a": 1, "b": 2}, **settings})

    return made


def shared(tmp_path: Path) -> dict[str, Any]:
    state = tmp_path / "shared"
    state.mkdir(exist_ok=True)
    return {"backend": state.as_uri(), "passphrase": "correct horse"}


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def descendants(pid: int) -> list[int]:
    return [one for child in children(pid) for one in (child, *descendants(child))]


def kill_engine(process: subprocess.Popen[str]) -> LifecycleReply | None:
    (engine,) = children(process.pid)
    os.kill(engine, signal.SIGKILL)
    return None


def kill_all(process: subprocess.Popen[str]) -> None:
    """As a container dies."""
    for pid in (process.pid, *descendants(process.pid)):
        os.kill(pid, signal.SIGKILL)
    process.communicate()


def interrupt(task: FileTask, command: str, kill: Callable[[subprocess.Popen[str]], object]) -> None:
    """Kill in the middle of what happens to `a`: it is done on the far side, and not yet known to be."""
    task.hold("a")
    process = task.start(command)
    task.held()
    kill(process)
    if process.returncode is None:
        reply = task.reply(process)
        assert reply.status == "Failed"
    task.release()


@pytest.mark.parametrize("kill", [kill_engine, kill_all])
def test_init_continues_what_a_killed_init_began(make: MakeTask, kill: Callable[..., object]) -> None:
    task = make()
    interrupt(task, "init", kill)
    assert "a" in task.files()
    planned = task.do("plan")
    assert planned.message == "the creation of files.File `a` had been interrupted"
    assert task.do("init").status == "Success"
    assert task.files() == ["a", "b"]
    settled = task.do("plan")
    assert actions(settled) == {"a": "same", "b": "same"}
    assert settled.message == ""


def test_destroy_after_a_killed_init_leaves_no_orphan(make: MakeTask) -> None:
    task = make()
    interrupt(task, "init", kill_all)
    (lock,) = task.folder.glob(".pulumi/locks/**/*.json")
    lock.write_text("")  # killed while it was written
    assert task.do("destroy").status == "Success"
    assert task.files() == []


def test_init_removes_what_a_killed_init_began_and_nobody_wants_any_more(make: MakeTask, tmp_path: Path) -> None:
    task = make()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    task.environ["TMPDIR"] = str(temporary)
    interrupt(task, "init", kill_all)
    assert (task.folder / "scratch").exists()
    task.config["files"] = {"b": 2}
    assert task.do("init").status == "Success"
    assert task.files() == ["b"]
    assert not (task.folder / "scratch").exists()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("kill", "command"), [(kill_engine, "destroy"), (kill_all, "init")])
def test_a_killed_destroy_is_finished_or_undone(make: MakeTask, kill: Callable[..., object], command: str) -> None:
    task = make()
    task.do("init")
    interrupt(task, "destroy", kill)
    assert "a" not in task.files()
    assert task.do(command).status == "Success"
    assert task.files() == ([] if command == "destroy" else ["a", "b"])


def test_the_next_command_waits_for_an_engine_that_outlived_its_provider(make: MakeTask) -> None:
    task = make()
    task.hold("a")
    killed = task.start("init")
    task.held()
    killed.kill()
    killed.communicate()
    with (task.folder / "lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    following = task.start("init")
    task.release()
    assert actions(task.reply(following)) == {"a": "same", "b": "create"}
    assert task.files() == ["a", "b"]


def test_a_cancelled_init_ends_what_it_began_and_the_next_continues(make: MakeTask) -> None:
    task = make()
    task.hold("a")
    process = task.start("init")
    task.held()
    assert process.stdin is not None
    process.stdin.close()
    assert process.stderr is not None
    while "stopping once what is under way is done" not in (line := process.stderr.readline()):
        assert line
    task.release()
    cancelled = task.reply(process)
    assert (cancelled.status, task.files()) == ("Failed", ["a"])
    assert "cancel" in (cancelled.error or "")
    planned = task.do("plan")
    assert (planned.message, actions(planned)) == ("", {"a": "same", "b": "create"})
    assert task.do("init").status == "Success"
    assert task.files() == ["a", "b"]


def test_shared_state_is_unlocked_of_a_killed_engine_of_ours_and_of_no_other(make: MakeTask, tmp_path: Path) -> None:
    task = make(infrastructure=shared(tmp_path))
    interrupt(task, "init", kill_engine)
    (lock,) = (tmp_path / "shared").glob(".pulumi/locks/**/*.json")
    assert task.do("init").status == "Success"
    assert "taking away the lock" in task.said
    assert not lock.exists()

    lock.write_text(json.dumps({"pid": 1, "username": "x", "hostname": socket.gethostname(), "timestamp": LOCKED_AT}))
    assert "locked by another command" in (task.do("init").error or "")
    assert lock.exists()
