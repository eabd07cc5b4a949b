"""The counter and the console, built for both platforms and pushed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.registry.client import RegistryClient
from tests.integration.images.pushed import PushedImage
from tests.servers.builder import Builder
from tests.servers.registry import Registry
from tests.servers.script import run_script

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTER, CONSOLE = "counter-input-provider", "console-output-provider"


@pytest.fixture(scope="session")
def client() -> Iterator[RegistryClient]:
    with RegistryClient() as asking:
        yield asking


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Registry(tmp_path_factory.mktemp("images"), "images") as registry:
        yield registry.address


@pytest.fixture(scope="session")
def pushed(client: RegistryClient, address: str) -> dict[str, PushedImage]:
    """By name."""
    with Builder("images") as builder:
        return {name: push(client, builder, f"{address}/katasec/{name}:v1") for name in (COUNTER, CONSOLE)}


def push(client: RegistryClient, builder: Builder, reference: str) -> PushedImage:
    """What scripts/build-image makes at `reference`, whose repository is called as the image is."""
    name = reference.rpartition("/")[2].partition(":")[0]
    environ = {"BUILDKIT_HOST": builder.host, "SOURCE_DATE_EPOCH": "1700000000"}
    said = run_script("build-image", name, "--push", reference, environ=environ, timeout=900)
    return PushedImage(client, said.splitlines()[-1])


@pytest.fixture(scope="session")
def emulation() -> None:
    """Programs of linux/arm64 run on this machine; if it cannot be had, that is an error."""
    run_script("emulation", "start")
