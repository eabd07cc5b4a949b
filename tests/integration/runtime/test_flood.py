"""A provider that logs more than anybody could read: its data is there, its log bounded, and what it lacks told."""

from __future__ import annotations

import itertools
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import EXIT_DONE
from tests.cli.conftest import Project

if TYPE_CHECKING:
    from pathlib import Path

LINES = 300_000
RECORDS = 1_000
MAX_SIZE, FILES = 1 << 20, 3


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path, tmp_path_factory.mktemp("cache"))


def missing_or_said(events: list[dict[str, Any]]) -> list[range]:
    """The numbers of the input's lines, each with those that are said to be missing before it."""
    ranges, dropped = [], 0
    for event in events:
        if event["provider"] == "input" and event["message"].startswith("line "):
            number = int(event["message"].split()[1])
            ranges.append(range(number - dropped, number + 1))
            dropped = 0
        elif event["provider"] == "input":
            dropped += event["fields"]["dropped"]
    return [*ranges, range(LINES - dropped, LINES)]


def test_a_flood_of_logs_costs_no_data_and_no_disk(project: Project) -> None:
    project.environ |= {"DSTREAM_LOG_MAX_SIZE": str(MAX_SIZE), "DSTREAM_LOG_FILES": str(FILES)}
    project.task(source="floods.py", config=f"lines = {LINES}\nrecords = {RECORDS}")
    with project.started("logs", "orders", "-f", "--json") as follower:
        assert follower.stdout is not None
        with project.started("run", "orders", "--quiet") as run:
            assert run.stdout is not None
            assert sum(1 for _ in run.stdout) == RECORDS
        assert run.returncode == EXIT_DONE
        followed = []
        for line in follower.stdout:
            followed.append(json.loads(line))
            if followed[-1]["fields"].get("outcome") == "ended":
                break
        follower.send_signal(signal.SIGINT)
    [folder] = (project.folder / ".dstream" / "logs").iterdir()
    sizes = [path.stat().st_size for path in folder.iterdir()]
    assert len(sizes) <= FILES
    assert max(sizes) <= MAX_SIZE

    kept = project.run("logs", "orders", "--json").events
    assert kept[-1]["fields"].items() >= {"outcome": "ended", "delivered": RECORDS}.items()
    told = missing_or_said(kept)
    assert [(one, other) for one, other in itertools.pairwise(told) if one.stop != other.start] == []
    assert [event for event in followed if event["fields"].get("dropped")]
    assert followed[-1]["fields"]["delivered"] == RECORDS
