"""`dstream snapshot`: asking, from one shell, a run that was started from another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_FAILED
from tests.cli.test_signals import rest, wait_for

if TYPE_CHECKING:
    from tests.cli.conftest import Project


def test_a_running_input_gets_the_request(project: Project) -> None:
    project.task(source="asked.py")
    with project.started("run", "orders") as process:
        wait_for(process, "value waiting")
        asked = project.run("snapshot", "orders", "--table", "dbo.Orders", "--filter", "Id > 1")
        stdout, _ = rest(process)
    assert (asked.code, asked.stdout) == (EXIT_DONE, "orders reads dbo.Orders anew\n")
    assert stdout == "value {'kind': 'snapshot', 'tables': ['dbo.Orders'], 'filter': 'Id > 1'}\n"
    assert process.returncode == EXIT_DONE


def test_the_answer_is_one_event_for_a_program(project: Project) -> None:
    project.task(source="asked.py")
    with project.started("run", "orders") as process:
        wait_for(process, "value waiting")
        (event,) = project.run("snapshot", "orders", "--all", "--json").events
        rest(process)
    assert len(event.pop("run_id")) == 26
    assert event == {"event": "snapshot", "task": "orders", "tables": [], "filter": None}


def test_a_task_that_does_not_run_cannot_be_asked(project: Project) -> None:
    project.task()
    done = project.run("snapshot", "orders", "--all")
    assert done.code == EXIT_FAILED
    assert "error[task.not_running]" in done.stderr
    assert "dstream run orders" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which tables"),
        (["--all", "--table", "a"], "which tables"),
        (["--all", "--filter", "Id > 1"], "about one table"),
        (["--table", "a", "--table", "b", "--filter", "Id > 1"], "about one table"),
    ],
)
def test_what_it_reads_must_be_said(project: Project, arguments: list[str], said: str) -> None:
    project.task()
    done = project.run("snapshot", "orders", *arguments)
    assert done.code == EXIT_CONFIG
    assert said in done.stderr
