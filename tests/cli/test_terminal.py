"""What a person sees on a terminal."""

from __future__ import annotations

import os
import pty
import re
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import DSTREAM

if TYPE_CHECKING:
    from tests.cli.conftest import Project


def on_a_terminal(project: Project, *arguments: str, keys: str = "", behind: str = "", **environ: str) -> str:
    """All that is shown. `keys` are pressed once `behind` was."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(project.folder)
        os.execve(DSTREAM, ["dstream", *arguments], {**project.environ, "TERM": "xterm", **environ})
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not piece:
            break
        shown += piece
        if keys and behind in shown.decode("utf-8", "ignore"):
            os.write(terminal, keys.encode())
            keys = ""
    os.close(terminal)
    os.waitpid(child, 0)
    return shown.decode()


def test_a_live_line_shows_records_rates_and_acks_and_leaves_no_trace(project: Project) -> None:
    project.task(config="interval = 0.01\nevery = 1")
    shown = on_a_terminal(project, "run", "orders", keys="\x03", behind="in flight")
    assert re.search(r"running  \d+ records  \d+/s  0\.\d MB/s  acknowledged \d+  in flight \d+", shown)
    for line in shown.split("\n"):
        last = line.rpartition("\x1b[2K")[2]
        assert "in flight" not in last  # wiped before anything else is written
    assert "emitted = " in shown


def test_errors_are_coloured_unless_told_otherwise(project: Project) -> None:
    project.task()
    assert "\x1b[31m" in on_a_terminal(project, "run", "nobody")
    assert "\x1b" not in on_a_terminal(project, "run", "nobody", "--no-color")
    assert "\x1b" not in on_a_terminal(project, "run", "nobody", NO_COLOR="1")


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_nothing_moves_when_nobody_is_to_be_disturbed(project: Project, option: str) -> None:
    project.task(config="count = 3")
    assert "\x1b" not in on_a_terminal(project, "run", "orders", option)
