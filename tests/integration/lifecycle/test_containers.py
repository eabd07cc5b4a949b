"""Lifecycle commands to providers in containers: what they keep, who they are, and that nothing of them stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from docker import APIClient

from orchestrator.errors import EXIT_CHANGES, EXIT_DONE, EXIT_FAILED
from tests.cli.conftest import PROVIDERS, Project
from tests.integration.runtime.conftest import import_image, remove_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orchestrator.runtime.base import ImageProgram

pytestmark = pytest.mark.engine

QUEUE = r"""
read -r envelope
folder=${envelope#*'"folder":"'}; folder=${folder%%'"'*}
echo '{"status":"ready","protocol":1}'
queue='"type":"shell.Queue","name":"orders"'
[ -s "$folder/made" ] && here=same || here=create
case $envelope in
  *'"command":"check"'*)
    [ -e /run/dstream/infrastructure ] && ok=false || ok=true
    echo "{\"status\":\"Success\",\"findings\":[{\"check\":\"no folder\",\"ok\":$ok}]}"; exit ;;
  *'"command":"init"'*'"stuck":true'* | *'"stuck":true'*'"command":"init"'*)
    echo stuck >&2; sleep 600 ;;
  *'"command":"init"'*) id -u > "$folder/made" || exit 1 ;;
  *'"command":"destroy"'*) : > "$folder/made" || exit 1; here=delete ;;
  *'"destroy":true'*) [ -s "$folder/made" ] && here=delete || here=same ;;
esac
echo "{\"status\":\"Success\",\"resources\":[{$queue,\"action\":\"$here\"}]}"
"""
DESCRIPTION = {
    "name": "shell-queues",
    "role": "output",
    "protocol": 1,
    "capabilities": ["ack"],
    "commands": ["run", "check", "init", "plan", "status", "destroy"],
}


@pytest.fixture
def image(engine: str) -> Iterator[Callable[..., ImageProgram]]:
    """Makes an image of the provider, which runs as its `user`."""
    made: list[ImageProgram] = []

    def make(user: str = "") -> ImageProgram:
        label = json.dumps(json.dumps(DESCRIPTION))
        entrypoint = json.dumps(["/bin/sh", "-c", QUEUE])
        changes = [f"LABEL io.dstream.provider={label}", f"ENTRYPOINT {entrypoint}"]
        made.append(import_image(engine, *changes, *([f"USER {user}"] if user else [])))
        return made[-1]

    yield make
    for program in made:
        remove_image(engine, program)


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, engine: str) -> Project:
    project = Project(tmp_path, tmp_path_factory.mktemp("cache"))
    project.environ["DOCKER_HOST"] = engine
    return project


def task(project: Project, image: ImageProgram, *, config: str = "") -> None:
    project.write(
        f'task "orders" {{\n  input {{\n    provider_path = "{PROVIDERS}/numbers.py"\n    protocol = 1\n  }}\n'
        f'  output {{\n    provider_image = "{image.reference}"\n    pull = "never"\n    config = {{ {config} }}\n'
        "  }\n}\n"
    )


def left(project: Project, engine: str) -> list[str]:
    api = APIClient(base_url=engine, timeout=60)
    try:
        found = api.containers(all=True, filters={"label": ["io.dstream.task=orders/infrastructure"]})
        return [str(one["Id"]) for one in found]
    finally:
        api.close()


def kept(project: Project) -> Path:
    (folder,) = (project.folder / ".dstream" / "infra").glob("*/output")
    return folder


def test_what_one_container_kept_the_next_one_finds_whoever_it_runs_as(
    project: Project, image: Callable[..., ImageProgram], engine: str
) -> None:
    task(project, image())
    planned = project.run("plan", "orders", "--detailed-exitcode")
    assert planned.code == EXIT_CHANGES, planned.stderr
    assert "output shell-queues at sha256:" in planned.stdout
    assert "    +   shell.Queue orders\n" in planned.stdout
    assert project.run("init", "orders").code == EXIT_DONE
    assert (kept(project) / "made").read_text() == "65532\n"
    assert project.run("plan", "orders", "--detailed-exitcode").code == EXIT_DONE

    task(project, image(user="app"))
    assert project.run("plan", "orders", "--detailed-exitcode").code == EXIT_DONE
    assert (kept(project) / "made").exists()
    assert "    =   shell.Queue orders\n" in project.run("status", "orders").stdout
    assert left(project, engine) == []


def test_the_folder_is_there_for_lifecycle_commands_alone(project: Project, image: Callable[..., ImageProgram]) -> None:
    task(project, image())
    assert project.run("init", "orders").code == EXIT_DONE
    checked = project.run("check", "orders")
    assert (checked.code, "ok     no folder" in checked.stdout) == (EXIT_DONE, True), checked.stdout


def test_destroy_in_a_container_leaves_nothing(
    project: Project, image: Callable[..., ImageProgram], engine: str
) -> None:
    task(project, image())
    project.run("init", "orders")
    done = project.run("destroy", "orders", "--yes")
    assert (done.code, done.stdout.endswith("orders: 1 deleted\n")) == (EXIT_DONE, True), done.stderr
    assert (kept(project) / "made").read_text() == ""
    assert left(project, engine) == []


def test_a_container_that_does_not_stop_is_killed_and_removed(
    project: Project, image: Callable[..., ImageProgram], engine: str
) -> None:
    task(project, image(), config="stuck = true")
    project.environ["DSTREAM_GRACE"] = "500ms"
    done = project.run("init", "orders", "--timeout", "3s")
    assert done.code == EXIT_FAILED
    assert "error[infrastructure.timeout]" in done.stderr
    assert left(project, engine) == []
