"""compose.yaml on the private engine, with the images of this repository."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from docker import APIClient

from tests.servers.images import NAMESPACE, Images, images_at
from tests.servers.script import REPOSITORY, run_script, server_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SERVICE = "counter-to-console"


class Compose:
    """One project of compose.yaml: `down` removes what it made."""

    def __init__(self, engine: str, folder: Path) -> None:
        self._environ = {"DOCKER_HOST": engine, "COMPOSE_PROJECT_NAME": server_name("compose").lower()}
        self._env_file = folder / "env"
        self._arguments = ["--env-file", str(self._env_file), "--file", "compose.yaml"]
        self._api = APIClient(base_url=engine, timeout=60)
        self._before = self._things()

    def prepare(self) -> None:
        """Start the registry with the providers in it."""
        environ = {**self._environ, "REGISTRY_PORT": str(_free_port())}
        run_script("prepare-compose", SERVICE, "--no-build", "--env-file", str(self._env_file), environ=environ)

    def override(self, file: Path) -> None:
        """Lay another file over compose.yaml."""
        self._arguments += ["--file", str(file)]

    def __call__(self, *arguments: str) -> str:
        """Run compose; what it printed on stdout."""
        return run_script("compose", "--", *self._arguments, *arguments, environ=self._environ)

    def service(self) -> dict[str, Any]:
        """The engine's own description of the service's container."""
        project = self._environ["COMPOSE_PROJECT_NAME"]
        labels = [f"com.docker.compose.project={project}", f"com.docker.compose.service={SERVICE}"]
        (found,) = self._api.containers(all=True, filters={"label": labels})
        description: dict[str, Any] = self._api.inspect_container(found["Id"])
        return description

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.service()["State"]
        return state

    def log(self) -> str:
        """What the service has said, on both streams."""
        return bytes(self._api.logs(self.service()["Id"])).decode()

    def wait_for(self, what: str, condition: Callable[[], object], within: float = 90) -> None:
        """Wait until the condition holds."""
        end = time.monotonic() + within
        while not condition():
            assert time.monotonic() < end, f"no {what} within {within:.0f} s:\n{self.log()}"
            time.sleep(0.1)

    def _things(self) -> dict[str, set[str]]:
        """Every container, network and volume of the engine."""
        return {
            "containers": {found["Id"] for found in self._api.containers(all=True)},
            "networks": {found["Name"] for found in self._api.networks()},
            "volumes": {found["Name"] for found in self._api.volumes()["Volumes"] or []},
        }

    def close(self) -> None:
        """Stop and remove the project, its volumes too; nothing that the engine did not have before may be left."""
        try:
            self("down", "--volumes")
            assert self._things() == self._before
        finally:
            self._api.close()


@pytest.fixture(scope="module")
def dstream_image(engine: str, images: Images) -> None:
    """The engine has the images that `scripts/prepare-compose` would build."""
    address = images.counter.partition("/")[0]
    assert images == images_at(address)
    version = (REPOSITORY / "VERSION.txt").read_text().strip()
    api = APIClient(base_url=engine, timeout=300)
    try:
        for reference in (images.counter, images.console, f"{address}/katasec/dstream-provider-base:v{version}"):
            events = list(api.pull(reference, stream=True, decode=True))
            assert not [event for event in events if "error" in event], events
            name, _, tag = reference.partition("/katasec/")[2].partition(":")
            api.tag(reference, f"{NAMESPACE}/{name}", tag)
    finally:
        api.close()
    run_script("orchestrator-image", environ={"DOCKER_HOST": engine})


@pytest.fixture
def compose(engine: str, dstream_image: None, tmp_path: Path) -> Iterator[Compose]:
    """The profile counter-to-console, prepared; it must leave nothing behind."""
    project = Compose(engine, tmp_path)
    try:
        project.prepare()
        yield project
    finally:
        project.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
