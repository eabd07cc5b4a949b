"""Catalogs in a registry that fails: nothing damaged is kept, nothing half made is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dstream_sdk.protocol import CATALOG_TYPE, Catalog, CatalogEntry, Description
from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_ENVIRONMENT, UnavailableError
from orchestrator.registry.catalogs.catalog import Namespace, encode
from orchestrator.registry.catalogs.survey import survey
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.manifest import EMPTY_CONFIG
from tests.cli.conftest import Done, Project
from tests.servers.failing_registry import FailingRegistry, altered, status, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def registry() -> Iterator[FailingRegistry]:
    with FailingRegistry() as registry:
        hold(registry, "mssql")
        yield registry


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, tmp_path / "cache")


def hold(registry: FailingRegistry, name: str) -> None:
    """Publish a catalog with one provider."""
    provider = Description(name=name, role="input", protocol=1)
    entry = CatalogEntry(f"registry.test/{name}", "image", "v1.0.0", "sha256:" + "0" * 64, provider)
    layer = registry.put(encode(Catalog(1, providers=[entry])), CATALOG_TYPE)
    config = registry.put(b"{}", EMPTY_CONFIG)
    registry.hold({"artifactType": CATALOG_TYPE, "config": config.document, "layers": [layer.document]})


def search(project: Project, registry: FailingRegistry, *options: str) -> Done:
    return project.run("providers", "search", "input", "--catalog", registry.reference, "--json", *options)


def names(done: Done) -> list[str]:
    assert done.code == EXIT_DONE, done.stderr
    [event] = done.events
    return [provider["name"] for provider in event["providers"]]


def problem(done: Done) -> Any:
    [event] = done.events
    return event["catalogs"][0]["problem"]


def test_an_unchanged_catalog_costs_one_request_and_no_content(project: Project, registry: FailingRegistry) -> None:
    assert names(search(project, registry)) == ["mssql"]
    registry.requests.clear()
    assert names(search(project, registry)) == ["mssql"]
    assert [method for method, _, _ in registry.asked("/t/x/")] == ["HEAD"]


def test_a_damaged_catalog_is_refused_and_never_kept(project: Project, registry: FailingRegistry) -> None:
    registry.failures["blobs"].append(altered)
    done = search(project, registry)
    assert done.code == EXIT_CONFIG
    assert "error[blob.digest]" in done.stderr
    assert search(project, registry, "--offline").code == EXIT_ENVIRONMENT
    assert names(search(project, registry)) == ["mssql"]


def test_the_copy_stays_when_the_new_catalog_arrives_damaged(project: Project, registry: FailingRegistry) -> None:
    assert names(search(project, registry)) == ["mssql"]
    hold(registry, "postgres")
    registry.failures["blobs"].append(altered)
    done = search(project, registry)
    assert names(done) == ["mssql"]
    assert problem(done)["code"] == "blob.digest"
    assert names(search(project, registry)) == ["postgres"]


def test_a_catalog_that_breaks_off_is_fetched_to_its_end(project: Project, registry: FailingRegistry) -> None:
    registry.failures["blobs"].append(truncated(40))
    assert names(search(project, registry)) == ["mssql"]


def test_a_registry_that_refuses_is_answered_from_the_copy(project: Project, registry: FailingRegistry) -> None:
    assert names(search(project, registry)) == ["mssql"]
    registry.usual = status(403)
    done = search(project, registry)
    assert names(done) == ["mssql"]
    assert problem(done)["code"] == "image.unauthorized"


def test_a_registry_without_a_list_asks_for_names(project: Project, registry: FailingRegistry) -> None:
    done = project.run("providers", "catalog", "build", f"{registry.address}/t")
    assert done.code == EXIT_ENVIRONMENT
    assert "error[registry.no_listing]" in done.stderr
    assert f"hint: name what is in it: `dstream providers catalog build {registry.address}/t NAME…`" in done.stderr


def test_no_catalog_is_made_of_half_the_answers(registry: FailingRegistry) -> None:
    registry.contents["/v2/_catalog"] = ("application/json", b'{"repositories":["t/one","t/two"]}')
    registry.failures["two/tags"].extend([status(500)] * 20)
    registry.failures["one/tags"].extend([status(404)] * 20)
    with RegistryClient(deadline=0.1) as client, pytest.raises(UnavailableError) as caught:
        survey(client, Namespace.parse(registry.address))
    assert caught.value.code == "registry.failed"


def test_a_private_repository_is_left_out_by_name(registry: FailingRegistry) -> None:
    registry.contents["/v2/_catalog"] = ("application/json", b'{"repositories":["t/one","t/two"]}')
    registry.failures["one/tags"].append(status(403))
    with RegistryClient(deadline=0.1) as client:
        found = survey(client, Namespace.parse(registry.address))
    assert found.catalog.providers == []
    assert "refuses access" in found.left_out[f"{registry.address}/t/one"]
