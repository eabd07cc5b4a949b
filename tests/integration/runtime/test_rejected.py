"""Dead letters with containers: given to an output of their own while the task runs, and to its own one afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from docker import APIClient

from orchestrator.errors import EXIT_DONE
from tests.cli.conftest import PROVIDERS, Project
from tests.integration.runtime.conftest import import_image, remove_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.runtime.base import ImageProgram

pytestmark = pytest.mark.engine

PICKY = r"""
read -r envelope
echo '{"status":"ready","protocol":1,"capabilities":["ack","reject"]}'
records=0 rejected=0
while read -r line; do
  case $line in
    '{"checkpoint":'*) mark=${line#*\{*\{}; echo "{\"ack\":{${mark%%,\"state*},\"rejected\":$rejected}}" ;;
    '{"end":'*) echo "${line%\}\}},\"rejected\":$rejected}}"; exit ;;
    *)
      records=$((records + 1))
      case $envelope in
        *'"refuses":true'*)
          rejected=$((rejected + 1))
          echo "{\"reject\":{\"record\":$records,\"code\":\"no\",\"reason\":\"too early\",\"envelope\":$line}}" ;;
        *) echo "took $line" ;;
      esac ;;
  esac
done
"""
VALUES = [f'took {{"data":{{"value":{value}}},"metadata":{{"seq":{value}}}}}' for value in (1, 2, 3)]


@pytest.fixture
def image(engine: str) -> Iterator[ImageProgram]:
    made = import_image(engine, f"ENTRYPOINT {json.dumps(['/bin/sh', '-c', PICKY])}")
    yield made
    remove_image(engine, made)


def write(project: Project, image: ImageProgram, *, refuses: bool) -> None:
    named = f'provider_image = "{image.reference}"\n    pull = "never"\n    protocol = 1\n'
    project.write(
        f'task "orders" {{\n  input {{\n    provider_path = "{PROVIDERS}/numbers.py"\n    protocol = 1\n'
        f"    config {{ count = 3 }}\n  }}\n"
        f"  output {{\n    {named}    config {{ refuses = {json.dumps(refuses)} }}\n  }}\n"
        f"  dead_letter {{\n    {named}  }}\n}}\n"
    )


def test_rejected_records_reach_a_container_beside_and_in_a_replay_the_outputs_own(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, engine: str, image: ImageProgram
) -> None:
    project = Project(tmp_path, tmp_path_factory.mktemp("cache"))
    project.environ["DOCKER_HOST"] = engine
    write(project, image, refuses=True)
    done = project.run("run", "orders")
    assert done.code == EXIT_DONE, done.stderr
    passed_on = [line for line in done.stderr.splitlines() if line.startswith("output | dead_letter: took")]
    assert passed_on == [f"output | dead_letter: {value}" for value in VALUES]
    assert "3 dead letters: 3 no" in project.run("dead-letters", "list", "orders").stdout

    write(project, image, refuses=False)
    replayed = project.run("dead-letters", "replay", "orders", "--all")
    assert (replayed.code, replayed.stdout.splitlines()) == (EXIT_DONE, VALUES), replayed.stderr
    assert "3 delivered and dropped" in replayed.stderr
    assert project.run("dead-letters", "list", "orders").stdout == "orders has no dead letters\n"
    api = APIClient(base_url=engine, timeout=60)
    try:
        assert api.containers(all=True, filters={"label": ["io.dstream.task=orders"]}) == []
    finally:
        api.close()
