"""What a provider announces of itself, read through the registry: no layer is transferred."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from dstream_sdk.protocol import LABEL
from orchestrator.errors import UnavailableError, Where
from orchestrator.registry.client import MANIFEST_LIMIT
from orchestrator.registry.image import platform_of
from orchestrator.registry.layout import executables, layout_of
from orchestrator.registry.manifest import Descriptor, Kind, Manifest
from orchestrator.registry.reference import Reference

_PLATFORM_FIELDS = ("os", "architecture", "variant")


class Content(Protocol):
    """Where manifests and small blobs are read: a `RegistryClient`, or a `ContentCache` before it."""

    def manifest(self, reference: Reference) -> Manifest: ...

    def blob(self, reference: Reference, descriptor: Descriptor, *, limit: int = MANIFEST_LIMIT) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a registry knows of a provider, for one platform.

    `descriptor` is what the reference means, usually the index; its digest is the one to lock.
    `manifest` is the platform's own. `description` is the announcement's JSON as it was written, None for a
    provider that announces nothing. `size` is what a pull transfers at most, in bytes. `kind` is the
    platform manifest's.
    """

    manifest: Manifest
    descriptor: Descriptor
    description: bytes | None
    size: int
    platforms: tuple[str, ...]
    kind: Kind


def describe(client: Content, reference: Reference, platform: str) -> Announcement:
    """Read the announcement of `reference` for `platform` (`os/architecture[/variant]`).

    Of an image it is the label in its config; of an artifact the same annotation, or else its `provider.json`.
    Raises what `RegistryClient` does, `ConfigError` (`image.platform`) and `UnavailableError` (`manifest.invalid`).
    """
    top = client.manifest(reference)
    manifest = client.manifest(reference.with_digest(top.select(platform).digest)) if top.is_index else top
    if manifest.is_index:
        raise _malformed(reference, f"its index leads to another index for {platform}")
    if manifest.kind == "image":
        config = _config(client, reference, manifest)
        labels = _object(_object(config, "config"), "Labels")
        text = labels.get(LABEL)
        platforms = top.platforms or (platform_of({name.title(): config.get(name) for name in _PLATFORM_FIELDS}),)
        size = manifest.config.size + sum(layer.size for layer in manifest.layers)
    elif manifest.kind == "artifact":
        layout = layout_of(manifest, platform)
        text = layout.announced
        if text is None and layout.description is not None:
            text = client.blob(reference, layout.description).decode(errors="replace")
        platforms = top.platforms or tuple(executables(manifest))
        size = layout.executable.size + (layout.description.size if layout.description else 0)
    else:
        text, platforms, size = None, top.platforms, sum(layer.size for layer in manifest.layers)
    return Announcement(
        manifest, top.descriptor, text.encode() if isinstance(text, str) else None, size, platforms, manifest.kind
    )


def _config(client: Content, reference: Reference, manifest: Manifest) -> Mapping[str, Any]:
    try:
        config = json.loads(client.blob(reference, manifest.config))
    except (ValueError, RecursionError) as error:
        raise _malformed(reference, f"its config is not JSON: {error}") from error
    return config if isinstance(config, dict) else {}


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _malformed(reference: Reference, problem: str) -> UnavailableError:
    message = f"`{reference.familiar}` cannot be read: {problem}"
    return UnavailableError(
        "manifest.invalid", message, hint="build and push it again", where=Where(image=str(reference))
    )
