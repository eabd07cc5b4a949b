"""`dstream top`, on a terminal and without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.views.sparks import BARS, PLAIN_BARS
from orchestrator.errors import EXIT_CONFIG
from tests.cli.test_signals import rest, wait_for
from tests.cli.test_terminal import on_a_terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Project

LEFT = "\x1b[?1049l"  # the other screen, and so all that was drawn, is gone


@pytest.mark.parametrize("key", ["xyq", "\x03"])
def test_it_draws_every_task_until_it_is_told_to_end(project: Project, key: str) -> None:
    project.task(config="interval = 0.01\nevery = 1")
    project.task("persons")
    with project.started("run", "orders") as process:
        wait_for(process, "value 3")
        shown = on_a_terminal(project, "top", keys=key, behind=BARS[-1])
        process.terminate()
        rest(process)
    assert "2 tasks: 1 running, 1 never run  (q ends)" in shown
    assert "\x1b[32mrunning" in shown
    assert shown.endswith(LEFT)


def test_a_plain_terminal_gets_no_colours_and_bars_that_it_can_show(project: Project) -> None:
    project.task(config="interval = 0.01\nevery = 1")
    plain = {"NO_COLOR": "1", "PYTHONIOENCODING": "ascii"}
    with project.started("run", "orders") as process:
        wait_for(process, "value 3")
        shown = on_a_terminal(project, "top", keys="q", behind=PLAIN_BARS[-1], **plain)
        process.terminate()
        rest(process)
    assert "\x1b[3" not in shown
    assert "\x1b[1m" not in shown
    assert shown.isascii()


def test_without_a_terminal_it_says_what_else_there_is(project: Project) -> None:
    project.task()
    done = project.execute("top")
    assert done.code == EXIT_CONFIG
    assert "error[usage]: `dstream top` needs a terminal" in done.stderr
    assert "dstream ps --watch" in done.stderr
    assert "needs a terminal" in on_a_terminal(project, "top", TERM="dumb")
