"""Providers that are executables in a registry: resolved to digests, pulled where they are missing, checked on use."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.errors import DstreamError, UnavailableError, Where
from orchestrator.logs import log
from orchestrator.registry.cache import cache_refused
from orchestrator.registry.image import PullEvent, host_platform
from orchestrator.registry.layout import layout_of
from orchestrator.registry.manifest import OCI_INDEX, OCI_MANIFEST, Manifest, digest_of
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.config.model import PullPolicy
    from orchestrator.registry.cache import ArtifactCache
    from orchestrator.registry.client import RegistryClient
    from orchestrator.registry.manifest import Descriptor

_INDEX, _MANIFEST, _EXECUTABLE, _DESCRIPTION = "index.json", "manifest.json", "provider", "provider.json"


@dataclass(frozen=True, slots=True)
class ResolvedArtifact:
    """An artifact that is on this host, pinned and unaltered.

    `reference` is what the user wrote, `digest` what it means: that of the index where there is one.
    `description` is the announcement's JSON as it was written, None for a provider that announces nothing.
    """

    reference: str
    digest: str
    platform: str
    executable: Path
    description: bytes | None


@dataclass(frozen=True, slots=True)
class _Asked:
    text: str
    reference: Reference
    platform: str
    on_event: Callable[[PullEvent], None] | None

    def tell(self, layer: str | None, status: str, current: int | None = None, total: int | None = None) -> None:
        if self.on_event is not None:
            self.on_event(PullEvent(self.text, layer, status, current, total))


class Artifacts:
    """The artifacts of registries, by way of a cache. Thread-safe.

    `client` is called when a registry must be asked for the first time; what it gives stays its owner's to close.
    """

    def __init__(self, client: Callable[[], RegistryClient], cache: ArtifactCache) -> None:
        self._client = client
        self._cache = cache

    def resolve(
        self,
        reference: str,
        *,
        pull: PullPolicy = "missing",
        platform: str | None = None,
        on_event: Callable[[PullEvent], None] | None = None,
        where: Where | None = None,
    ) -> ResolvedArtifact:
        """The artifact that `reference` means, on this host when this returns and until the cache is closed.

        `platform` None is this host's. Blocks while pulling; `on_event` is called from here, and what it raises
        ends the pull. What is in the cache is used without asking a registry, unless `pull` is `always` and the
        reference has no digest. Raises `ConfigError` (`reference.invalid`, `provider.kind`, `image.platform`,
        `artifact.layout`), `UnavailableError` (`artifact.absent`, `cache.unavailable`) and what `RegistryClient`
        does, at `where`.
        """
        where = replace(where or Where(), image=reference)
        asked = _Asked(reference, Reference.parse(reference, where=where), platform or host_platform(), on_event)
        try:
            return self._resolve(asked, pull)
        except DstreamError as error:
            error.where = where.filled_from(error.where)
            raise

    def _resolve(self, asked: _Asked, pull: PullPolicy) -> ResolvedArtifact:
        digest = asked.reference.digest
        if digest is None and pull != "always":
            digest = self._cache.tagged(asked.reference)
        found = self._kept(asked, digest) if digest else None
        if found is None and pull == "never":
            raise UnavailableError(
                "artifact.absent",
                f"the artifact `{asked.text}` is not on this host, and pulling is switched off",
                hint="allow it with `--pull missing`, or pull it with `dstream providers pull`",
            )
        return found or self._pull(asked)

    def _pull(self, asked: _Asked) -> ResolvedArtifact:
        client = self._client()
        root = client.manifest(asked.reference)
        found = self._kept(asked, root.digest)
        if found is None:
            self._fetch(client, asked, root)
            found = self._kept(asked, root.digest)
        if found is None:
            raise UnavailableError(
                "cache.unavailable",
                f"the artifact `{asked.text}` was pulled, and is gone from the cache or altered there",
                hint="run it again; if it happens again, see what else writes to the cache",
            )
        if asked.reference.digest is None:
            self._cache.tag(asked.reference, root.digest)
        return found

    def _fetch(self, client: RegistryClient, asked: _Asked, root: Manifest) -> None:
        """Put what `root` has for the platform into the cache."""
        pinned = asked.reference.with_digest(root.digest)
        manifest = root
        if root.is_index:
            manifest = client.manifest(pinned.with_digest(root.select(asked.platform).digest))
        layout = layout_of(manifest, asked.platform)
        layer = layout.executable.digest.partition(":")[2][:12]
        total = layout.executable.size
        asked.tell(None, f"Pulling from {pinned.repository}")
        with self._cache.adding(asked.reference, root.digest, asked.platform) as folder:
            if root.is_index:
                (folder / _INDEX).write_bytes(root.raw)
            (folder / _MANIFEST).write_bytes(manifest.raw)
            if layout.description is not None:
                (folder / _DESCRIPTION).write_bytes(client.blob(pinned, layout.description))
            executable = folder / _EXECUTABLE
            client.download(
                pinned, layout.executable, executable, lambda done: asked.tell(layer, "Downloading", done, total)
            )
            executable.chmod(0o555)
        asked.tell(layer, "Pull complete", total, total)
        asked.tell(None, f"Digest: {root.digest}")

    def _kept(self, asked: _Asked, digest: str) -> ResolvedArtifact | None:
        """The artifact from the cache; None where it is not there, or not any more what it was."""
        folder = self._cache.use(digest, asked.platform)
        if folder is None:
            return None
        try:
            return _read(folder, asked, digest)
        except (_AlteredError, FileNotFoundError) as altered:
            log().warning("a pulled artifact was altered on this host", reference=asked.text, what=str(altered))
            self._cache.discard(digest, asked.platform)
            return None
        except OSError as error:
            raise cache_refused(error) from error


class _AlteredError(Exception):
    """A file of an entry does not have the digest that it must have."""


def _read(folder: Path, asked: _Asked, digest: str) -> ResolvedArtifact:
    """What `folder` holds, every byte of it checked from the digest of the reference downwards."""
    pinned = asked.reference.with_digest(digest)
    root = folder / _INDEX
    if root.exists():
        index = Manifest.parse(pinned, _checked(root, digest), OCI_INDEX)
        pinned = pinned.with_digest(index.select(asked.platform).digest)
    manifest = Manifest.parse(pinned, _checked(folder / _MANIFEST, pinned.digest or digest), OCI_MANIFEST)
    layout = layout_of(manifest, asked.platform)
    executable = folder / _EXECUTABLE
    _check_file(executable, layout.executable)
    description = layout.announced.encode() if layout.announced is not None else None
    if description is None and layout.description is not None:
        description = _checked(folder / _DESCRIPTION, layout.description.digest)
    return ResolvedArtifact(asked.text, digest, asked.platform, executable, description)


def _checked(path: Path, digest: str) -> bytes:
    content = path.read_bytes()
    if (found := digest_of(content, like=digest)) != digest:
        raise _AlteredError(f"{path} has the digest {found}, not {digest}")
    return content


def _check_file(path: Path, descriptor: Descriptor) -> None:
    algorithm, _, expected = descriptor.digest.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != expected:
        raise _AlteredError(f"{path} has the digest {algorithm}:{found}, not {descriptor.digest}")
    if not os.access(path, os.X_OK):
        raise _AlteredError(f"{path} is not executable any more")
