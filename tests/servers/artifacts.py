"""Providers that are executables in a registry, published in both forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dstream_sdk.protocol import LABEL
from orchestrator.registry.layout import DESCRIPTION_TITLE, TITLE
from orchestrator.registry.manifest import EMPTY_CONFIG, OCI_INDEX, PROVIDER_ARTIFACT
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.registry.client import RegistryClient

FILE = "application/vnd.oci.image.layer.v1.tar"  # what oras calls a file of which nobody said anything


def publish_files(
    client: RegistryClient, text: str, files: Mapping[str, bytes], *, artifact_type: str = PROVIDER_ARTIFACT
) -> str:
    """Push `files` by name as one artifact, as the original does; its digest."""
    reference = Reference.parse(text)
    return client.push_manifest(reference, _document(client, reference, files, artifact_type)).digest


def publish_by_platform(
    client: RegistryClient, text: str, executables: Mapping[str, bytes], *, description: bytes | None = None
) -> str:
    """Push an index with one artifact for each platform, each with the `description`; the index's digest."""
    reference = Reference.parse(text)
    manifests: list[dict[str, Any]] = []
    for platform, executable in executables.items():
        document = _document(client, reference, {"provider": executable}, PROVIDER_ARTIFACT)
        if description is not None:
            document["annotations"] = {LABEL: description.decode()}
        system, _, machine = platform.partition("/")
        pushed = client.push_manifest(Reference(reference.registry, reference.repository, machine), document)
        manifests.append({**pushed.document, "platform": {"os": system, "architecture": machine}})
    return client.push_manifest(reference, {"manifests": manifests}, OCI_INDEX).digest


def original_files(executables: Mapping[str, bytes], provider_json: bytes = b"{}") -> dict[str, bytes]:
    """The files of the original's form, for `publish_files`; `executables` by platform."""
    named = {f"plugin.{platform.replace('/', '_')}": content for platform, content in executables.items()}
    return {**named, DESCRIPTION_TITLE: provider_json}


def _document(
    client: RegistryClient, reference: Reference, files: Mapping[str, bytes], artifact_type: str
) -> dict[str, Any]:
    layers = []
    for name, content in files.items():
        layer = client.push_blob(reference, content, FILE).document
        layers.append({**layer, "annotations": {TITLE: name}})
    return {
        "artifactType": artifact_type,
        "config": client.push_blob(reference, b"{}", EMPTY_CONFIG).document,
        "layers": layers,
    }
