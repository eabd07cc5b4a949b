"""Images put together from layers of a test's own choice, pushed without an engine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

from orchestrator.registry.manifest import IMAGE_CONFIG
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.registry.client import RegistryClient

LAYER = "application/vnd.oci.image.layer.v1.tar"
GZIP = b"\x1f\x8b"


def layer(name: str, content: bytes) -> bytes:
    """A layer with one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def publish_layers(
    client: RegistryClient, text: str, layers: Sequence[bytes], labels: Mapping[str, str] | None = None
) -> str:
    """Push an image of these layers, plain or compressed, as `text`, for linux/amd64; its digest."""
    reference = Reference.parse(text)
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Labels": dict(labels or {}), "Cmd": ["/nothing"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(_unpacked(each)) for each in layers]},
    }
    document = {
        "config": client.push_blob(reference, json.dumps(config).encode(), IMAGE_CONFIG).document,
        "layers": [client.push_blob(reference, each, _type(each)).document for each in layers],
    }
    return client.push_manifest(reference, document).digest


def _unpacked(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(GZIP) else content


def _type(content: bytes) -> str:
    return f"{LAYER}+gzip" if content.startswith(GZIP) else LAYER
