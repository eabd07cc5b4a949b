"""A site made from a registry: what it reads there, and what becomes of it when that fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from orchestrator.errors import EXIT_DONE, EXIT_ENVIRONMENT
from orchestrator.registry.client import RegistryClient
from tests.cli.conftest import Done, Project
from tests.servers.described import description, publish_described
from tests.servers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = {"properties": {"tables": {"type": "array", "examples": [["Orders"]]}}, "required": ["tables"]}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "data", "published") as registry:
        yield registry


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """With a cache of its own: what an earlier test has read is not known here."""
    return Project(tmp_path, tmp_path / "cache")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_site_is_made_again_byte_for_byte_until_its_registry_fails(project: Project, registry: Registry) -> None:
    team = f"{registry.address}/team"
    with RegistryClient(deadline=5.0) as client:
        publish_described(client, f"{team}/known:v1.0.0", description("known", config_schema=SCHEMA))
        publish_described(client, f"{team}/large:v1.0.0", description("large", describe=True))
        gone = publish_described(client, f"{team}/gone:v1.0.0", description("gone", config_schema=SCHEMA))
    assert project.run("providers", "catalog", "push", team).code == EXIT_DONE
    requests.delete(f"http://{team.replace('/', '/v2/', 1)}/gone/manifests/{gone}", timeout=10).raise_for_status()
    out = project.folder / "site"

    def make(*options: str) -> Done:
        return project.run("providers", "catalog", "site", "--catalog", f"{team}/dstream-catalog", *options)

    done = make("--out", str(out))
    assert done.code == EXIT_DONE, done.stderr
    assert done.stderr.count("is not shown: ") == 2
    made = content(out)
    page = {name.rpartition("~")[2]: text.decode() for name, text in made.items()}
    assert "tables = [&#34;Orders&#34;]" in page["known.html"]
    assert "Not known here: it is too large to be announced." in page["large.html"]
    assert f"Not known here: {registry.address} has no " in page["gone.html"]
    assert gone in page["gone.html"]

    assert make("--out", str(out)).code == EXIT_DONE
    assert content(out) == made

    registry.stop()
    done = make("--offline", "--out", str(project.folder / "offline"))
    assert done.code == EXIT_DONE, done.stderr
    assert content(project.folder / "offline").keys() == made.keys()
    assert (project.folder / "offline" / next(name for name in made if "known" in name)).read_bytes() in made.values()

    done = make("--out", str(out))
    assert done.code == EXIT_ENVIRONMENT
    assert content(out) == made
