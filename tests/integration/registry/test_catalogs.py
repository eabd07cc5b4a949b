"""Catalogs made from a real registry, published there, and searched: with it, without it, and when it is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from dstream_sdk.protocol import CATALOG_TYPE
from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_ENVIRONMENT
from orchestrator.registry.catalogs.catalog import decode, fetch
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.reference import Reference
from tests.cli.conftest import Done, Project
from tests.servers.described import description, publish_described
from tests.servers.registry import Registry
from tests.servers.tiny import forget, publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MSSQL = description("mssql-cdc-provider", title="Change data capture", system="SQL Server", capabilities=["checkpoint"])
ASB = description("asb-output-provider", title="Queues and topics", system="Azure Service Bus", role="output")
BOTH = ("linux/amd64", "linux/arm64")


@pytest.fixture(scope="module")
def client() -> Iterator[RegistryClient]:
    with RegistryClient(deadline=5.0) as client:
        yield client


@pytest.fixture(scope="module")
def offering(tmp_path_factory: pytest.TempPathFactory, client: RegistryClient) -> Iterator[Registry]:
    """A registry with providers of two namespaces, and with what is none."""
    with Registry(tmp_path_factory.mktemp("catalogs"), "catalogs") as registry:
        team, other = f"{registry.address}/team", f"{registry.address}/other"
        for tag in ("v1.9.0", "v1.10.0", "v2.0.0-rc.1", "latest"):
            publish_described(client, f"{team}/mssql-cdc-provider:{tag}", MSSQL | {"version": tag}, platforms=BOTH)
        publish_described(client, f"{team}/nested/asb-output-provider:v0.3.0", ASB, artifact=True)
        publish_described(client, f"{team}/base:v1.0.0", None)
        publish_described(client, f"{team}/broken:v1.0.0", "not JSON")
        emptied = publish_described(client, f"{team}/emptied:v1.0.0", description("emptied"))
        requests.delete(f"http://{registry.address}/v2/team/emptied/manifests/{emptied}", timeout=10).raise_for_status()
        publish_described(client, f"{other}/kafka-input-provider:latest", description("kafka-input-provider"))
        yield registry


@pytest.fixture
def project(tmp_path: Path, offering: Registry) -> Project:
    project = Project(tmp_path, tmp_path / "cache")
    project.environ["DSTREAM_CATALOGS"] = json.dumps([f"{offering.address}/team/dstream-catalog"])
    return project


@pytest.fixture
def team(offering: Registry) -> str:
    return f"{offering.address}/team"


@pytest.fixture
def published(project: Project, team: str) -> Project:
    """The catalog of `team` is there."""
    done = project.run("providers", "catalog", "push", team)
    assert done.code == EXIT_DONE, done.stderr
    return project


def found(done: Done) -> list[str]:
    assert done.code == EXIT_DONE, done.stderr
    [event] = done.events
    return [provider["name"] for provider in event["providers"]]


def only(done: Done) -> dict[str, Any]:
    assert done.code == EXIT_DONE, done.stderr
    [event] = done.events
    return event


def test_a_catalog_has_the_newest_version_of_every_provider_in_its_namespace(project: Project, team: str) -> None:
    done = project.run("providers", "catalog", "build", team)
    assert done.code == EXIT_DONE, done.stderr
    catalog = decode(done.stdout.encode(), "stdout")
    assert catalog.title == team
    mssql, asb = catalog.providers
    assert (mssql.repository, mssql.tag, mssql.kind) == (f"{team}/mssql-cdc-provider", "v1.10.0", "image")
    assert mssql.provider.version == "v1.10.0"
    assert mssql.platforms == list(BOTH)
    assert mssql.size
    assert (asb.repository, asb.tag, asb.kind) == (f"{team}/nested/asb-output-provider", "v0.3.0", "artifact")


def test_building_says_what_it_left_out_and_why(published: Project, team: str) -> None:
    said = published.run("providers", "catalog", "build", team).stderr
    assert f"left out {team}/base: `v1.0.0` announces nothing" in said
    assert f"left out {team}/emptied: " in said
    assert "dstream-catalog" not in said
    assert f"left out {team}/broken: `v1.0.0` announces something else than a provider" in said


def test_the_digest_is_the_indexs_and_building_twice_makes_the_same(
    project: Project, team: str, client: RegistryClient
) -> None:
    done = project.run("providers", "catalog", "build", team)
    reference = Reference.parse(f"{team}/mssql-cdc-provider:v1.10.0")
    assert decode(done.stdout.encode(), "stdout").providers[0].digest == client.manifest(reference).digest
    assert client.manifest(reference).is_index
    assert project.run("providers", "catalog", "build", team).stdout == done.stdout


def test_named_repositories_need_no_listing(project: Project, team: str) -> None:
    done = project.run("providers", "catalog", "build", team, "mssql-cdc-provider", "--output", "catalog.json")
    assert done.stdout == ""
    content = (project.folder / "catalog.json").read_bytes()
    assert [entry.provider.name for entry in decode(content, "file").providers] == ["mssql-cdc-provider"]


def test_a_namespace_without_providers_makes_no_catalog(project: Project, offering: Registry) -> None:
    done = project.run("providers", "catalog", "push", f"{offering.address}/nobody")
    assert done.code == EXIT_CONFIG
    assert "error[catalog.empty]" in done.stderr


def test_through_a_mirror_a_catalog_bears_the_published_names(project: Project, team: str) -> None:
    project.environ["DSTREAM_MIRRORS"] = json.dumps({"ghcr.io/katasec": team})
    done = project.run("providers", "catalog", "build", "ghcr.io/katasec")
    catalog = decode(done.stdout.encode(), "stdout")
    assert catalog.title == "ghcr.io/katasec"
    assert catalog.providers[0].repository == "ghcr.io/katasec/mssql-cdc-provider"


def test_a_catalog_is_an_artifact_that_says_so(published: Project, team: str, client: RegistryClient) -> None:
    manifest = client.manifest(Reference.parse(f"{team}/dstream-catalog:latest"))
    assert manifest.kind == "catalog"
    assert manifest.artifact_type == CATALOG_TYPE
    [layer] = manifest.layers
    assert layer.media_type == CATALOG_TYPE
    assert len(fetch(client, manifest.reference).providers) == 2


def test_a_built_file_is_published_as_it_is(project: Project, offering: Registry, team: str) -> None:
    project.run("providers", "catalog", "build", team, "-o", "catalog.json")
    done = project.run(
        "providers", "catalog", "push", f"{offering.address}/elsewhere", "--file", "catalog.json", "--json"
    )
    event = only(done)
    assert event["reference"] == f"{offering.address}/elsewhere/dstream-catalog:latest"
    assert event["providers"] == 2
    catalog = f"{offering.address}/elsewhere/dstream-catalog"
    assert found(project.run("providers", "search", "sql", "--catalog", catalog, "--json")) == ["mssql-cdc-provider"]


def test_a_search_prints_what_to_write_in_the_file(published: Project, team: str) -> None:
    reference = f"{team}/mssql-cdc-provider:v1.10.0"
    done = published.run("providers", "search", "sql", "server")
    assert done.stdout.splitlines() == [
        f"{'REFERENCE':{len(reference)}}  DIRECTION  SYSTEM      TITLE",
        f"{reference}  input      SQL Server  Change data capture",
    ]
    assert done.stderr == ""


def test_a_search_for_programs_has_everything(published: Project, team: str) -> None:
    event = only(published.run("providers", "search", "checkpoint", "--json"))
    [provider] = event["providers"]
    assert provider["reference"] == f"{team}/mssql-cdc-provider:v1.10.0"
    assert provider["platforms"] == list(BOTH)
    assert provider["digest"].startswith("sha256:")
    assert provider["catalog"] == f"{team}/dstream-catalog"
    [catalog] = event["catalogs"]
    assert catalog["problem"] is None
    assert catalog["providers"] == 2


def test_nothing_found_names_what_was_nearly_asked_for(published: Project) -> None:
    done = published.run("providers", "search", "mssqll")
    assert done.code == EXIT_DONE
    assert done.stdout == ""
    assert done.stderr == "none of 2 providers matches `mssqll`; did you mean `mssql`?\n"


def test_a_registry_that_lists_what_it_has_is_searched_itself(project: Project, offering: Registry) -> None:
    project.environ["DSTREAM_CATALOGS"] = "[]"
    project.environ["DSTREAM_SEARCH_REGISTRIES"] = json.dumps([offering.address])
    assert found(project.run("providers", "search", "input", "--json")) == [
        "kafka-input-provider",
        "mssql-cdc-provider",
    ]
    project.environ["DSTREAM_SEARCH_REGISTRIES"] = json.dumps([f"{offering.address}/other"])
    assert found(project.run("providers", "search", "input", "--json")) == ["kafka-input-provider"]


def test_a_registry_searched_before_is_asked_again_for_what_changed(
    project: Project, offering: Registry, client: RegistryClient
) -> None:
    project.environ["DSTREAM_CATALOGS"] = "[]"
    project.environ["DSTREAM_SEARCH_REGISTRIES"] = json.dumps([f"{offering.address}/growing"])
    reference = f"{offering.address}/growing/counter"
    publish_described(client, f"{reference}:v1.0.0", description("counter"))
    assert found(project.run("providers", "search", "counter", "--json")) == ["counter"]
    publish_described(client, f"{reference}:v1.1.0", description("counter", title="newer"))
    publish_described(client, f"{reference}-two:v1.0.0", description("counter-two"))
    event = only(project.run("providers", "search", "counter", "--json"))
    assert [(each["name"], each["title"]) for each in event["providers"]] == [("counter", "newer"), ("counter-two", "")]


def test_a_catalog_that_changed_is_read_again(published: Project, team: str) -> None:
    assert found(published.run("providers", "search", "input", "--json")) == ["mssql-cdc-provider"]
    published.run("providers", "catalog", "push", team, "nested/asb-output-provider")
    assert found(published.run("providers", "search", "input", "--json")) == []
    published.run("providers", "catalog", "push", team)
    assert found(published.run("providers", "search", "input", "--json")) == ["mssql-cdc-provider"]


def test_a_catalog_that_did_not_change_is_not_transferred_again(
    published: Project, offering: Registry, team: str
) -> None:
    assert found(published.run("providers", "search", "sql", "--json")) == ["mssql-cdc-provider"]
    [copy] = (published.folder / "cache" / "dstream" / "catalogs").iterdir()
    before = copy.stat()
    assert found(published.run("providers", "search", "sql", "--json")) == ["mssql-cdc-provider"]
    assert copy.stat().st_ino == before.st_ino
    assert copy.stat().st_mtime > before.st_mtime


def test_without_the_registry_the_last_good_copy_is_searched_and_its_age_said(
    tmp_path: Path, client: RegistryClient
) -> None:
    project = Project(tmp_path, tmp_path / "cache")
    with Registry(tmp_path / "data", "going") as registry:
        team = f"{registry.address}/team"
        publish_described(client, f"{team}/mssql:v1.0.0", MSSQL)
        assert project.run("providers", "catalog", "push", team).code == EXIT_DONE
        search = ("providers", "search", "mssql", "--catalog", f"{team}/dstream-catalog")
        assert project.run(*search).stderr == ""
    gone = project.run(*search)
    assert gone.code == EXIT_DONE
    assert f"{team}/mssql:v1.0.0" in gone.stdout
    assert f"warning: catalog {team}/dstream-catalog: as it was less than a minute ago" in gone.stderr
    offline = project.run(*search, "--offline")
    assert offline.stdout == gone.stdout
    assert offline.stderr == f"catalog {team}/dstream-catalog: as it was less than a minute ago\n"
    event = only(project.run(*search, "--json"))
    assert event["catalogs"][0]["problem"]["code"] == "registry.unreachable"
    assert event["catalogs"][0]["confirmed"].endswith("+00:00")


def test_one_catalog_that_is_missing_does_not_keep_the_others(
    published: Project, offering: Registry, team: str
) -> None:
    missing = f"{offering.address}/nobody/dstream-catalog"
    done = published.run("providers", "search", "sql", "--catalog", missing, "--catalog", f"{team}/dstream-catalog")
    assert done.code == EXIT_DONE
    assert "mssql-cdc-provider" in done.stdout
    assert f"warning: catalog {missing}: left out: " in done.stderr


def test_not_one_catalog_is_an_error(project: Project, offering: Registry) -> None:
    missing = [f"{offering.address}/{name}/dstream-catalog" for name in ("nobody", "nowhere")]
    one = project.run("providers", "search", "sql", "--catalog", missing[0])
    assert one.code == EXIT_CONFIG
    assert "error[image.not_found]" in one.stderr
    both = project.run("providers", "search", "sql", "--catalog", missing[0], "--catalog", missing[1])
    assert both.code == EXIT_ENVIRONMENT
    assert "error[catalog.none]" in both.stderr
    assert "`--catalog`" in both.stderr
    assert all(name in both.stderr for name in missing)
    never = project.run("providers", "search", "sql", "--offline")
    assert never.code == EXIT_ENVIRONMENT
    assert "error[catalog.absent]" in never.stderr
    project.environ["DSTREAM_CATALOGS"] = "[]"
    assert project.run("providers", "search", "sql").code == EXIT_CONFIG


def test_what_is_no_catalog_is_left_out_by_its_kind(published: Project, team: str) -> None:
    provider = f"{team}/mssql-cdc-provider:v1.10.0"
    done = published.run("providers", "search", "sql", "--catalog", provider, "--catalog", f"{team}/dstream-catalog")
    assert done.code == EXIT_DONE
    assert f"warning: catalog {provider}: left out: " in done.stderr
    assert "is not a catalog but of kind image" in done.stderr


def test_a_text_cannot_move_the_terminal(project: Project, offering: Registry, client: RegistryClient) -> None:
    rude = f"{offering.address}/rude"
    publish_described(client, f"{rude}/bell:v1.0.0", description("bell", title="\x1b[2Jgone"))
    project.run("providers", "catalog", "push", rude)
    done = project.run("providers", "search", "bell", "--catalog", f"{rude}/dstream-catalog")
    assert "\x1b" not in done.stdout
    assert "\\x1b[2Jgone" in done.stdout


@pytest.mark.engine
def test_a_list_brings_together_what_is_offered_installed_and_used(
    published: Project, team: str, engine: str, offering: Registry
) -> None:
    label = {"io.dstream.provider": json.dumps(MSSQL)}
    used, unheard = f"{team}/mssql-cdc-provider:v1.9.0", f"{offering.address}/listing/own:v0.1.0"
    silent = f"{offering.address}/listing/no-provider:v1"
    published.environ["DOCKER_HOST"] = engine
    published.write(
        f'task "orders" {{\n  input {{ provider_image = "{used}" }}\n  output {{ provider_path = "x" }}\n}}\n'
    )
    publish(engine, unheard, labels=label, keep=True)
    publish(engine, silent, keep=True)
    try:
        event = only(published.run("providers", "list", "--json"))
        rows = {each["repository"]: each for each in event["providers"]}
        mssql, own = rows[f"{team}/mssql-cdc-provider"], rows[f"{offering.address}/listing/own"]
        assert (mssql["newest"], mssql["newer"], mssql["installed"]) == ("v1.10.0", "v1.10.0", [])
        assert mssql["tasks"] == [{"task": "orders", "role": "input", "reference": used}]
        assert (own["newest"], own["newer"]) == (None, None)
        assert [each["tag"] for each in own["installed"]] == ["v0.1.0"]
        shown = published.run("providers", "list")
        [line] = [line for line in shown.stdout.splitlines() if f"{team}/mssql-cdc-provider" in line]
        assert line.split()[:4] == [f"{team}/mssql-cdc-provider", "input", "v1.10.0", "orders"]
        assert f"{team}/mssql-cdc-provider:v1.10.0 is newer than what is in use" in shown.stderr
        installed = only(published.run("providers", "list", "--installed", "--json"))
        repositories = {each["repository"] for each in installed["providers"]}  # other tests' images among them
        assert f"{offering.address}/listing/own" in repositories
        assert not {f"{team}/mssql-cdc-provider", f"{offering.address}/listing/no-provider"} & repositories
    finally:
        forget(engine, unheard)
        forget(engine, silent)


def test_without_an_engine_the_list_says_what_it_cannot_know(published: Project, team: str) -> None:
    done = published.run("providers", "list")
    assert done.code == EXIT_DONE
    assert f"{team}/mssql-cdc-provider" in done.stdout
    assert "warning: installed images are not shown: " in done.stderr
    event = only(published.run("providers", "list", "--json"))
    assert event["engine_problem"]["code"] == "engine.absent"
