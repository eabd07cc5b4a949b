"""A real registry, asked by our own client: written and read, behind a login, behind TLS, through a mirror."""

from __future__ import annotations

import base64
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import DstreamError
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.manifest import EMPTY_CONFIG, OCI_INDEX, PROVIDER_ARTIFACT
from orchestrator.registry.reference import Reference
from tests.servers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAYER = "application/octet-stream"
CONTENT = os.urandom(3_000_000)


@pytest.fixture
def client() -> Iterator[RegistryClient]:
    with RegistryClient(deadline=2) as asking:
        yield asking


def push(client: RegistryClient, text: str, content: bytes = CONTENT) -> Reference:
    """An artifact with one layer, pinned to what it became."""
    reference = Reference.parse(text)
    config = client.push_blob(reference, b"{}", EMPTY_CONFIG)
    layer = client.push_blob(reference, content, LAYER)
    document = {"artifactType": PROVIDER_ARTIFACT, "config": config.document, "layers": [layer.document]}
    return reference.with_digest(client.push_manifest(reference, document).digest)


def code_of(client: RegistryClient, reference: Reference) -> str:
    with pytest.raises(DstreamError) as caught:
        client.manifest(reference)
    assert reference.registry in caught.value.message
    return caught.value.code


def test_what_was_pushed_comes_back(client: RegistryClient, registry: str, tmp_path: Path) -> None:
    pinned = push(client, f"{registry}/client/roundtrip:v1")
    tagged = Reference.parse(f"{registry}/client/roundtrip:v1")
    assert client.resolve(tagged).digest == client.resolve(pinned).digest == pinned.digest
    manifest = client.manifest(tagged)
    assert (manifest.digest, manifest.kind, manifest.reference) == (pinned.digest, "artifact", tagged)
    assert client.blob(tagged, manifest.config) == b"{}"
    seen: list[int] = []
    client.download(pinned, manifest.layers[0], tmp_path / "layer", seen.append)
    assert (tmp_path / "layer").read_bytes() == CONTENT
    assert seen[-1] == len(CONTENT)
    assert [file.name for file in tmp_path.iterdir()] == ["layer"]


def test_many_threads_share_one_client(client: RegistryClient, registry: str, tmp_path: Path) -> None:
    pinned = [push(client, f"{registry}/client/threads{number}:v1", os.urandom(200_000)) for number in range(4)]

    def fetch(number: int) -> bool:
        reference = pinned[number % 4]
        layer = client.manifest(reference).layers[0]
        client.download(reference, layer, tmp_path / str(number))
        return (tmp_path / str(number)).stat().st_size == 200_000

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(fetch, range(32)))


def test_a_large_blob_is_not_read_into_memory(client: RegistryClient, registry: str) -> None:
    pinned = push(client, f"{registry}/client/large:v1")
    with pytest.raises(DstreamError) as caught:
        client.blob(pinned, client.manifest(pinned).layers[0], limit=1000)
    assert caught.value.code == "blob.size"


def test_another_tag_means_the_same_bytes(client: RegistryClient, registry: str) -> None:
    pinned = push(client, f"{registry}/client/tagged:v1.2.3")
    client.tag(pinned, "latest")
    latest = Reference.parse(f"{registry}/client/tagged:latest")
    assert client.manifest(latest).raw == client.manifest(pinned).raw
    other = push(client, f"{registry}/client/tagged:v1.2.4", b"another")
    client.tag(other, "latest")
    assert client.resolve(latest).digest == other.digest


def test_an_index_leads_to_the_manifest_of_each_platform(client: RegistryClient, registry: str) -> None:
    reference = Reference.parse(f"{registry}/client/index:v1")
    entries = []
    for machine in ("amd64", "arm64"):
        pushed = client.manifest(push(client, f"{registry}/client/index:{machine}", machine.encode())).descriptor
        entries.append(pushed.document | {"platform": {"os": "linux", "architecture": machine}})
    digest = client.push_manifest(reference, {"manifests": entries}, OCI_INDEX).digest
    index = client.manifest(reference)
    assert (index.digest, index.platforms, index.kind) == (digest, ("linux/amd64", "linux/arm64"), "artifact")
    for machine in ("amd64", "arm64"):
        chosen = client.manifest(reference.with_digest(index.select(f"linux/{machine}").digest))
        assert client.blob(reference, chosen.layers[0]) == machine.encode()


@pytest.mark.parametrize("text", ["client/nobody:v1", "client/nobody", f"client/nobody@sha256:{'0' * 64}"])
def test_what_is_not_there_is_told(client: RegistryClient, registry: str, text: str) -> None:
    reference = Reference.parse(f"{registry}/{text}")
    assert code_of(client, reference) == "image.not_found"
    with pytest.raises(DstreamError) as caught:
        client.resolve(reference)
    assert caught.value.code == "image.not_found"


def test_a_mirror_is_asked_instead_and_the_written_reference_told(registry: str) -> None:
    with RegistryClient(mirrors={"ghcr.io/katasec": f"{registry}/client/mirror"}) as client:
        pinned = push(client, "ghcr.io/katasec/x:v1", b"mirrored")
        assert client.manifest(pinned).reference.name == "ghcr.io/katasec/x"
        with pytest.raises(DstreamError) as caught:
            client.resolve(Reference.parse("ghcr.io/katasec/y:v1"))
    assert f"`ghcr.io/katasec/y:v1` (as `{registry}/client/mirror/y:v1`)" in caught.value.message
    with RegistryClient(mirrors={"ghcr.io": f"{registry}/client"}) as client:
        assert "mirror/x" in client.repositories("ghcr.io")


def test_lists_longer_than_a_page_are_read_to_their_end(tmp_path: Path, client: RegistryClient) -> None:
    with Registry(tmp_path / "data", "pages") as serving:
        push(client, f"{serving.address}/a/b:v0", b"x")
        # The registry's storage is plain files without an index: what lies there is there.
        repositories = tmp_path / "data" / "docker" / "registry" / "v2" / "repositories"
        tags = repositories / "a" / "b" / "_manifests" / "tags"
        for number in range(1, 1201):
            shutil.copytree(tags / "v0" / "current", tags / f"v{number}" / "current")
            (repositories / "many" / f"r{number:04}" / "_layers").mkdir(parents=True)
        assert sorted(client.tags(Reference.parse(f"{serving.address}/a/b"))) == sorted(f"v{n}" for n in range(1201))
        assert client.repositories(serving.address) == ["a/b", *(f"many/r{n:04}" for n in range(1, 1201))]


def test_referrers_are_found_by_their_fallback_tag(client: RegistryClient, registry: str) -> None:
    pinned = push(client, f"{registry}/client/signed:v1", b"signed")
    assert client.referrers(pinned) == []
    signature = client.manifest(push(client, f"{registry}/client/signed:sig", b"signature")).descriptor
    tag = Reference(pinned.registry, pinned.repository, str(pinned.digest).replace(":", "-"))
    client.push_manifest(tag, {"manifests": [signature.document]}, OCI_INDEX)
    assert [found.digest for found in client.referrers(pinned, PROVIDER_ARTIFACT)] == [signature.digest]
    assert client.referrers(pinned, "application/vnd.other") == []


def test_a_login_comes_from_the_setting_or_from_docker_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with Registry(tmp_path / "data", "client-login", login="ann:s3cret") as private:
        reference = Reference.parse(f"{private.address}/t/x:v1")
        with RegistryClient(registry_auth={private.address: "ann:s3cret"}) as ann:
            pinned = push(ann, str(reference))
            assert ann.repositories(private.address) == ["t/x"]
        with RegistryClient() as nobody:
            assert code_of(nobody, reference) == "image.unauthorized"
            with pytest.raises(DstreamError) as caught:
                nobody.repositories(private.address)
            assert caught.value.code == "registry.no_listing"
        with RegistryClient(registry_auth={private.address: "ann:wrong"}) as mistaken:
            assert code_of(mistaken, reference) == "image.unauthorized"
        auth = base64.b64encode(b"ann:s3cret").decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {private.address: {"auth": auth}}}))
        with RegistryClient() as ann:
            assert ann.resolve(reference).digest == pinned.digest


def test_a_private_authority_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    with Registry(tmp_path / "data", "client-tls", tls=True) as private:
        reference = Reference.parse(f"{private.address}/t/x:v1")
        with RegistryClient(ca_bundle=private.ca) as trusting:
            assert push(trusting, str(reference)).digest == trusting.resolve(reference).digest
        with RegistryClient() as doubting:
            assert code_of(doubting, reference) == "registry.tls"
        with RegistryClient(insecure=[private.address]) as plain, pytest.raises(DstreamError):
            plain.manifest(reference)


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    for content in (None, "not a certificate"):
        bundle = tmp_path / "ca.pem"
        if content is not None:
            bundle.write_text(content)
        with pytest.raises(DstreamError) as caught:
            RegistryClient(ca_bundle=str(bundle))
        assert caught.value.code == "config.settings"
        assert caught.value.where.file == str(bundle)
