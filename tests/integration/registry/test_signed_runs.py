"""Signatures between a run and its first container."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from docker import APIClient

from orchestrator.config.model import Trust, TrustedNamespace
from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, Where
from orchestrator.pipeline.sources import Asked, Sources
from orchestrator.registry.artifacts import Artifacts
from orchestrator.registry.cache import ArtifactCache
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.lockfile import Lock
from orchestrator.registry.manifest import OCI_INDEX
from orchestrator.registry.pull import EngineImages
from orchestrator.registry.reference import Reference
from orchestrator.registry.trust.signatures import SignatureCache
from orchestrator.registry.trust.verifier import Verifier
from tests.cli.conftest import Done, Project
from tests.servers.images import Images, of_today, publish_images
from tests.servers.registry import Registry
from tests.servers.signing import Key, push_bundle
from tests.servers.tiny import forget, publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TASK = "count-what-is-signed"
FILE = """\
trust {{
  namespace "ghcr.io/katasec" {{
    key = "cosign.pub"
  }}
}}

task "{task}" {{
  input {{
    provider_image = "ghcr.io/katasec/counter-input-provider:v0.1.0"
    config = {{ max_count = 3 }}
  }}
  output {{
    provider_image = "ghcr.io/katasec/console-output-provider:v0.1.0"
    config = {{ outputFormat = "json" }}
  }}
}}
"""


@pytest.fixture
def project(tmp_path: Path, cache: Path, engine: str) -> Project:
    own = tmp_path / "cache" / "dstream"
    own.mkdir(parents=True)
    (own / "hcl-grammar.bin").symlink_to(cache / "dstream" / "hcl-grammar.bin")
    project = Project(tmp_path, tmp_path / "cache")
    project.environ["DOCKER_HOST"] = engine
    project.write(of_today(FILE.format(task=TASK)))
    return project


@pytest.fixture
def registry_of_its_own(tmp_path: Path, project: Project) -> Iterator[tuple[Registry, Images]]:
    with Registry(tmp_path / "data", "signed") as registry:
        images = publish_images(registry)
        project.environ["DSTREAM_MIRRORS"] = json.dumps(images.mirrors)
        yield registry, images


def sign(images: Images, key: Key) -> list[str]:
    """Sign both images; their digests."""
    digests = []
    with RegistryClient() as client:
        for reference in map(Reference.parse, (images.counter, images.console)):
            digests.append(client.resolve(reference).digest)
            push_bundle(client, replace(reference, digest=digests[-1]), key.bundle(digests[-1]))
    return digests


def containers_made(engine: str, since: float) -> int:
    """How many containers were made for the task, whether or not they are still there."""
    client = APIClient(base_url=engine, timeout=60)
    try:
        filters = {"type": "container", "event": "create", "label": f"io.dstream.task={TASK}"}
        return len(list(client.events(since=int(since), until=int(time.time()) + 1, filters=filters, decode=True)))
    finally:
        client.close()


def refused(done: Done, code: str, *named: str) -> None:
    assert done.code == EXIT_CONFIG
    assert f"error[{code}]" in done.stderr
    assert "dstream.hcl:9" in done.stderr
    assert all(name in done.stderr for name in named), done.stderr


@pytest.mark.engine
def test_containers_are_made_of_what_the_trusted_key_signed_alone_and_of_that_without_a_network(
    project: Project, engine: str, registry_of_its_own: tuple[Registry, Images]
) -> None:
    registry, images = registry_of_its_own
    trusted, other = Key(), Key()
    trusted.write(project.folder / "cosign.pub")
    began = time.time()
    refused(project.run("run", TASK), "trust.unsigned", trusted.fingerprint)
    counter, console = sign(images, other)
    refused(project.run("run", TASK), "trust.other_key", counter, trusted.fingerprint, other.fingerprint)
    assert containers_made(engine, began) == 0
    sign(images, trusted)
    locked = project.run("providers", "lock")
    assert locked.code == EXIT_DONE, locked.stderr
    lock = (project.folder / "dstream.lock.hcl").read_text()
    assert lock.count(f'"key {trusted.fingerprint}"') == 2
    assert all(digest in lock for digest in (counter, console))
    assert project.run("providers", "pull", "--all").code == EXIT_DONE
    registry.stop()
    done = project.run("run", TASK, "--locked")
    assert done.code == EXIT_DONE, done.stderr
    assert len(done.stdout.splitlines()) == 3
    assert containers_made(engine, began) == 2


@pytest.mark.engine
def test_an_image_is_known_by_every_index_that_it_came_by(engine: str, registry: str, tmp_path: Path) -> None:
    """A release that is published again has another index around the same image, and an engine keeps both digests."""
    key, reference = Key(), Reference.parse(f"{registry}/signed/again:v1")
    publish(engine, str(reference))
    trust = Trust(True, (TrustedNamespace(registry, Where(), key=str(key.write(tmp_path / "cosign.pub"))),))
    images = EngineImages(engine)
    with RegistryClient() as client:
        image = replace(client.manifest(reference).descriptor, platform="linux/amd64").document
        index: dict[str, object] = {"manifests": [image]}
        early = client.push_manifest(reference, index, OCI_INDEX).digest
        assert images.resolve(str(reference), pull="always").digest == early
        late = early
        while late <= early:  # engines sort them
            index = {"manifests": [image], "annotations": {"built": late}}
            late = client.push_manifest(reference, index, OCI_INDEX).digest
        assert images.resolve(str(reference), pull="always").digest == late

        push_bundle(client, replace(reference, digest=late), key.bundle(late))
        verifier = Verifier(trust, lambda: client, SignatureCache(tmp_path / "signatures"))
        artifacts = Artifacts(lambda: client, ArtifactCache(tmp_path / "artifacts"))
        sources = Sources(images, artifacts, Lock(None, tmp_path / "dstream.lock.hcl"), verifier)
        assert sources.image(Asked(str(reference), Where(), "never")).digest in (early, late)
    images.close()
    forget(engine, str(reference))
