"""An input that never reads its acks: whatever fills its stdin, nothing freezes and nothing grows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.places import Processes

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.project import Project

ACKS = 200_000
GROWTH = 8 * 1024 * 1024


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


def test_200_000_acks_that_nobody_reads_freeze_nothing_and_take_no_memory(project_at: Callable[..., Project]) -> None:
    project = project_at(Processes())
    # Fewer records under way than checkpoints may be pending, so that none of them is left out.
    project.write({"count": ACKS}, {}, programs=("deaf_source", "acking_sink"), max_in_flight=200)
    run = project.start()
    project.until(run, lambda: project.number("written") >= ACKS // 10, "the first tenth")
    early = resident(run.process.pid)
    project.until(run, lambda: project.number("written") >= ACKS - 5000, "nearly the end")
    late = resident(run.process.pid)
    done = run.wait()
    assert done.status == 0, str(done)
    assert "200,000 emitted = 200,000 relayed = 200,000 acknowledged" in done.summary
    assert project.number("acks") == ACKS
    assert project.stored() == ACKS
    assert late - early < GROWTH
    assert project.left_for_good() == []
