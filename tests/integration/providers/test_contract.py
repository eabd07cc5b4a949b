"""`dstream providers test` by reference: an image in its container, an artifact only where that is said."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from docker import APIClient

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_FAILED
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.image import host_platform
from orchestrator.runtime.sandbox import LABEL_TASK
from tests.cli.conftest import Project
from tests.servers.artifacts import publish_by_platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.images import Images

pytestmark = pytest.mark.engine

PLAIN_INPUT = Path(__file__).parents[2] / "fakes" / "contract" / "plain_input.py"
QUICK = ("--only", "unknown_command_is_refused")


@pytest.fixture
def project(engine: str, tmp_path: Path) -> Project:
    project = Project(tmp_path, tmp_path / "cache")
    project.environ["DOCKER_HOST"] = engine
    return project


@pytest.fixture
def client(engine: str) -> Iterator[APIClient]:
    client = APIClient(base_url=engine, timeout=20)
    yield client
    client.close()


def containers(client: APIClient) -> list[dict[str, Any]]:
    """What the suite has started and nobody has removed, running or not."""
    found: list[dict[str, Any]] = client.containers(all=True, filters={"label": f"{LABEL_TASK}=contract"})
    return found


def test_a_broken_promise_of_an_image_is_told_with_its_last_words(project: Project, images: Images) -> None:
    done = project.run(
        "providers", "test", images.counter,
        "--with", '{"interval": "often"}', "--only", "eof_cancels",
    )  # fmt: skip
    assert done.code == EXIT_FAILED
    assert "not ready with the given config" in done.stdout
    assert "stderr: " in done.stdout


def test_the_container_is_that_of_a_run_and_a_signal_leaves_nothing_of_it(
    project: Project, images: Images, client: APIClient
) -> None:
    slow = ("--with", '{"interval": 1000}', "--only", "takes_acks")  # 20 seconds, left alone
    with project.started("providers", "test", images.counter, *slow) as process:
        assert process.stdout is not None
        assert "as input" in process.stdout.readline()  # it was described, in a container of its own
        until = time.monotonic() + 30
        while not (running := [one for one in containers(client) if one["State"] == "running"]):
            assert time.monotonic() < until, "no container was started"
            assert process.poll() is None
        host: dict[str, Any] = client.inspect_container(running[0]["Id"])["HostConfig"]
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["LogConfig"]["Type"]) == (True, ["ALL"], "none")
        assert host["PidsLimit"]
        assert host["Memory"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    until = time.monotonic() + 30
    while left := containers(client):
        assert time.monotonic() < until, left


def test_an_artifact_is_tested_as_a_process_only_where_that_is_said(project: Project, registry: str) -> None:
    reference = f"{registry}/contract/plain-input:v1"
    executable = b"#!/usr/bin/env python3\n" + PLAIN_INPUT.read_bytes()
    with RegistryClient(deadline=5.0) as pushing:
        publish_by_platform(pushing, reference, {host_platform(): executable})
    refused = project.run("providers", "test", reference, *QUICK)
    assert refused.code == EXIT_CONFIG, refused.stdout
    assert "provider.kind" in refused.stderr
    done = project.run("providers", "test", reference, "--artifact", *QUICK)
    assert done.code == EXIT_DONE, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout
