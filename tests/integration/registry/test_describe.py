"""What a provider announces, read through a registry that writes down what it was asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dstream_sdk.protocol import LABEL
from orchestrator.errors import DstreamError
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.describe import describe
from orchestrator.registry.layout import TITLE
from orchestrator.registry.manifest import CATALOG_ARTIFACT, EMPTY_CONFIG, IMAGE_CONFIG, OCI_INDEX, PROVIDER_ARTIFACT
from orchestrator.registry.reference import Reference
from tests.servers.failing_registry import FailingRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

ANNOUNCED = '{"name":"x","$schema":"kept as it is"}'


@pytest.fixture
def registry() -> Iterator[FailingRegistry]:
    with FailingRegistry() as serving:
        yield serving


@pytest.fixture
def client() -> Iterator[RegistryClient]:
    with RegistryClient(deadline=5) as asking:
        yield asking


def hold_image(
    registry: FailingRegistry, machine: str = "amd64", tag: str = "v1", label: str | None = ANNOUNCED
) -> Any:
    """An image for one platform, with a layer of 5,000 bytes; its descriptor, as in an index."""
    image = {"os": "linux", "architecture": machine, "config": {"Labels": {LABEL: label} if label else None}}
    config = registry.put(json.dumps(image).encode(), IMAGE_CONFIG)
    layer = registry.put(machine.encode() * 1000)
    held = registry.hold({"config": config.document, "layers": [layer.document]}, tag)
    return held.document | {"platform": {"os": "linux", "architecture": machine}}


def test_of_an_index_the_platforms_own_label_is_read_and_no_layer(
    client: RegistryClient, registry: FailingRegistry
) -> None:
    entries = [
        hold_image(registry, "amd64", "a", '{"name":"amd"}'),
        hold_image(registry, "arm64", "b", '{"name":"arm"}'),
    ]
    index = registry.hold({"manifests": entries}, media_type=OCI_INDEX)
    found = {name: describe(client, Reference.parse(registry.reference), f"linux/{name}64") for name in ("amd", "arm")}
    for name, announcement in found.items():
        assert announcement.description == f'{{"name":"{name}"}}'.encode()
        assert announcement.descriptor.digest == index.digest
        assert announcement.platforms == ("linux/amd64", "linux/arm64")
        assert (announcement.kind, announcement.manifest.is_index) == ("image", False)
        assert announcement.size == 5000 + announcement.manifest.config.size
    layers = [layer.digest for announcement in found.values() for layer in announcement.manifest.layers]
    assert layers
    assert not [path for _, path, _ in registry.requests if any(digest in path for digest in layers)]


def test_an_image_without_an_index_is_for_the_platform_in_its_config(
    client: RegistryClient, registry: FailingRegistry
) -> None:
    hold_image(registry)
    announcement = describe(client, Reference.parse(registry.reference), "linux/amd64")
    assert announcement.description == ANNOUNCED.encode()
    assert announcement.platforms == ("linux/amd64",)


def test_an_image_may_announce_nothing(client: RegistryClient, registry: FailingRegistry) -> None:
    hold_image(registry, label=None)
    assert describe(client, Reference.parse(registry.reference), "linux/amd64").description is None


def hold_artifact(registry: FailingRegistry, files: dict[str, bytes], **more: Any) -> None:
    layers = [registry.put(content).document | {"annotations": {TITLE: name}} for name, content in files.items()]
    config = registry.put(b"{}", EMPTY_CONFIG).document
    registry.hold({"artifactType": PROVIDER_ARTIFACT, "config": config, "layers": layers} | more)


def test_an_artifact_is_described_by_its_annotation(client: RegistryClient, registry: FailingRegistry) -> None:
    hold_artifact(registry, {"provider": b"x" * 70}, annotations={LABEL: ANNOUNCED})
    announcement = describe(client, Reference.parse(registry.reference), "linux/amd64")
    assert (announcement.kind, announcement.description, announcement.size) == ("artifact", ANNOUNCED.encode(), 70)
    assert not registry.asked("blobs")


def test_an_artifact_is_described_by_its_file(client: RegistryClient, registry: FailingRegistry) -> None:
    files = {"plugin.linux_amd64": b"x" * 70, "plugin.linux_arm64": b"y" * 80, "provider.json": ANNOUNCED.encode()}
    hold_artifact(registry, files)
    announcement = describe(client, Reference.parse(registry.reference), "linux/arm64")
    assert announcement.description == ANNOUNCED.encode()
    assert announcement.platforms == ("linux/amd64", "linux/arm64")
    assert announcement.size == 80 + len(ANNOUNCED)
    assert len(registry.asked("blobs")) == 1


def test_what_is_no_provider_is_told_by_its_kind(client: RegistryClient, registry: FailingRegistry) -> None:
    config = registry.put(b"{}", EMPTY_CONFIG).document
    registry.hold({"artifactType": CATALOG_ARTIFACT, "config": config, "layers": []})
    announcement = describe(client, Reference.parse(registry.reference), "linux/amd64")
    assert (announcement.kind, announcement.description) == ("catalog", None)


def test_a_platform_that_is_not_there_is_told(client: RegistryClient, registry: FailingRegistry) -> None:
    registry.hold({"manifests": [hold_image(registry, tag="a")]}, media_type=OCI_INDEX)
    with pytest.raises(DstreamError) as caught:
        describe(client, Reference.parse(registry.reference), "linux/arm64")
    assert caught.value.code == "image.platform"


def test_an_index_of_indexes_is_refused(client: RegistryClient, registry: FailingRegistry) -> None:
    inner = registry.hold({"manifests": [hold_image(registry, tag="a")]}, "b", OCI_INDEX)
    platform = {"platform": {"os": "linux", "architecture": "amd64"}}
    registry.hold({"manifests": [inner.document | platform]}, media_type=OCI_INDEX)
    with pytest.raises(DstreamError) as caught:
        describe(client, Reference.parse(registry.reference), "linux/amd64")
    assert caught.value.code == "manifest.invalid"


@pytest.mark.parametrize("config", [b"[1]", b'{"config":7}', b'{"config":{"Labels":[]}}'])
def test_an_odd_config_announces_nothing(client: RegistryClient, registry: FailingRegistry, config: bytes) -> None:
    registry.hold({"config": registry.put(config, IMAGE_CONFIG).document, "layers": []})
    assert describe(client, Reference.parse(registry.reference), "linux/amd64").description is None


def test_a_config_that_is_not_json_is_an_error(client: RegistryClient, registry: FailingRegistry) -> None:
    registry.hold({"config": registry.put(b"not JSON", IMAGE_CONFIG).document, "layers": []})
    with pytest.raises(DstreamError) as caught:
        describe(client, Reference.parse(registry.reference), "linux/amd64")
    assert caught.value.code == "manifest.invalid"
