"""`dstream ps`: how all tasks are, from another shell, whatever became of their runs."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from orchestrator.errors import EXIT_DONE
from tests.cli.test_signals import rest, wait_for
from tests.cli.test_terminal import on_a_terminal
from tests.streams import until

if TYPE_CHECKING:
    from tests.cli.conftest import Project

ENDLESS = "interval = 0.01\nevery = 1"


def row(project: Project, task: str) -> dict[str, Any]:
    """What a program is told of one task."""
    return next(event for event in project.run("ps", "--json").events if event["task"] == task)


def stored(project: Project) -> dict[str, Any]:
    """The same of `orders`, once its run has stored its first state."""
    until(lambda: (row(project, "orders")["live"] or {}).get("checkpoint"), "its first state", pause=0.1)
    return row(project, "orders")


def test_every_task_has_a_line_also_one_that_is_no_longer_in_the_file(project: Project) -> None:
    project.task("done", config="count = 5")
    project.task("failing", output="dies.py")
    project.run("run", "done")
    project.run("run", "failing")
    project.write("")
    project.task("orders", config=ENDLESS)
    project.task("failing", output="dies.py")
    with project.started("run", "orders") as process:
        wait_for(process, "value 3")
        shown = project.run("ps")
        process.terminate()
        rest(process)
    heading, orders, failing, done = shown.stdout.splitlines()
    assert heading.split()[:3] == ["TASK", "STATE", "SINCE"]
    assert orders.split()[:2] == ["orders", "running"]
    assert failing.split()[:2] == ["failing", "failed"]
    assert failing.endswith("cannot reach the database") or "provider.died: output" in failing
    assert done.split()[:2] == ["done", "stopped"]


def test_a_program_learns_the_figures_of_a_run(project: Project) -> None:
    project.task(config=ENDLESS)
    assert row(project, "orders")["state"] == "never run"
    with project.started("run", "orders") as process:
        wait_for(process, "value 3")
        live = stored(project)["live"]
        process.terminate()
        rest(process)
    assert (live["state"], live["pid"], live["restarts"]) == ("running", process.pid, 0)
    assert live["counts"]["relayed"] >= 3
    assert live["checkpoint"]["id"] >= 1
    assert live["rates"]["records_60"] > 0
    after = row(project, "orders")
    assert (after["state"], after["live"]) == ("stopped", None)
    assert after["last"]["figures"]["relayed"] >= live["counts"]["relayed"]


def test_a_run_that_was_killed_is_called_so_until_the_next_one_cleans_up(project: Project) -> None:
    project.task(config=ENDLESS)
    with project.started("run", "orders") as process:
        wait_for(process, "value 3")
        stored(project)
        process.kill()
        rest(process)
    killed = row(project, "orders")
    assert (killed["state"], killed["holder"]) == ("killed", None)
    assert killed["checkpoint_at"] is not None
    assert "`dstream run orders` cleans up behind it" in project.run("ps").stdout
    assert "orders is not running on this host: it was killed\n" in project.run("status", "orders", "--no-infra").stdout
    project.run("run", "orders", "--max-records", "3")
    assert row(project, "orders")["state"] == "stopped"


def test_a_run_that_is_stopped_in_its_tracks_does_not_answer_and_the_others_are_shown(project: Project) -> None:
    project.task("orders", config=ENDLESS)
    project.task("persons", config=ENDLESS)
    with project.started("run", "orders") as orders, project.started("run", "persons") as persons:
        wait_for(orders, "value 3")
        wait_for(persons, "value 3")
        os.kill(orders.pid, signal.SIGSTOP)
        shown = {event["task"]: event for event in project.run("ps", "--json").events}
        status = project.run("status", "orders", "--no-infra")
        os.kill(orders.pid, signal.SIGCONT)
        for process in (orders, persons):
            process.terminate()
            rest(process)
    assert (shown["orders"]["state"], shown["persons"]["state"]) == ("not answering", "running")
    assert shown["orders"]["holder"]["pid"] == orders.pid
    assert "the run of task `orders` does not answer" in shown["orders"]["why"]
    assert "orders is being run, and its run does not answer\n" in status.stdout
    assert orders.returncode == EXIT_DONE


def test_a_crash_loop_is_seen_as_one_and_its_secrets_are_not(project: Project) -> None:
    script = project.folder / "talks.py"
    script.write_text(
        "#!/usr/bin/env -S python3 -IS\nimport json, sys\n"
        "print('password is', json.loads(sys.stdin.readline())['config']['password'], file=sys.stderr)\nsys.exit(7)\n"
    )
    script.chmod(0o755)
    project.environ["PASSWORD"] = "hunter2-hunter2"
    project.task(source=str(script), config='password = env("PASSWORD")')
    policy = 'restart {\n    policy = "on-failure"\n    backoff = "0.01s"\n    max_backoff = "1h"\n  }'
    project.write(project.file.read_text().replace('task "orders" {\n', f'task "orders" {{\n  {policy}\n'))
    with project.started("run", "orders") as process:
        until(lambda: ((row(project, "orders")["live"] or {}).get("failures_in_a_row") or 0) >= 2, "two failures")
        shown = project.run("ps").stdout
        status = project.run("status", "orders", "--no-infra", "--detailed").stdout
        told = project.run("ps", "--json").stdout + project.run("status", "orders", "--no-infra", "--json").stdout
        process.kill()
    assert "times in a row: provider.died: input" in shown
    assert "        | password is [secret]\n" in status
    assert "hunter2" not in shown + status + told


def test_a_project_without_tasks_says_so(project: Project) -> None:
    project.write("")
    assert project.run("ps").stdout == "no tasks: dstream.hcl has none, and none was run here\n"


def test_it_is_shown_anew_until_a_signal_ends_it(project: Project) -> None:
    project.task()
    with project.started("ps", "--watch") as process:
        for _ in range(2):
            wait_for(process, "never run")
        process.send_signal(signal.SIGINT)
        _, stderr = rest(process)
    assert (process.returncode, stderr) == (EXIT_DONE, "")


def test_on_a_terminal_it_is_drawn_in_its_place(project: Project) -> None:
    project.task()
    shown = on_a_terminal(project, "ps", "--watch", keys="\x03", behind="never run")
    assert shown.endswith("\x1b[?1049l")  # the terminal is as it was
