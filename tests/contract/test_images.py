"""Every provider image keeps the contract as a container, with as little privilege as `dstream run` gives it."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import json

from dstream_sdk.protocol import LABEL, Description
from dstream_sdk.testing import Report, run_contract_suite

if TYPE_CHECKING:
    from tests.servers.images import Images

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

DOCKER = shutil.which("docker", path="/usr/bin") or "docker"
RUN = ("run", "--rm", "--interactive", "--init", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--network=none")


def docker(engine: str, *arguments: str) -> str:
    environ = {**os.environ, "DOCKER_HOST": engine}
    done = subprocess.run([DOCKER, *arguments], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def held_against_the_contract(engine: str, image: str, config: dict[str, Any]) -> Report:
    """The suite's report on the image, whose label must be what the provider itself replies to `describe`."""
    docker(engine, "pull", "--quiet", image)
    label = docker(engine, "inspect", "--format", f'{{{{ index .Config.Labels "{LABEL}" }}}}', image)
    envelope = '{"command":"describe","protocol":1}\n'
    environ = {**os.environ, "DOCKER_HOST": engine}
    described = subprocess.run(
        [DOCKER, *RUN, image], input=envelope, env=environ, capture_output=True, text=True, check=True
    )
    assert json.decode(label, type=Description) == json.decode(described.stdout.splitlines()[1], type=Description)
    return run_contract_suite(
        [DOCKER, *RUN, image],
        config=config,
        key=lambda envelope: envelope["data"]["value"],
        env={"DOCKER_HOST": engine},
        patience_s=60,
    )


def test_counter_image_keeps_the_contract(engine: str, images: Images) -> None:
    report = held_against_the_contract(engine, images.counter, {"interval": 0, "max_count": 2500})
    assert report.passed, str(report)


def test_console_image_keeps_the_contract(engine: str, images: Images) -> None:
    report = held_against_the_contract(engine, images.console, {"outputFormat": "json"})
    assert report.passed, str(report)
