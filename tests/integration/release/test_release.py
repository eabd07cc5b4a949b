"""What one command releases from a clean clone: a stranger finds, locks, verifies and runs it out of the packages."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError
from orchestrator.registry.catalogs.catalog import Namespace, fetch
from orchestrator.registry.reference import Reference
from tests.integration.release.conftest import PLATFORM, SMALL
from tests.servers.script import REPOSITORY
from tests.servers.signing import Key

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.registry.client import RegistryClient
    from tests.integration.release.conftest import Release

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

VERSION = (REPOSITORY / "VERSION.txt").read_text().strip()
BASE = "dstream-provider-base"


def test_images_come_out_the_base_first_and_what_a_stranger_finds_runs(release: Release) -> None:
    published = [re.search(r"/katasec/([a-z-]+):v\S+@sha256:", line) for line in release.printed]
    assert [found[1] for found in published if found][:3] == [BASE, *SMALL]
    assert sum(line.endswith(".whl") for line in release.printed) == 2
    assert release.said.count("PASSED") == 4  # twine, of two packages in two forms
    assert any(" is signed by key sha256:" in line for line in release.printed)
    assert "5 emitted = 5 relayed = 5 acknowledged" in release.said


@pytest.mark.parametrize("name", [BASE, *SMALL])
def test_every_image_is_signed_and_has_its_platforms_bill_of_materials_provenance_and_tags(
    release: Release, client: RegistryClient, name: str
) -> None:
    reference = Reference.parse(f"{release.namespace}/{name}:latest")
    index = client.manifest(reference)
    assert index.platforms == (PLATFORM,)
    pinned = reference.with_digest(index.digest)
    attested = set()
    for entry in index.document["manifests"]:
        if entry.get("annotations", {}).get("vnd.docker.reference.type") == "attestation-manifest":
            manifest = client.manifest(replace(pinned, digest=entry["digest"]))
            attested |= {layer.annotations["in-toto.io/predicate-type"] for layer in manifest.layers}
    assert {kind.partition("/v")[0].rpartition("/")[2] for kind in attested} == {"Document", "provenance"}
    (signature,) = client.referrers(pinned)
    assert signature.artifact_type == "application/vnd.dev.sigstore.bundle.v0.3+json"
    tags = {tag for tag in client.tags(reference) if not tag.startswith("sha256-")}
    (version,) = (tag for tag in tags if tag.count(".") == 2)
    assert tags == {version, version.rpartition(".")[0], "latest"}
    assert {client.resolve(replace(reference, tag=tag)).digest for tag in tags} == {index.digest}


def test_the_catalog_lists_what_was_released_by_its_digest(release: Release, client: RegistryClient) -> None:
    catalog = fetch(client, Namespace.parse(release.namespace).catalog)
    assert [entry.repository.rpartition("/")[2] for entry in catalog.providers] == list(SMALL)
    for entry in catalog.providers:
        name = entry.repository.rpartition("/")[2]
        latest = Reference.parse(f"{release.namespace}/{name}:latest")
        assert client.resolve(latest).digest == entry.digest


def test_what_is_published_is_kept_and_a_try_that_failed_is_simply_repeated(
    release: Release, client: RegistryClient, tmp_path: Path
) -> None:
    name = SMALL[1]
    elsewhere = f"{release.namespace}-again"
    reference = Reference.parse(f"{elsewhere}/{name}:latest")
    arguments = ["--registry", elsewhere, "--platform", PLATFORM, name, "--key"]
    failed = release.script("publish-images", *arguments, "no-such.key")
    assert failed.returncode != 0
    with pytest.raises(ConfigError, match="no such repository, or no tag"):
        client.resolve(reference)  # nobody can pull what is not signed

    key = Key().write_private(tmp_path / "cosign.key")
    made = release.script("publish-images", *arguments, str(key))
    assert made.returncode == 0, made.stderr
    digest = client.resolve(reference).digest
    assert made.stdout.strip().endswith(f"@{digest}")
    again = release.script("publish-images", *arguments, str(key))
    assert (again.returncode, again.stdout) == (0, made.stdout)
    assert "is there already, and kept" in again.stderr
    assert len(client.referrers(replace(reference, digest=digest))) == 1


def test_a_dry_run_tells_what_is_there_and_publishes_nothing(release: Release, client: RegistryClient) -> None:
    name = SMALL[0]
    nowhere = f"{release.namespace}-nowhere"
    arguments = ["--dry-run", "--registry"]
    there = release.script("publish-images", *arguments, release.namespace, name, signer=False)
    absent = release.script("publish-images", *arguments, nowhere, name, signer=False)
    assert "is there already" in there.stderr
    assert f"would build, push, sign and tag {nowhere}/{name}:v" in absent.stderr
    assert "katasec-nowhere" not in json.dumps(client.repositories(release.namespace.partition("/")[0]))
