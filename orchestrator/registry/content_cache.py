"""Manifests and configs that were read once, kept by digest: what a digest means never changes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import UnavailableError, Where
from orchestrator.logs import log
from orchestrator.registry.client import MANIFEST_LIMIT
from orchestrator.registry.manifest import Manifest, digest_of

if TYPE_CHECKING:
    from orchestrator.registry.client import RegistryClient
    from orchestrator.registry.manifest import Descriptor
    from orchestrator.registry.reference import Reference


class ContentCache:
    """A registry's content by way of a folder. Thread-safe, and safe for several processes at once.

    Without a `client` only what is in the folder can be had. What was altered there counts as absent, and a folder
    that cannot be written is only logged: neither stands in the way of an answer.
    """

    def __init__(self, folder: Path, client: RegistryClient | None) -> None:
        self._folder = folder
        self._client = client

    def pinned(self, reference: Reference) -> Reference:
        """`reference` with the digest that it means now. Raises as `manifest` does."""
        return (
            reference if reference.digest else reference.with_digest(self._asked(reference).resolve(reference).digest)
        )

    def manifest(self, reference: Reference) -> Manifest:
        """As `RegistryClient.manifest`, and `UnavailableError` (`content.absent`) without a client."""
        raw = self._read(reference.digest) if reference.digest else None
        if raw is not None:
            return Manifest.parse(reference, raw)
        manifest = self._asked(reference).manifest(reference)
        if "mediaType" in manifest.document:  # else only the registry's answer said whether it is an index
            self._write(manifest.digest, manifest.raw)
        return manifest

    def blob(self, reference: Reference, descriptor: Descriptor, *, limit: int = MANIFEST_LIMIT) -> bytes:
        """As `RegistryClient.blob`, and `UnavailableError` (`content.absent`) without a client."""
        content = self._read(descriptor.digest)
        if content is None:
            content = self._asked(reference).blob(reference, descriptor, limit=limit)
            self._write(descriptor.digest, content)
        return content

    def _asked(self, reference: Reference) -> RegistryClient:
        if self._client is None:
            message = f"`{reference.familiar}` is not known on this host"
            raise UnavailableError("content.absent", message, where=Where(image=str(reference)))
        return self._client

    def _read(self, digest: str) -> bytes | None:
        try:
            content = self._path(digest).read_bytes()
        except OSError:
            return None
        return content if digest_of(content, like=digest) == digest else None

    def _write(self, digest: str, content: bytes) -> None:
        fresh: Path | None = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".new-", delete=False) as file:
                fresh = Path(file.name)
                file.write(content)
            fresh.replace(self._path(digest))
        except OSError as error:
            log().warning("what a registry said cannot be kept", folder=str(self._folder), error=str(error))
            if fresh is not None:
                fresh.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._folder / digest.replace(":", "-")
