"""The part of `dstream status` that is about the run, and what `--watch` makes of it."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_DONE
from tests.cli.test_lifecycle import Queues
from tests.cli.test_signals import rest, wait_for
from tests.integration.status.test_ps import stored

if TYPE_CHECKING:
    from tests.cli.conftest import Project


@pytest.fixture
def queues(project: Project) -> Queues:
    return Queues(project)


def test_all_that_is_known_of_a_run_is_told(project: Project) -> None:
    project.task(config="interval = 0.01\nevery = 1")
    with project.started("run", "orders") as process:
        wait_for(process, "value 3")
        stored(project)
        shown = project.run("status", "orders", "--no-infra", "--detailed").stdout
        (event,) = project.run("status", "orders", "--no-infra", "--detailed", "--json").events
        process.terminate()
        rest(process)
    for said in (
        r"uptime        [0-9.]+ s, 0 restarts",
        r"records       [0-9,]+ relayed, [0-9,]+ delivered, [0-9,]+ in flight, [0-9.]+ k?B, at-least-once",
        r"rates         [0-9.,]+/s and .*/s over 1 minute, [0-9.,]+/s and .*/s over 5 minutes",
        r"checkpoint    [0-9]+ of run \w+, after [0-9,]+ records?, stored [0-9.]+ s ago\n {18}\{\"number\":[0-9]+\}",
        r"input /.*/numbers\.py\n        pid [0-9]+, CPU [0-9]+%, memory [0-9.]+ MB",
        r"output /.*/lines\.py\n        pid [0-9]+, CPU [0-9]+%, memory [0-9.]+ MB\n        its last",
    ):
        assert re.search(rf"^    {said}", shown, re.MULTILINE), (said, shown)
    assert event["run"]["live"]["state"] == "running"
    assert event["run"]["loads"]["input"]["memory"] > 0


def test_watched_the_infrastructure_is_asked_once_and_shown_with_its_age(queues: Queues) -> None:
    queues.run("init")
    with queues.project.started("status", "orders", "--watch") as process:
        for _ in range(2):
            wait_for(process, "infrastructure, as it was less than a minute ago:")
            wait_for(process, "    =   file.Queue source")
        process.send_signal(signal.SIGINT)
        rest(process)
    assert process.returncode == EXIT_DONE


def test_watched_by_a_program_it_is_one_event_after_the_other(project: Project) -> None:
    project.task()
    with project.started("status", "orders", "--watch", "--json", "--no-infra") as process:
        assert process.stdout is not None
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        process.terminate()
        rest(process)
    assert (first["event"], second["run"]["state"]) == ("status", "never run")
