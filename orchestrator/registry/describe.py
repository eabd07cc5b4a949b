"""What a provider announces of itself, read through the registry: no layer is transferred."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.registry.client import RegistryClient
from orchestrator.registry.manifest import Descriptor, Kind, Manifest
from orchestrator.registry.reference import Reference


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


def describe(client: RegistryClient, reference: Reference, platform: str) -> Announcement:
    """Read the announcement of `reference` for `platform` (`os/architecture[/variant]`).

    Raises what `RegistryClient` does, and `ConfigError` (`image.platform`).
    """
    raise NotImplementedError
