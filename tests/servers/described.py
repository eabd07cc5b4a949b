"""Providers in a registry that nobody can run: a description, and layers of a few bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dstream_sdk.protocol import LABEL
from orchestrator.registry.manifest import EMPTY_CONFIG, IMAGE_CONFIG, OCI_INDEX, PROVIDER_ARTIFACT
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.registry.client import RegistryClient

LAYER = "application/vnd.oci.image.layer.v1.tar"


def description(name: str, **said: Any) -> dict[str, Any]:
    """The least that announces a provider, and what is `said` besides."""
    return {"name": name, "role": "input", "protocol": 1, "version": "1.0.0", **said}


def publish_described(
    client: RegistryClient,
    text: str,
    announced: dict[str, Any] | str | None,
    *,
    platforms: Sequence[str] = ("linux/amd64",),
    artifact: bool = False,
) -> str:
    """Push a provider as `text`, an index where it is for several `platforms`; the digest of that."""
    reference = Reference.parse(text)
    label = announced if isinstance(announced, str) or announced is None else json.dumps(announced)
    manifests = []
    for platform in platforms:
        system, _, machine = platform.partition("/")
        document: dict[str, Any] = {}
        if artifact:
            document["artifactType"] = PROVIDER_ARTIFACT
            document["annotations"] = {LABEL: label} if label else {}
            config, kind = b"{}", EMPTY_CONFIG
        else:
            labels = {LABEL: label} if label else {}
            image = {"os": system, "architecture": machine, "config": {"Labels": labels}, "rootfs": {"diff_ids": []}}
            config, kind = json.dumps(image).encode(), IMAGE_CONFIG
        document["config"] = client.push_blob(reference, config, kind).document
        document["layers"] = [client.push_blob(reference, f"{text} {platform}".encode(), LAYER).document]
        if len(platforms) == 1:
            return client.push_manifest(reference, document).digest
        pushed = client.push_manifest(Reference(reference.registry, reference.repository, machine), document).document
        manifests.append({**pushed, "platform": {"os": system, "architecture": machine}})
    return client.push_manifest(reference, {"manifests": manifests}, OCI_INDEX).digest
