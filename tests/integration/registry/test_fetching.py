"""`dstream providers pull`, and runs of what is locked: several at once, by digest, offline, and signed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dstream_sdk.protocol import LABEL
from orchestrator.errors import EXIT_CONFIG, EXIT_DONE
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.manifest import OCI_INDEX
from orchestrator.registry.reference import Reference
from tests.cli.conftest import PROVIDERS, Project
from tests.servers.artifacts import publish_by_platform
from tests.servers.described import description, publish_described
from tests.servers.images import publish_images, version_of
from tests.servers.layered import digest, layer, publish_layers
from tests.servers.registry import Registry
from tests.servers.signing import Key, push_simple

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = (PROVIDERS / "numbers.py").read_bytes()
LINES = (PROVIDERS / "lines.py").read_bytes()
HERE = ("linux/amd64", "linux/arm64")


@pytest.fixture(scope="module")
def client() -> Iterator[RegistryClient]:
    with RegistryClient(deadline=5.0) as client:
        yield client


@pytest.fixture
def namespace(registry: str, request: pytest.FixtureRequest) -> str:
    """Where this test's providers are."""
    return f"{registry}/{request.node.name.lower().replace('[', '-').replace(']', '')}"


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    """An empty project, with a cache of its own for all but the parser's tables."""
    own = tmp_path / "cache" / "dstream"
    own.mkdir(parents=True)
    (own / "hcl-grammar.bin").symlink_to(cache / "dstream" / "hcl-grammar.bin")
    return Project(tmp_path, tmp_path / "cache")


def artifact(client: RegistryClient, text: str, program: bytes, role: str = "input") -> Reference:
    """Publish `program` for both platforms; the reference with the index's digest."""
    said = json.dumps(description("fake", role=role)).encode()
    return Reference.parse(text).with_digest(
        publish_by_platform(client, text, dict.fromkeys(HERE, program), description=said)
    )


def task(source: str, output: str, *, kind: str = "ref", name: str = "orders") -> str:
    return (
        f'task "{name}" {{\n  input {{\n    provider_{kind} = "{source}"\n    config {{ count = 5 }}\n  }}\n'
        f'  output {{ provider_{kind} = "{output}" }}\n}}\n'
    )


def numbers(stdout: str) -> list[int]:
    return [int(line.removeprefix("value ")) for line in stdout.splitlines()]


def test_artifacts_run_as_processes_what_is_locked_and_not_what_its_tag_has_become(
    project: Project, client: RegistryClient, namespace: str
) -> None:
    project.write(task(f"{namespace}/numbers:v1", f"{namespace}/lines:v1"))
    artifact(client, f"{namespace}/numbers:v1", NUMBERS)
    artifact(client, f"{namespace}/lines:v1", LINES, "output")
    assert project.run("providers", "lock").code == EXIT_DONE
    artifact(client, f"{namespace}/numbers:v1", b"#!/bin/sh\nexit 7\n")
    done = project.run("run", "orders", "--locked")
    assert done.code == EXIT_DONE, done.stderr
    assert numbers(done.stdout) == [1, 2, 3, 4, 5]


def test_what_a_lock_lacks_is_told_and_run_all_the_same(
    project: Project, client: RegistryClient, namespace: str
) -> None:
    project.write(task(f"{namespace}/numbers:v1", f"{namespace}/lines:v1"))
    artifact(client, f"{namespace}/numbers:v1", NUMBERS)
    artifact(client, f"{namespace}/lines:v1", LINES, "output")
    (project.folder / "dstream.lock.hcl").write_text("version = 1\n")
    done = project.run("run", "orders")
    assert done.code == EXIT_DONE, done.stderr
    assert f"warning: `{namespace}/numbers:v1` is not in `dstream.lock.hcl`" in done.stderr


def test_a_locked_digest_that_is_gone_says_which_and_how_to_go_on(
    project: Project, client: RegistryClient, namespace: str
) -> None:
    project.write(task(f"{namespace}/numbers:v1", f"{namespace}/lines:v1"))
    there = artifact(client, f"{namespace}/numbers:v1", NUMBERS)
    artifact(client, f"{namespace}/lines:v1", LINES, "output")
    project.run("providers", "lock")
    lock = project.folder / "dstream.lock.hcl"
    gone = digest(b"never pushed")
    lock.write_text(lock.read_text().replace(str(there.digest), gone))
    done = project.run("run", "orders", "--json")
    assert done.code == EXIT_CONFIG
    error = done.events[-1]
    assert error["code"] == "image.not_found"
    assert gone in error["message"]
    assert f"`dstream providers lock --upgrade {namespace}/numbers:v1`" in error["hint"]


@pytest.mark.engine
def test_a_locked_task_runs_with_the_registry_stopped(
    project: Project, engine: str, client: RegistryClient, tmp_path: Path
) -> None:
    project.environ["DOCKER_HOST"] = engine
    with Registry(tmp_path / "data", "offline") as registry:
        images = publish_images(registry)
        project.environ["DSTREAM_MIRRORS"] = json.dumps(images.mirrors)
        numbers_ref = artifact(client, f"{registry.address}/numbers:v1", NUMBERS)
        version = version_of("console-output-provider")
        project.write(
            f'task "orders" {{\n'
            f'  input {{\n    provider_ref = "{registry.address}/numbers:v1"\n    config {{ count = 5 }}\n  }}\n'
            f'  output {{\n    provider_image = "ghcr.io/katasec/console-output-provider:v{version}"\n'
            f'    config {{ outputFormat = "json" }}\n  }}\n}}\n'
        )
        assert project.run("providers", "lock").code == EXIT_DONE
        pulled = project.run("providers", "pull", "--all")
        assert pulled.code == EXIT_DONE, pulled.stderr
        assert f"{registry.address}/numbers:v1  {numbers_ref.digest}\n" in pulled.stdout
    done = project.run("run", "orders", "--locked")
    assert done.code == EXIT_DONE, done.stderr
    assert len(done.stdout.splitlines()) == 5
    assert "pull" not in done.stderr


@pytest.mark.engine
def test_what_is_shared_is_pulled_once(project: Project, engine: str, client: RegistryClient, tmp_path: Path) -> None:
    project.environ["DOCKER_HOST"] = engine
    names = [f"provider{number}" for number in range(6)]
    base = layer("base", tmp_path.name.encode() * 300_000)
    with Registry(tmp_path / "data", "shared") as registry:
        own = {name: layer(name, f"{tmp_path} {name}".encode()) for name in names}
        pushed = {
            f"{registry.address}/{name}:v1": publish_layers(client, f"{registry.address}/{name}:v1", [base, own[name]])
            for name in names
        }
        references = list(pushed)
        pairs = zip(references[::2], references[1::2], strict=True)
        project.write("".join(task(*pair, kind="image", name=f"t{number}") for number, pair in enumerate(pairs)))
        done = project.run("providers", "pull", "--all")
        assert done.code == EXIT_DONE, done.stderr
        assert done.stdout == "".join(f"{reference}  {found}\n" for reference, found in pushed.items())
        assert {f"pulling {reference}" for reference in references} <= set(done.stderr.splitlines())
        fetched = [line for line in registry.requests() if line.startswith("GET") and "/blobs/" in line]
        assert sum(digest(base) in line for line in fetched) == 1
        assert all(sum(digest(each) in line for line in fetched) == 1 for each in own.values())


def test_one_that_cannot_be_pulled_keeps_no_other(project: Project, client: RegistryClient, namespace: str) -> None:
    there = artifact(client, f"{namespace}/numbers:v1", NUMBERS)
    done = project.run("providers", "pull", f"{namespace}/nobody:v1", f"{namespace}/numbers:v1", "--json")
    assert done.code == EXIT_CONFIG
    (pulled,) = [event for event in done.events if event["event"] == "pulled"]
    assert pulled == {"event": "pulled", "reference": f"{namespace}/numbers:v1", "digest": there.digest}
    (error,) = [event for event in done.events if event["event"] == "error"]
    assert (error["code"], f"{namespace}/nobody:v1" in error["message"]) == ("image.not_found", True)


def test_an_index_that_does_not_say_of_what_it_is_one_is_looked_into(
    project: Project, client: RegistryClient, namespace: str
) -> None:
    """Not every tool writes into an index of which type its manifests are."""
    reference = artifact(client, f"{namespace}/numbers:v1", NUMBERS)
    index = dict(client.manifest(reference).document)
    index["manifests"] = [{k: v for k, v in each.items() if k != "artifactType"} for each in index["manifests"]]
    pushed = client.push_manifest(replace(reference, digest=None), index, OCI_INDEX)
    done = project.run("providers", "pull", f"{namespace}/numbers:v1")
    assert done.code == EXIT_DONE, done.stderr
    assert pushed.digest in done.stdout


def test_a_catalog_is_not_pulled_for_a_provider(project: Project, client: RegistryClient, namespace: str) -> None:
    publish_described(client, f"{namespace}/numbers:v1", description("numbers"))
    assert project.run("providers", "catalog", "push", namespace).code == EXIT_DONE
    done = project.run("providers", "pull", f"{namespace}/dstream-catalog")
    assert done.code == EXIT_CONFIG
    assert "error[provider.kind]" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--all", "registry.test/a:v1"]])
def test_what_to_pull_is_said_in_one_way(project: Project, arguments: list[str]) -> None:
    done = project.run("providers", "pull", *arguments)
    assert done.code == EXIT_CONFIG
    assert "error[usage]" in done.stderr


@pytest.fixture
def signed(project: Project, client: RegistryClient, namespace: str) -> tuple[Key, dict[str, Reference]]:
    """A task of two artifacts that a key signed, in a project that requires that key."""
    key = Key()
    key.write(project.folder / "cosign.pub")
    pushed = {
        "numbers": artifact(client, f"{namespace}/numbers:v1", NUMBERS),
        "lines": artifact(client, f"{namespace}/lines:v1", LINES, "output"),
    }
    for reference in pushed.values():
        push_simple(client, reference, [key.simple(str(reference.digest))])
    trust = f'trust {{\n  namespace "{namespace}" {{ key = "cosign.pub" }}\n}}\n'
    project.write(task(f"{namespace}/numbers:v1", f"{namespace}/lines:v1") + trust)
    return key, pushed


def test_a_lock_records_the_signer_and_the_task_runs(
    project: Project, signed: tuple[Key, dict[str, Reference]]
) -> None:
    done = project.run("providers", "lock", "--json")
    assert done.code == EXIT_DONE, done.stderr
    assert [one["signer"] for one in done.events[0]["providers"]] == [f"key {signed[0].fingerprint}"] * 2
    assert f'signer      = "key {signed[0].fingerprint}"' in (project.folder / "dstream.lock.hcl").read_text()
    done = project.run("run", "orders", "--locked")
    assert done.code == EXIT_DONE, done.stderr


@pytest.mark.parametrize("verb", [("run", "orders"), ("providers", "lock"), ("providers", "pull", "--all")])
def test_a_signature_by_another_key_stops_everything_before_it_starts(
    project: Project, signed: tuple[Key, dict[str, Reference]], verb: tuple[str, ...]
) -> None:
    other = Key()
    other.write(project.folder / "cosign.pub")
    done = project.run(*verb, "--json")
    assert done.code == EXIT_CONFIG
    error = done.events[-1]
    assert error["code"] == "trust.other_key"
    assert other.fingerprint in error["message"]
    assert any(str(reference.digest) in error["message"] for reference in signed[1].values())
    assert not (project.folder / "dstream.lock.hcl").exists()
    assert not [event for event in done.events if event.get("phase") in ("starting", "running")]


@pytest.mark.engine
def test_an_unsigned_image_is_refused_before_a_container_is_made(
    project: Project, engine: str, client: RegistryClient, namespace: str
) -> None:
    project.environ["DOCKER_HOST"] = engine
    Key().write(project.folder / "cosign.pub")
    label = {LABEL: json.dumps(description("x"))}
    found = publish_layers(client, f"{namespace}/x:v1", [layer("x", namespace.encode())], label)
    trust = f'trust {{\n  namespace "{namespace}" {{ key = "cosign.pub" }}\n}}\n'
    project.write(task(f"{namespace}/x:v1", f"{namespace}/x:v1", kind="image") + trust)
    done = project.run("run", "orders", "--json")
    assert done.code == EXIT_CONFIG
    assert done.events[-1]["code"] == "trust.unsigned"
    assert found in done.events[-1]["message"]
    assert done.events[-1]["where"]["line"] == 3
