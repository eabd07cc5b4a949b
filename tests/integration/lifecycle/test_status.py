"""`dstream status --detailed` of a run whose output is a container."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from docker import APIClient

from tests.cli.conftest import PROVIDERS, Project
from tests.integration.runtime.conftest import import_image, remove_image
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.runtime.base import ImageProgram

pytestmark = pytest.mark.engine

SINK = 'read -r envelope; echo reading >&2; echo \'{"status":"ready","protocol":1}\'; exec cat'


@pytest.fixture
def sink(engine: str) -> Iterator[ImageProgram]:
    program = import_image(engine, f"ENTRYPOINT {json.dumps(['/bin/sh', '-c', SINK])}")
    yield program
    remove_image(engine, program)


def test_a_container_is_told_with_what_it_takes(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, engine: str, sink: ImageProgram
) -> None:
    project = Project(tmp_path, tmp_path_factory.mktemp("cache"))
    project.environ["DOCKER_HOST"] = engine
    project.write(
        f'task "orders" {{\n  input {{\n    provider_path = "{PROVIDERS}/numbers.py"\n    protocol = 1\n'
        "    config { interval = 0.01 }\n  }\n"
        f'  output {{\n    provider_image = "{sink.reference}"\n    protocol = 1\n    pull = "never"\n'
        '    memory = "64MiB"\n  }\n}\n'
    )
    with project.started("run", "orders") as process:
        asked = ("status", "orders", "--no-infra", "--detailed")
        until(lambda: "| reading" in project.run(*asked).stdout, "it runs, and has been heard")
        shown = project.run(*asked).stdout
        api = APIClient(base_url=engine, timeout=60)
        (container,) = api.containers(filters={"label": ["io.dstream.task=orders"]})
        api.close()
        process.terminate()
        process.communicate(timeout=60)
    identity = str(container["Id"])[:12]
    figures = r"CPU [0-9]+%, memory [0-9.]+ (kB|MB) of 67\.1 MB"
    assert re.search(
        rf"^        container {identity}, {figures}\n        its last words:\n        \| reading$", shown, re.MULTILINE
    )
    assert f"    output {sink.reference} at {sink.image_id[:19]}\n" in shown
