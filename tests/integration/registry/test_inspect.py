"""`providers inspect` against a real registry, whose layers are gone: whoever asked for one would fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.reference import Reference
from tests.cli.conftest import Project
from tests.servers.artifacts import original_files, publish_files
from tests.servers.described import description, publish_described
from tests.servers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = {
    "type": "object",
    "required": ["connection_string"],
    "properties": {
        "connection_string": {"type": "string", "writeOnly": True, "description": "How to log in."},
        "tables": {"type": "array", "items": {"type": "string"}, "examples": [["Orders"]], "x-aliases": ["Tables"]},
        "poll": {"$ref": "#/$defs/Poll"},
        "mode": {"enum": ["initial", "never"], "default": "initial"},
    },
    "$defs": {"Poll": {"type": "object", "properties": {"interval": {"type": "integer", "default": 5}}}},
}
MSSQL = description(
    "mssql-cdc-provider",
    title="Change data capture",
    system="SQL Server",
    capabilities=["checkpoint", "stats"],
    commands=["run", "check"],
    network=["*:1433"],
    writable=["/data"],
    config_schema=SCHEMA,
)
BOTH = ("linux/arm64", "linux/amd64")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry with one provider of each sort, and not one layer of them."""
    with (
        Registry(tmp_path_factory.mktemp("inspected"), "inspected") as registry,
        RegistryClient(deadline=5.0) as client,
    ):
        team = f"{registry.address}/team"
        publish_described(client, f"{team}/mssql:v1", MSSQL, platforms=BOTH)
        publish_described(client, f"{team}/artifact:v1", MSSQL, platforms=BOTH, artifact=True)
        publish_described(client, f"{team}/legacy:v1", None)
        publish_described(client, f"{team}/broken:v1", '{"protocol":1}')
        publish_described(client, f"{team}/large:v1", description("large", describe=True))
        publish_files(client, f"{team}/original:v1", original_files({"linux/amd64": b"ELF"}, b'{"name":"old"}'))
        for name in ("mssql:amd64", "mssql:arm64", "artifact:amd64", "artifact:arm64", "legacy:v1"):
            for layer in client.manifest(Reference.parse(f"{team}/{name}")).layers:
                remove_blob(registry.data, layer.digest)
        yield team


def remove_blob(data: Path, digest: str) -> None:
    algorithm, _, value = digest.partition(":")
    (data / "docker/registry/v2/blobs" / algorithm / value[:2] / value / "data").unlink()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, tmp_path / "cache")


def inspected(project: Project, *arguments: str) -> dict[str, Any]:
    done = project.run("providers", "inspect", *arguments, "--json")
    assert done.code == EXIT_DONE, done.stderr
    [event] = done.events
    return event


@pytest.mark.parametrize(("name", "kind"), [("mssql", "image"), ("artifact", "artifact")])
def test_both_kinds_tell_all_of_themselves_without_a_layer(
    project: Project, registry: str, name: str, kind: str
) -> None:
    event = inspected(project, f"{registry}/{name}:v1")
    with RegistryClient() as client:
        index = client.manifest(Reference.parse(f"{registry}/{name}:v1"))
    assert (event["kind"], event["digest"], event["platforms"]) == (kind, index.digest, list(BOTH))
    assert event["size"] > 0
    assert {key: event["description"][key] for key in MSSQL} == MSSQL


def test_a_page_for_people_has_everything(project: Project, registry: str) -> None:
    done = project.run("providers", "inspect", f"{registry}/mssql:v1")
    assert done.code == EXIT_DONE, done.stderr
    said = " ".join(done.stdout.split())
    for part in (
        "mssql-cdc-provider 1.0.0 Change data capture",
        "kind image",
        "platforms linux/arm64, linux/amd64",
        "digest sha256:",
        "to pull at most",
        "system SQL Server",
        "direction input",
        "capabilities checkpoint, stats",
        "commands run, check",
        "network *:1433",
        "writes to /data",
        "connection_string string, secret required How to log in.",
        'tables list of string ["Orders"] Also written `Tables`.',
        "poll.interval integer 5",
        'mode "initial" or "never" "initial"',
    ):
        assert part in said


def test_the_schema_alone_is_the_one_that_is_announced(project: Project, registry: str) -> None:
    done = project.run("providers", "inspect", f"{registry}/mssql:v1", "--schema")
    assert json.loads(done.stdout) == SCHEMA


def test_a_schema_that_is_too_large_to_be_announced_is_said_to_be(project: Project, registry: str) -> None:
    assert "config: too large to be announced" in project.run("providers", "inspect", f"{registry}/large:v1").stdout
    done = project.run("providers", "inspect", f"{registry}/large:v1", "--schema", "--json")
    assert (done.code, done.events[0]["code"]) == (EXIT_CONFIG, "provider.schema")
    assert "too large" in done.events[0]["hint"]


@pytest.mark.parametrize("name", ["legacy", "original"])
def test_a_provider_that_announces_nothing_is_shown_as_legacy(project: Project, registry: str, name: str) -> None:
    assert inspected(project, f"{registry}/{name}:v1")["description"] is None
    assert "a legacy provider" in project.run("providers", "inspect", f"{registry}/{name}:v1").stdout


def test_a_broken_announcement_is_an_error_that_names_the_reference(project: Project, registry: str) -> None:
    done = project.run("providers", "inspect", f"{registry}/broken:v1", "--json")
    assert (done.code, done.events[0]["code"]) == (EXIT_CONFIG, "provider.description")
    assert f"{registry}/broken:v1" in done.events[0]["message"]


def test_a_platform_that_there_is_not_is_refused_only_if_it_was_asked_for(project: Project, registry: str) -> None:
    done = project.run("providers", "inspect", f"{registry}/mssql:v1", "--platform", "linux/s390x", "--json")
    assert (done.code, done.events[0]["code"]) == (EXIT_CONFIG, "image.platform")
    assert inspected(project, f"{registry}/mssql:v1", "--platform", "linux/arm64")["kind"] == "image"


@pytest.mark.parametrize("platform", ["linux/s390x", "nonsense"])
def test_an_image_of_one_platform_is_not_shown_as_another(project: Project, registry: str, platform: str) -> None:
    done = project.run("providers", "inspect", f"{registry}/legacy:v1", "--platform", platform, "--json")
    assert (done.code, done.events[0]["code"]) == (EXIT_CONFIG, "image.platform")
    assert done.events[0]["message"].endswith(f"not for {platform}")


def test_what_there_is_not_is_not_found(project: Project, registry: str) -> None:
    done = project.run("providers", "inspect", f"{registry}/nobody:v1", "--json")
    assert (done.code, done.events[0]["code"]) == (EXIT_CONFIG, "image.not_found")
