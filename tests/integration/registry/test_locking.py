"""`dstream providers lock` against a real registry: what it writes, keeps, and tells."""

from __future__ import annotations

import hashlib
import json
import platform
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_ENVIRONMENT
from orchestrator.registry.client import RegistryClient
from tests.cli.conftest import Done, Project
from tests.servers.artifacts import original_files, publish_by_platform, publish_files
from tests.servers.described import description, publish_described

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOTH = ("linux/amd64", "linux/arm64")
COUNTER = description("counter", title="Counts")
CONSOLE = description("console", role="output")


@pytest.fixture(scope="module")
def client() -> Iterator[RegistryClient]:
    with RegistryClient(deadline=5.0) as client:
        yield client


@pytest.fixture
def namespace(registry: str, request: pytest.FixtureRequest) -> str:
    """Where this test's providers are."""
    return f"{registry}/{request.node.name.lower().replace('[', '-').replace(']', '')}"


@pytest.fixture
def project(tmp_path: Path, cache: Path, namespace: str) -> Project:
    """A project that takes both of its providers from there; what they are configured with is not set."""
    project = Project(tmp_path, cache)
    project.write(
        f'task "orders" {{\n'
        f'  input {{\n    provider_image = "{namespace}/counter:v1"\n    config {{ password = env("UNSET") }}\n  }}\n'
        f'  output {{ provider_image = "{namespace}/console" }}\n'
        f"}}\n"
    )
    return project


@pytest.fixture
def published(project: Project, client: RegistryClient, namespace: str) -> dict[str, str]:
    """The digests of both, by the names that a lock has for them."""
    return {
        f"{namespace}/counter:v1": publish_described(client, f"{namespace}/counter:v1", COUNTER, platforms=BOTH),
        f"{namespace}/console:latest": publish_described(client, f"{namespace}/console", CONSOLE),
    }


def written(project: Project) -> str:
    return (project.folder / "dstream.lock.hcl").read_text()


def states(done: Done, code: int = EXIT_DONE) -> dict[str, tuple[str, str]]:
    """What became of each reference, and the digest it has in the lock."""
    assert done.code == code, done.stderr
    return {one["reference"]: (one["state"], one["digest"]) for one in done.events[0]["providers"]}


def test_every_reference_is_locked_to_what_all_platforms_share(project: Project, published: dict[str, str]) -> None:
    done = project.run("providers", "lock", "--json")
    assert states(done) == {name: ("locked", digest) for name, digest in published.items()}
    counter, console = sorted(done.events[0]["providers"], key=lambda one: one["reference"], reverse=True)
    assert counter["platforms"] == list(BOTH)
    assert console["platforms"] == ["linux/amd64"]
    label = json.dumps(COUNTER).encode()
    assert counter["description"] == f"sha256:{hashlib.sha256(label).hexdigest()}"
    for name, digest in published.items():
        assert f'provider "{name}" {{\n  digest      = "{digest}"\n' in written(project)


@pytest.mark.usefixtures("published")
def test_the_lock_is_the_same_on_every_platform(project: Project) -> None:
    texts = []
    for machine in ("x86_64", "aarch64"):
        with mock.patch.object(platform, "machine", lambda machine=machine: machine):
            assert project.run("providers", "lock").code == EXIT_DONE
        texts.append(written(project))
        (project.folder / "dstream.lock.hcl").unlink()
    assert texts[0] == texts[1]


def test_what_is_locked_stays_until_it_is_upgraded(
    project: Project, published: dict[str, str], client: RegistryClient, namespace: str
) -> None:
    name = f"{namespace}/counter:v1"
    project.run("providers", "lock")
    before = written(project)
    now = publish_described(client, name, COUNTER | {"version": "1.0.1"}, platforms=BOTH)

    done = project.run("providers", "lock")
    assert done.code == EXIT_DONE
    assert f"moved    {name}\n" in done.stdout
    assert f"the lock keeps   {published[name]}\n" in done.stdout
    assert f"the tag now has  {now}\n" in done.stdout
    assert written(project) == before

    assert states(project.run("providers", "lock", "--json"))[name] == ("moved", published[name])
    checked = project.run("providers", "lock", "--check")
    assert checked.code == EXIT_CONFIG
    assert "error[lock.stale]" in checked.stderr
    assert "up to date" not in checked.stdout
    assert written(project) == before

    done = project.run("providers", "lock", "--upgrade")
    assert f"from {published[name]}\n         to   {now}\n" in done.stdout
    assert now in written(project)
    checked = project.run("providers", "lock", "--check")
    assert (checked.code, "dstream.lock.hcl is up to date: 2 providers\n" in checked.stdout) == (EXIT_DONE, True)


def test_one_reference_is_upgraded_and_the_others_stay(
    project: Project, published: dict[str, str], client: RegistryClient, namespace: str
) -> None:
    project.run("providers", "lock")
    counter, console = f"{namespace}/counter:v1", f"{namespace}/console:latest"
    publish_described(client, counter, COUNTER | {"version": "1.0.1"})
    now = publish_described(client, console, CONSOLE | {"version": "1.0.1"})
    done = project.run("providers", "lock", "--upgrade", f"{namespace}/console", "--json")
    assert states(done) == {counter: ("moved", published[counter]), console: ("upgraded", now)}


@pytest.mark.usefixtures("published")
def test_upgrading_what_no_task_names_says_what_is_near(project: Project, namespace: str) -> None:
    done = project.run("providers", "lock", "--upgrade", f"{namespace}/counter:v2")
    assert done.code == EXIT_CONFIG
    assert "error[lock.unknown]" in done.stderr
    assert f"{namespace}/counter:v1" in done.stderr


@pytest.mark.usefixtures("published")
def test_what_no_task_names_any_more_leaves_the_lock(project: Project, namespace: str) -> None:
    project.run("providers", "lock")
    project.write(project.file.read_text().replace("/console", "/counter:v1"))
    done = project.run("providers", "lock", "--json")
    assert {name: state for name, (state, _) in states(done).items()} == {
        f"{namespace}/counter:v1": "kept",
        f"{namespace}/console:latest": "removed",
    }
    assert "console" not in written(project)


def test_artifacts_of_both_forms_are_locked(project: Project, client: RegistryClient, namespace: str) -> None:
    programs = dict.fromkeys(BOTH, b"#!/bin/sh\n")
    digests = {
        f"{namespace}/original:v1": publish_files(client, f"{namespace}/original:v1", original_files(programs)),
        f"{namespace}/index:v1": publish_by_platform(client, f"{namespace}/index:v1", programs, description=b"{}"),
    }
    project.write(
        f'task "t" {{\n  input {{ provider_ref = "{namespace}/original:v1" }}\n'
        f'  output {{ provider_ref = "{namespace}/index:v1" }}\n}}\n'
    )
    done = project.run("providers", "lock", "--json")
    assert states(done) == {name: ("locked", digest) for name, digest in digests.items()}
    assert [one["platforms"] for one in done.events[0]["providers"]] == [list(BOTH), list(BOTH)]


@pytest.mark.usefixtures("published")
def test_one_missing_reference_leaves_the_lock_as_it_was(project: Project) -> None:
    project.run("providers", "lock")
    before = written(project)
    project.write(project.file.read_text().replace("/console", "/consul"))
    done = project.run("providers", "lock", "--json")
    assert done.code == EXIT_CONFIG
    assert done.events[-1]["code"] == "image.not_found"
    assert (done.events[-1]["where"]["file"], done.events[-1]["where"]["line"]) == ("dstream.hcl", 6)
    assert written(project) == before


def test_checking_needs_a_lock(project: Project, published: dict[str, str]) -> None:
    done = project.run("providers", "lock", "--check", "--json")
    assert states(done, EXIT_CONFIG) == {name: ("locked", digest) for name, digest in published.items()}
    assert done.events[-1]["code"] == "lock.missing"
    assert not (project.folder / "dstream.lock.hcl").exists()
    told = project.run("providers", "lock", "--check").stdout
    assert all(f"missing  {name}\n" in told for name in published)
    assert "locked " not in told


def test_a_registry_that_is_away_is_not_taken_for_an_empty_one(project: Project) -> None:
    project.write('task "t" {\n  input { provider_image = "127.0.0.1:1/a:v1" }\n  output { provider_path = "x" }\n}\n')
    done = project.run("providers", "lock")
    assert done.code == EXIT_ENVIRONMENT
    assert "error[registry.unreachable]" in done.stderr
    assert not (project.folder / "dstream.lock.hcl").exists()
