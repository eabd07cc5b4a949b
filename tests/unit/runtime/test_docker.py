"""What becomes of a container when something else fails while it starts."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from orchestrator.errors import UnavailableError
from orchestrator.runtime import docker
from orchestrator.runtime.base import ImageProgram, Launch
from orchestrator.runtime.guard import Guard
from tests.unit.runtime.conftest import SCOPE


class Engine:
    """Creates one container and remembers whether it is still there."""

    def __init__(self, _host: str | None) -> None:
        self.address = "unix:///engine.sock"
        self.containers: set[str] = set()

    def image_user(self, _image: str) -> str:
        return "1000"

    def create(self, *_: Any) -> str:
        self.containers.add("created")
        return "created"

    def discard(self, identity: str, _deadline: float) -> None:
        self.containers.remove(identity)


def test_a_container_that_gets_no_guard_is_removed(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(None)

    def no_more_processes(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(docker, "Engine", lambda _: engine)
    monkeypatch.setattr(subprocess, "Popen", no_more_processes)
    runtime = docker.DockerRuntime(SCOPE, guard=guard, proxies=False)
    with pytest.raises(UnavailableError) as refused:
        runtime.start(Launch("input", ImageProgram("image", "sha256:0")))
    assert refused.value.code == "runtime.guard"
    assert engine.containers == set()
