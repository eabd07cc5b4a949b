"""`dstream logs`: what runs and their providers said, from another shell, while they run and after."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_FAILED
from tests.cli.test_signals import wait_for

if TYPE_CHECKING:
    from tests.cli.conftest import Project

KILLED = "the run was killed: it did not come to say how it ended"


def messages(events: list[dict[str, Any]]) -> list[str]:
    return [event["message"] for event in events]


def test_a_run_is_told_from_its_start_to_its_end(project: Project) -> None:
    project.task(config="count = 2")
    assert project.run("run", "orders").code == EXIT_DONE
    events = project.run("logs", "orders", "--json").events
    assert {(event["event"], event["task"], len(event["run_id"])) for event in events} == {("log", "orders", 26)}
    told = messages(events)
    assert [one for one in told if one in ("started", "preparing", "starting", "running", "stopping", "ended")] == [
        *("started", "preparing", "preparing", "starting", "running", "stopping", "ended")
    ]
    said = [
        (event["provider"], event.get("stream"), event["message"]) for event in events if event["provider"] != "relay"
    ]
    assert said == [
        ("output", None, "config has []"),
        ("output", "stdout", "value 1"),
        ("output", "stdout", "value 2"),
    ]
    assert events[-1]["fields"].items() >= {"outcome": "ended", "relayed": 2, "delivered": 2, "restarts": 0}.items()


def test_people_get_a_line_for_each_event(project: Project) -> None:
    project.task(config="count = 2")
    project.run("run", "orders", "--quiet")
    done = project.run("logs", "orders", "-n", "1")
    assert done.code == EXIT_DONE
    [line] = done.stdout.splitlines()
    assert line[4] == "-"
    assert " relay  info    ended delivery=at-least-once outcome=ended " in line
    assert project.run("logs", "orders", "--provider", "output", "-n", "2").stdout.count("value ") == 2
    assert project.run("logs", "--provider", "input").stdout == ""


def test_only_what_is_as_important_and_as_late_as_asked_for(project: Project) -> None:
    project.task(source="dies.py", config="count = 1")
    failed = project.run("run", "orders")
    assert failed.code == EXIT_FAILED
    error, end = project.run("logs", "orders", "--level", "error", "--json").events[-2:]
    assert (error["level"], error["fields"]["code"]) == ("error", "provider.died")
    assert error["message"] in failed.stderr
    assert (end["message"], end["fields"]["outcome"]) == ("failed", "failed")
    assert len(project.run("logs", "orders", "--since", "10m", "--json").events) > 2
    assert project.run("logs", "orders", "--since", "2999-01-31T10:15").stdout == ""
    refused = project.run("logs", "orders", "--since", "yesterday")
    assert (refused.code, "neither a duration nor a time" in refused.stderr) == (EXIT_CONFIG, True)


def test_several_tasks_are_told_of_in_the_order_of_time(project: Project) -> None:
    project.task("one", config="count = 1")
    project.task("second", config="count = 1")
    for name in ("one", "second", "one"):
        project.run("run", name)
    events = project.run("logs", "--json").events
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert [event["task"] for event in events if event["message"] == "started"] == ["one", "second", "one"]
    lines = project.run("logs", "second", "one", "-n", "1").stdout.splitlines()
    assert [line[:9] for line in lines] == ["second | ", "one    | "]


def test_a_task_that_never_ran_has_none(project: Project) -> None:
    project.task()
    done = project.run("logs", "orders")
    assert (done.code, done.stdout) == (EXIT_DONE, "")
    assert "no run has been logged here" in done.stderr
    assert "did you mean `orders`" in project.run("logs", "order").stderr


def test_following_goes_on_with_the_next_run_and_ends_by_ctrl_c(project: Project) -> None:
    project.task(config="count = 3")
    project.run("run", "orders")
    with project.started("logs", "orders", "-f", "-n", "1") as follower:
        wait_for(follower, "emitted=3")
        project.run("state", "reset", "orders", "--yes")
        project.run("run", "orders")
        wait_for(follower, "value 3")
        wait_for(follower, "emitted=3")
        follower.send_signal(signal.SIGINT)
        assert follower.wait(60) == EXIT_DONE
        assert follower.stderr is not None
        assert follower.stderr.read() == ""


def test_a_killed_run_is_said_to_be_and_the_next_one_writes_it_down(project: Project) -> None:
    project.task(config="interval = 0.005")
    with project.started("run", "orders") as process, project.started("logs", "orders", "-f") as follower:
        wait_for(process, "value 20")
        wait_for(follower, "value 20")
        assert KILLED not in messages(project.run("logs", "orders", "--json").events)
        process.kill()
        wait_for(follower, KILLED)
        for _ in range(2):
            events = project.run("logs", "orders", "--json").events
            assert events[-1]["message"] == KILLED
            assert events[-1]["fields"] == {"outcome": "killed"}
        project.run("run", "orders", "--max-records", "5")
        again = messages(project.run("logs", "orders", "--json").events)
        assert again.count(KILLED) == 1
        assert again[-1] == "drained"
        follower.send_signal(signal.SIGINT)
        assert follower.stdout is not None
        assert KILLED not in follower.stdout.read()


def test_the_format_of_logs_is_still_said_in_short_elsewhere(project: Project) -> None:
    project.task(config="count = 1")
    assert '"event": "phase"' in project.run("run", "orders", "-f", "json", "--log-level", "info").stderr


def test_a_log_is_never_larger_than_it_may_be(project: Project) -> None:
    project.environ |= {"DSTREAM_LOG_MAX_SIZE": "256KiB", "DSTREAM_LOG_FILES": "2"}
    project.task(config="count = 20000")
    assert project.run("run", "orders", "--quiet").code == EXIT_DONE
    [folder] = (project.folder / ".dstream" / "logs").iterdir()
    files = sorted(path.name for path in folder.iterdir())
    assert len(files) == 2
    assert files[0] > "00000001.jsonl"
    assert all(path.stat().st_size <= 256 << 10 for path in folder.iterdir())
    # On a machine that is slow or busy some lines are dropped, and counted where they are missing.
    events = project.run("logs", "orders", "--json").events
    said = [event for event in events if event.get("stream") == "stdout"]
    last = 20_000
    for event in reversed(said):
        dropped = event["fields"].get("dropped") if "fields" in event else None
        if dropped is None:
            assert event["message"] == f"value {last}"
        last -= dropped or 1


@pytest.mark.parametrize("size", ["10KiB", "much"])
def test_a_log_that_would_hold_nothing_is_refused(project: Project, size: str) -> None:
    project.environ["DSTREAM_LOG_MAX_SIZE"] = size
    project.task()
    refused = project.run("logs", "orders")
    assert (refused.code, "DSTREAM_LOG_MAX_SIZE" in refused.stderr) == (EXIT_CONFIG, True)
