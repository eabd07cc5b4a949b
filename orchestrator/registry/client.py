"""A registry's API: what a reference means, its manifests, blobs, tags and referrers, read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from orchestrator.registry.manifest import OCI_MANIFEST, Descriptor, Manifest
from orchestrator.registry.reference import Reference

MANIFEST_LIMIT = 4 << 20
"""The largest manifest, config or description that is read into memory, in bytes."""


class RegistryClient:
    """Registries, with the user's credentials, mirrors and certificate authorities.

    Takes and reports references as the user wrote them, and applies mirrors itself. Connects at the first use.
    Thread-safe: one client serves all threads. Every method blocks: an answer may take `timeout` seconds from
    one byte to the next, and what fails in passing (429, 5xx, a broken connection) is tried again for at most
    `deadline` seconds. Raises `ConfigError` (`image.not_found`, `manifest.digest`, `blob.digest`) and
    `UnavailableError` (`image.unauthorized`, `registry.*`, `manifest.invalid`), which name the reference;
    the place in a file is the caller's to add.
    """

    def __init__(
        self,
        *,
        mirrors: Mapping[str, str] | None = None,
        insecure: Iterable[str] = (),
        ca_bundle: str | None = None,
        registry_auth: Mapping[str, str] | None = None,
        timeout: float = 20.0,
        deadline: float = 60.0,
    ) -> None:
        """`insecure` are registries asked over plain HTTP; `registry_auth` maps registries to `user:password`."""

    def resolve(self, reference: Reference) -> Descriptor:
        """What `reference` means now (for a tag, the digest it points to), without transferring it."""
        raise NotImplementedError

    def manifest(self, reference: Reference) -> Manifest:
        """The manifest or index behind `reference`, its digest checked (`manifest.digest`)."""
        raise NotImplementedError

    def blob(self, reference: Reference, descriptor: Descriptor, *, limit: int = MANIFEST_LIMIT) -> bytes:
        """A small blob of the repository of `reference`, its digest checked (`blob.digest`).

        Raises `UnavailableError` (`blob.size`) for one of more than `limit` bytes, before it is transferred.
        """
        raise NotImplementedError

    def download(
        self,
        reference: Reference,
        descriptor: Descriptor,
        path: Path,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        """A blob of any size to `path`, which either holds exactly that blob afterwards or is as it was.

        A transfer that breaks off goes on where it stopped, or starts again where the registry cannot do that.
        `on_progress` is called from here with the bytes that are there; what it raises ends the transfer.
        """
        raise NotImplementedError

    def tags(self, reference: Reference) -> list[str]:
        """Every tag of the repository of `reference`."""
        raise NotImplementedError

    def repositories(self, registry: str) -> list[str]:
        """Every repository of `registry`. Raises `UnavailableError` (`registry.no_listing`) where it does not tell."""
        raise NotImplementedError

    def referrers(self, reference: Reference, artifact_type: str | None = None) -> list[Descriptor]:
        """What was attached to the digest of `reference`: by the referrers API, or by its fallback tag."""
        raise NotImplementedError

    def push_blob(self, reference: Reference, content: bytes, media_type: str) -> Descriptor:
        """Put `content` into the repository of `reference`; nothing is sent if it is there."""
        raise NotImplementedError

    def push_manifest(
        self, reference: Reference, document: Mapping[str, Any], media_type: str = OCI_MANIFEST
    ) -> Descriptor:
        """Put a manifest or an index under the tag (or digest) of `reference`; its blobs must be there."""
        raise NotImplementedError

    def close(self) -> None:
        """Give up every connection; what is still going on in other threads ends soon. Idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
