"""The rounds of `test_kills.py`, played with faults put in: each must come out red."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.edited import ack_before_commit, edited_package
from tests.faults.places import Processes
from tests.faults.rounds import Stream, play

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.project import Project

FORWARD = """\
        if end > start:
            self._write(self._reader.view[start:end])
"""
TAMPER = """\
        data = bytes(self._reader.view[start:end])
        at = data.find(b'{{"data":')
        behind = data.find(b"\\n", at) + 1
        if at >= 0 and self._ledger.relayed > 100 and not hasattr(self, "tampered"):
            self.tampered = True
            data = {tampered}
        if data:
            self._write(data)
"""
DROPPED = TAMPER.format(tampered="data[:at] + data[behind:]")
DOUBLED = TAMPER.format(tampered="data[:behind] + data[at:]")


def test_the_unchanged_orchestrator_is_green(project_at: Callable[..., Project], seed: int) -> None:
    round_ = play(project_at(Processes()), Stream(), "orchestrator", f"{seed}/unchanged")
    assert round_.problems == []


def test_an_ack_before_the_state_is_durable_is_red(
    project_at: Callable[..., Project], tmp_path: Path, seed: int
) -> None:
    package = edited_package(tmp_path / "edited", *ack_before_commit(pause=60))
    project = project_at(Processes(), package=package)
    # Killed between the two, as sooner or later a round would.
    moment = lambda: project.number("pruned") > 0  # noqa: E731
    round_ = play(project, Stream(), "orchestrator", f"{seed}/ack-first", moment=moment)
    assert any("are forgotten, there is no way back to 0" in problem for problem in round_.problems), str(round_)


@pytest.mark.parametrize("edit", [DROPPED, DOUBLED], ids=["dropped", "doubled"])
def test_a_line_that_the_relay_drops_or_doubles_is_red(
    project_at: Callable[..., Project], tmp_path: Path, seed: int, edit: str
) -> None:
    package = edited_package(tmp_path / "edited", "relay/pump.py", FORWARD, edit)
    project = project_at(Processes(), package=package)
    round_ = play(project, Stream(), "input", f"{seed}/tampered")
    assert round_.problems
    # Without a kill, too: the counts alone give it away.
    done = project.run()
    assert (done.status, done.errors) == (1, ["relay.count_mismatch"]), str(done)


def test_an_output_that_acknowledges_before_it_has_written_is_red(
    project_at: Callable[..., Project], seed: int
) -> None:
    project, careless = project_at(Processes()), Stream(faults={"ack_first": True})
    # From the first ack on there is something to lose.
    moment = lambda: project.number("pruned") > 0  # noqa: E731
    round_ = play(project, careless, "output", f"{seed}/careless", moment=moment)
    assert any("records are missing" in problem for problem in round_.problems), str(round_)
