"""A store that takes its time: how much is repeated after a kill does not grow with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.edited import edited_package
from tests.faults.places import Processes
from tests.faults.rounds import Stream, play

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.project import Project

COMMIT = "                self._commit(settled)\n"


def test_a_slow_disk_does_not_widen_what_is_repeated(
    project_at: Callable[..., Project], tmp_path: Path, seed: int
) -> None:
    slow = "                time.sleep(0.3)\n" + COMMIT
    project = project_at(Processes(), package=edited_package(tmp_path / "edited", "relay/settle.py", COMMIT, slow))
    round_ = play(project, Stream(max_in_flight=40), "orchestrator", f"{seed}/slow disk")
    assert round_.problems == []
