"""What tests of every tier share: servers, started by the first test that asks for one and stopped at the end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.servers.azurite import Azurite
from tests.servers.engine import PrivateEngine
from tests.servers.images import Images, publish_images
from tests.servers.registry import Registry
from tests.servers.script import run_script

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL = os.environ.get("DSTREAM_FULL") == "1"

# No deadline: how long an example takes says more of the machine than of the code.
settings.register_profile("short", deadline=None, print_blob=True, max_examples=60)
settings.register_profile("full", deadline=None, print_blob=True, max_examples=5_000)
settings.load_profile("full" if FULL else "short")


@pytest.fixture(scope="session")
def full() -> bool:
    """Are the long counts wanted (`./scripts/test --full`)?"""
    return FULL


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """DOCKER_HOST of a private engine; DSTREAM_TEST_ENGINE names another. A test that kills one starts its own."""
    if given := os.environ.get("DSTREAM_TEST_ENGINE"):
        yield given
        return
    with PrivateEngine() as private:
        yield private.host


@pytest.fixture(scope="session")
def _registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def registry(_registry: Registry) -> str:
    """host:port of an OCI registry that takes every push."""
    return _registry.address


@pytest.fixture(scope="session")
def images(_registry: Registry) -> Images:
    """The repository's provider images, in the registry and not yet in any engine."""
    return publish_images(_registry)


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Blob storage, shared: a test takes a container of its own."""
    with Azurite() as server:
        yield server


@pytest.fixture(scope="session")
def pulumi_engine() -> Path:
    """The folder of Pulumi's engine, which belongs on the PATH of a provider that has its infrastructure made by it."""
    return Path(run_script("pulumi-engine"))
