"""`dstream status`: the run, from what is stored, and the infrastructure, as it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from dstream_sdk.protocol import Resource
from orchestrator.cli.tasks.plan_lines import resource_lines
from orchestrator.errors import EXIT_CHANGES, EXIT_CONFIG, EXIT_DONE, EXIT_ENVIRONMENT, EXIT_FAILED
from tests.cli.conftest import PROVIDERS
from tests.cli.test_lifecycle import QUEUES, Queues
from tests.cli.test_signals import rest, wait_for

if TYPE_CHECKING:
    from tests.cli.conftest import Project


@pytest.fixture
def queues(project: Project) -> Queues:
    return Queues(project)


def test_what_was_changed_behind_its_back_is_shown_and_init_mends_it(queues: Queues) -> None:
    queues.run("init")
    queues.fill("Orders_cdc_events", attributes={"ttl": "P1D", "sessions": False})
    (queues.far / "Persons_cdc_events").unlink()
    status = queues.run("status")
    assert status.code == EXIT_DONE
    assert '          ttl: drifted, made as "P14D" and found as "P1D"\n' in status.stdout
    assert "    +   file.Queue Persons_cdc_events\n" in status.stdout
    plan = queues.run("plan", "--detailed-exitcode")
    assert plan.code == EXIT_CHANGES
    assert '          ttl: "P1D" -> "P14D"\n' in plan.stdout
    queues.run("init")
    assert "drifted" not in queues.run("status").stdout


def test_what_is_gone_is_called_so() -> None:
    gone = Resource("file.Queue", "orders", "create", {"drift": {"exists": [True, False]}})
    assert list(resource_lines(gone, detailed=False))[1:] == ["          drifted: it was made, and is gone"]


def test_a_run_is_seen_while_it_goes_on_and_afterwards(project: Project) -> None:
    project.task(config="interval = 0.01\nevery = 1")
    never = project.run("status", "orders")
    begins = "    checkpoint    none is stored: a run begins anew\n"
    assert f"orders is not running on this host\n{begins}" in never.stdout
    with project.started("run", "orders") as process:
        wait_for(process, "value 3")
        running = project.run("status", "orders", "--no-infra")
        process.terminate()
        rest(process)
    assert re.match(r"orders is running since [0-9:]{8}, for [0-9.]+ s\n", running.stdout)
    assert f" by process {process.pid} on " in running.stdout
    after = project.run("status", "orders", "--no-infra")
    assert "    last run      drained less than a minute ago after" in after.stdout
    assert "    checkpoint    " in after.stdout
    (event,) = project.run("status", "orders", "--no-infra", "--json").events
    assert (event["infrastructure"], event["run"]["running"]) == (None, None)
    assert event["run"]["last"]["outcome"] == "drained"
    assert event["run"]["last"]["figures"]["emitted"] >= 3


def test_several_tasks_are_shown_and_one_that_there_is_not_hinders_no_other(project: Project) -> None:
    project.task("orders")
    project.task("persons")
    done = project.run("status", "orders", "nobody", "persons", "--no-infra")
    assert done.code == EXIT_CONFIG
    assert re.search(r"^orders is not running.*\n\npersons is not running", done.stdout, re.MULTILINE | re.DOTALL)
    assert "error[config.unknown_task]" in done.stderr
    events = project.run("status", "persons", "orders", "--no-infra", "--json").events
    assert [event["task"] for event in events] == ["persons", "orders"]
    assert project.run("status", "persons", "orders", "--watch").code == EXIT_CONFIG


def test_without_infrastructure_nothing_is_started(queues: Queues) -> None:
    assert queues.run("status", "--no-infra").code == EXIT_DONE
    assert not queues.notes.exists()


def test_one_provider_that_cannot_tell_does_not_hide_the_other(queues: Queues) -> None:
    queues.run("init")
    queues.describe(output={"fail": "status"})
    done = queues.run("status")
    assert done.code == EXIT_FAILED
    assert "error[infrastructure.failed]: output `queues` failed to `status`: the far side is closed" in done.stderr
    assert "    =   file.Queue source\n" in done.stdout
    event = queues.run("status", "--json").events[-2]
    assert [part["role"] for part in event["infrastructure"]["providers"]] == ["input"]
    assert [one["code"] for one in event["infrastructure"]["failures"]] == ["infrastructure.failed"]


def test_a_program_learns_of_the_run_also_where_its_infrastructure_cannot_be_asked_about(queues: Queues) -> None:
    path = f'provider_path = "{QUEUES}"'
    queues.project.write(queues.project.file.read_text().replace(path, 'provider_image = "registry.test/none:v1"'))
    done = queues.run("status", "--json")
    event = next(one for one in done.events if one["event"] == "status")
    assert (done.code, event["run"]["dead_letters"]) == (EXIT_ENVIRONMENT, 0)
    (failure,) = event["infrastructure"]["failures"]
    assert failure["code"] == "engine.absent"


def test_detailed_has_every_attribute(queues: Queues) -> None:
    queues.run("init")
    assert "sessions: false" not in queues.run("status").stdout
    assert "          sessions: false\n" in queues.run("status", "--detailed").stdout


def test_a_run_leaves_its_error_where_status_finds_it(project: Project) -> None:
    project.task(output="dies.py")
    project.run("run", "orders")
    status = project.run("status", "orders").stdout
    assert "orders is not running on this host: its last run failed\n" in status
    assert "    why           provider.died: output" in status


def test_the_plan_says_where_a_run_would_resume_and_what_is_new(project: Project) -> None:
    own = project.folder / "own"
    own.mkdir()
    (own / "source.py").write_bytes((PROVIDERS / "streams.py").read_bytes())
    (own / "source.py").chmod(0o755)
    description = {"name": "streams", "role": "input", "protocol": 1, "capabilities": ["checkpoint"]}
    (own / "provider.json").write_text(json.dumps({**description, "commands": ["run", "discover", "plan"]}))
    project.task(source=f"{own}/source.py", config='streams = ["Orders", "Old"]')
    before = project.run("plan", "orders")
    assert "a run would begin anew, and deliver at least once\n    the input resumes from None\n" in before.stdout
    project.run("run", "orders")
    project.write(project.file.read_text().replace('"Old"', '"Cars"'))
    after = project.run("plan", "orders").stdout
    assert "a run would resume from checkpoint 1, stored less than a minute ago, and deliver at least once\n" in after
    assert "    for the first time: Cars\n    no longer: Old\n" in after
    assert "    the input resumes from {'at': 1}\n" in after

    (own / "provider.json").write_text(json.dumps({**description, "state_version": 2}))
    assert (
        "a run would be refused: the stored state of task `orders` belongs to" in project.run("plan", "orders").stdout
    )


def test_destroy_says_that_the_stored_state_stays(project: Project) -> None:
    project.task(config="count = 5")
    assert "checkpoint" not in project.run("destroy", "orders", "--yes").stdout
    project.run("run", "orders")
    said = project.run("destroy", "orders", "--yes").stdout
    assert "a run would still resume from checkpoint 5; `dstream state reset orders` forgets it\n" in said


def test_a_finished_task_that_is_run_again_says_how_to_begin_anew(project: Project) -> None:
    project.task(config="count = 5")
    assert "state reset" not in project.run("run", "orders").stderr
    again = project.run("run", "orders").stderr
    assert "resumed from checkpoint 5 and found nothing new; `dstream state reset orders` has it begin anew" in again
