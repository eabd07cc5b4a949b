"""Manifests and indexes: what they are, what they are for, and what is no manifest at all."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import ConfigError, UnavailableError
from orchestrator.registry.manifest import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    EMPTY_CONFIG,
    IMAGE_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    PROVIDER_ARTIFACT,
    Descriptor,
    Manifest,
    digest_of,
)
from orchestrator.registry.reference import Reference

REFERENCE = Reference.parse("r.example/t/x:v1")


def descriptor(number: int = 1, media_type: str = OCI_MANIFEST, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{number:064x}", "size": number} | more


def parsed(document: dict[str, Any], media_type: str | None = None) -> Manifest:
    return Manifest.parse(REFERENCE, json.dumps(document).encode(), media_type)


def manifest(config_type: str, **more: Any) -> Manifest:
    return parsed({"mediaType": OCI_MANIFEST, "config": descriptor(media_type=config_type), "layers": []} | more)


def index(*platforms: str, **more: Any) -> Manifest:
    entries = []
    for number, platform in enumerate(platforms, 1):
        system, machine, variant = (*platform.split("/"), "")[:3]
        there = {"os": system, "architecture": machine} | ({"variant": variant} if variant else {})
        entries.append(descriptor(number, platform=there))
    return parsed({"mediaType": OCI_INDEX, "manifests": entries} | more)


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (manifest(IMAGE_CONFIG), "image"),
        (manifest("application/vnd.docker.container.image.v1+json", mediaType=DOCKER_MANIFEST), "image"),
        (manifest(EMPTY_CONFIG, artifactType=PROVIDER_ARTIFACT), "artifact"),
        (manifest(f"{PROVIDER_ARTIFACT}.config.v1+json"), "artifact"),
        (manifest("application/vnd.dstream.plugin"), "artifact"),
        (manifest(EMPTY_CONFIG, artifactType="application/vnd.dstream.catalog.v1+json"), "catalog"),
        (manifest(EMPTY_CONFIG, artifactType=PROVIDER_ARTIFACT + ".v2"), "artifact"),
        (manifest(EMPTY_CONFIG, artifactType=PROVIDER_ARTIFACT + "evil"), "other"),
        (manifest(EMPTY_CONFIG), "other"),
        (manifest("application/vnd.cncf.helm.config.v1+json"), "other"),
        (manifest(IMAGE_CONFIG, artifactType=PROVIDER_ARTIFACT), "artifact"),
        (index("linux/amd64"), "image"),
        (index("linux/amd64", artifactType=PROVIDER_ARTIFACT), "artifact"),
        (parsed({"mediaType": OCI_INDEX, "manifests": [descriptor(artifactType=PROVIDER_ARTIFACT)]}), "artifact"),
        (
            parsed({"mediaType": OCI_INDEX, "manifests": [descriptor(artifactType=PROVIDER_ARTIFACT), descriptor(2)]}),
            "other",
        ),
        (index(), "other"),
    ],
)
def test_a_manifest_alone_says_what_it_is(found: Manifest, kind: str) -> None:
    assert found.kind == kind


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        (["linux/amd64", "linux/arm64"], "linux/amd64", 1),
        (["linux/amd64", "linux/arm64"], "linux/arm64", 2),
        (["linux/amd64", "linux/arm64/v8"], "linux/arm64", 2),
        (["linux/arm64"], "linux/arm64/v8", 1),
        (["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7", 2),
        (["linux/386"], "linux/amd64", 1),
        (["linux/386", "linux/amd64"], "linux/amd64", 2),
        (["darwin/arm64", "linux/arm64"], "linux/arm64", 2),
    ],
)
def test_the_manifest_for_a_platform_is_chosen(offered: list[str], wanted: str, chosen: int) -> None:
    assert index(*offered).select(wanted).size == chosen


def test_a_platform_that_is_not_offered_is_told_with_those_that_are() -> None:
    with pytest.raises(ConfigError) as caught:
        index("linux/amd64", "linux/arm64").select("linux/s390x")
    assert caught.value.code == "image.platform"
    assert "linux/amd64, linux/arm64, not for linux/s390x" in caught.value.message
    assert caught.value.where.image == "r.example/t/x:v1"


def test_attestations_are_no_platforms() -> None:
    attestation = descriptor(7, platform={"os": "unknown", "architecture": "unknown"})
    described = descriptor(8, platform={"os": "linux", "architecture": "arm64"})
    described["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    real = descriptor(1, platform={"os": "linux", "architecture": "amd64"})
    found = parsed({"mediaType": DOCKER_INDEX, "manifests": [attestation, described, real]})
    assert found.platforms == ("linux/amd64",)


def test_a_manifest_is_its_own_choice() -> None:
    found = manifest(IMAGE_CONFIG)
    assert found.select("linux/amd64").digest == found.digest == digest_of(found.raw)


def test_the_type_of_the_answer_counts_where_the_document_has_none() -> None:
    assert parsed({"manifests": [descriptor()]}, OCI_INDEX).is_index
    assert not parsed({"config": descriptor(), "layers": []}, DOCKER_MANIFEST).is_index


@pytest.mark.parametrize(
    "document",
    [
        {"mediaType": OCI_INDEX, "manifests": [], "layers": []},
        {"mediaType": OCI_INDEX, "manifests": [], "config": descriptor()},
        {"mediaType": OCI_MANIFEST, "manifests": [], "config": descriptor(), "layers": []},
        {"mediaType": OCI_MANIFEST, "layers": []},
        {"mediaType": OCI_MANIFEST, "config": descriptor(), "layers": [{"digest": "sha256:1", "size": 1}]},
        {"mediaType": OCI_MANIFEST, "config": descriptor() | {"size": -1}, "layers": []},
        {"mediaType": OCI_MANIFEST, "config": descriptor() | {"size": True}, "layers": []},
        {"mediaType": OCI_MANIFEST, "config": descriptor() | {"digest": "sha256:../../etc/passwd"}, "layers": []},
        {"mediaType": "application/vnd.docker.distribution.manifest.v1+json"},
        {"errors": []},
    ],
)
def test_what_is_no_manifest_or_two_at_once_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(UnavailableError) as caught:
        parsed(document)
    assert caught.value.code == "manifest.invalid"
    assert "r.example" in caught.value.message


def test_a_descriptor_is_read_as_it_was_written() -> None:
    written = Descriptor(
        OCI_MANIFEST, f"sha256:{'a' * 64}", 3, "linux/arm64/v8", {"io.x": "y"}, "application/vnd.dstream.provider"
    )
    assert parsed({"mediaType": OCI_INDEX, "manifests": [written.document]}).manifests == (written,)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
DESCRIPTORS = st.builds(descriptor, platform=ANY_JSON, annotations=ANY_JSON, artifactType=ANY_JSON) | ANY_JSON
DOCUMENTS = st.fixed_dictionaries(
    {"mediaType": st.sampled_from([OCI_INDEX, OCI_MANIFEST])},
    optional={
        "config": DESCRIPTORS,
        "layers": st.lists(DESCRIPTORS, max_size=3) | ANY_JSON,
        "manifests": st.lists(DESCRIPTORS, max_size=3) | ANY_JSON,
        "annotations": ANY_JSON,
        "artifactType": ANY_JSON,
    },
)


@given(st.binary(max_size=64) | DOCUMENTS.map(lambda document: json.dumps(document).encode()))
def test_whatever_comes_is_a_manifest_that_can_be_read_or_an_error_of_ours(raw: bytes) -> None:
    try:
        found = Manifest.parse(REFERENCE, raw, OCI_MANIFEST)
    except UnavailableError:
        return
    assert found.kind in ("image", "artifact", "catalog", "other")
    assert found.digest == digest_of(raw)
    assert all(isinstance(text, str) for text in (*found.platforms, *found.annotations.values()))
    with contextlib.suppress(ConfigError):
        assert found.select("linux/amd64").digest
