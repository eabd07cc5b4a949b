"""What a registry stores under a reference: manifests, indexes, and what they point to. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from orchestrator.errors import ConfigError, UnavailableError, Where
from orchestrator.registry.image import best_platform
from orchestrator.registry.reference import Reference, is_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_TYPES = (OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST)
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
IMAGE_CONFIGS = (IMAGE_CONFIG, "application/vnd.docker.container.image.v1+json")
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"
PROVIDER_ARTIFACT = "application/vnd.dstream.provider"
"""The artifact type of one executable per platform. `…plugin` is what the original called it first."""
PROVIDER_ARTIFACTS = (PROVIDER_ARTIFACT, "application/vnd.dstream.plugin")
CATALOG_ARTIFACT = "application/vnd.dstream.catalog"

Kind = Literal["image", "artifact", "catalog", "other"]


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to content: its type, digest and size in bytes. `platform` is `os/architecture[/variant]`."""

    media_type: str
    digest: str
    size: int
    platform: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        document: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.platform:
            system, _, machine = self.platform.partition("/")
            machine, _, variant = machine.partition("/")
            document["platform"] = {"os": system, "architecture": machine} | ({"variant": variant} if variant else {})
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        return document


@dataclass(frozen=True)
class Manifest:
    """A manifest or an index as it was received; `digest` is that of `raw`.

    `reference` is what the user wrote. Made by `parse`, which has checked the form of all that is read here.
    """

    reference: Reference
    digest: str
    media_type: str
    raw: bytes
    document: Mapping[str, Any]

    @classmethod
    def parse(cls, reference: Reference, raw: bytes, media_type: str | None = None) -> Manifest:
        """Read `raw`, which came with `media_type`; the digest is computed as `reference` has it, else SHA-256.

        Raises `UnavailableError` (`manifest.invalid`). That the digest is the one asked for is not checked here.
        """
        try:
            document = json.loads(raw)
            if not isinstance(document, dict):
                raise TypeError("it is not an object")  # noqa: TRY301
            manifest = cls(
                reference,
                digest_of(raw, like=reference.digest),
                str(document.get("mediaType") or media_type or OCI_MANIFEST),
                raw,
                document,
            )
            manifest._check()
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            words = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
            raise UnavailableError(
                "manifest.invalid",
                f"what {reference.registry} has for `{reference.familiar}` is not a manifest: {words}",
                hint="see that the name is a registry's, and that no proxy answers in its place",
                where=Where(image=str(reference)),
            ) from error
        return manifest

    @property
    def descriptor(self) -> Descriptor:
        """The pointer to this manifest."""
        return Descriptor(self.media_type, self.digest, len(self.raw), None, self.annotations, self.artifact_type)

    @property
    def is_index(self) -> bool:
        return self.media_type in (OCI_INDEX, DOCKER_INDEX)

    @property
    def annotations(self) -> Mapping[str, str]:
        return _strings(self.document.get("annotations"))

    @property
    def artifact_type(self) -> str | None:
        """What an artifact says it is; before `artifactType` existed it was the type of the config."""
        if named := self.document.get("artifactType"):
            return str(named)
        if self.is_index or self.config.media_type in (*IMAGE_CONFIGS, EMPTY_CONFIG):
            return None
        return self.config.media_type

    @property
    def kind(self) -> Kind:
        """What this is, by the manifest alone.

        An index is what its entries say; one that does not say is taken for an image's, and the manifest
        that `select` leads to has the last word.
        """
        if self.artifact_type:
            return _kind_of(self.artifact_type)
        if not self.is_index:
            return "image" if self.config.media_type in IMAGE_CONFIGS else "other"
        kinds = {_kind_of(entry.artifact_type) if entry.artifact_type else "image" for entry in self.manifests}
        return kinds.pop() if len(kinds) == 1 else "other"

    @property
    def config(self) -> Descriptor:
        """Of a manifest; an index has none."""
        return _descriptor(self.document["config"])

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """Of a manifest; an index has none."""
        return tuple(_descriptor(entry) for entry in self.document.get("layers") or ())

    @cached_property
    def manifests(self) -> tuple[Descriptor, ...]:
        """Of an index, without the attestations that builders add to it."""
        entries = (_descriptor(entry) for entry in self.document.get("manifests") or ())
        return tuple(
            entry
            for entry in entries
            if entry.platform != "unknown/unknown" and "vnd.docker.reference.type" not in entry.annotations
        )

    @property
    def platforms(self) -> tuple[str, ...]:
        """Of an index, in its order. A manifest's own platform is in its config."""
        return tuple(dict.fromkeys(entry.platform for entry in self.manifests if entry.platform))

    def select(self, platform: str) -> Descriptor:
        """The manifest for `platform` (`os/architecture[/variant]`); one that is no index is its own.

        The exact platform comes first, then one that the machine runs as well (386 on amd64).
        Raises `ConfigError` (`image.platform`).
        """
        if not self.is_index:
            return self.descriptor
        best = best_platform(self.platforms, platform)
        if best is not None:
            return next(entry for entry in self.manifests if entry.platform == best)
        raise self.lacks(platform, self.platforms)

    def lacks(self, platform: str, offered: Sequence[str]) -> ConfigError:
        """The error for one who asks for another platform than those that are `offered`."""
        return ConfigError(
            "image.platform",
            f"`{self.reference.familiar}` is for {', '.join(offered) or 'no platform'}, not for {platform}",
            hint="choose one of them with `platform`, or a version that is built for yours",
            where=Where(image=str(self.reference)),
        )

    def _check(self) -> None:
        """Read everything once. What is index and manifest at once would mean different things to different tools."""
        if self.is_index:
            if "layers" in self.document or "config" in self.document:
                raise ValueError("it is an index and a manifest at once")
            _ = self.manifests
        elif self.media_type in (OCI_MANIFEST, DOCKER_MANIFEST):
            if "manifests" in self.document:
                raise ValueError("it is a manifest and an index at once")
            _ = self.config, self.layers
        else:
            raise ValueError(f"its type is `{self.media_type}`")


def digest_of(content: bytes, *, like: str | None = None) -> str:
    """The digest of `content`, by the algorithm of `like` where one is given."""
    algorithm = like.partition(":")[0] if like else "sha256"
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def _kind_of(artifact_type: str) -> Kind:
    if _is(PROVIDER_ARTIFACTS, artifact_type):
        return "artifact"
    return "catalog" if _is((CATALOG_ARTIFACT,), artifact_type) else "other"


def _is(types: tuple[str, ...], artifact_type: str) -> bool:
    """Whether it is one of the types, or a version or form of it: `….catalog.v1+json`, and not `….catalogue`."""
    return any(re.fullmatch(rf"{re.escape(one)}([.+].*)?", artifact_type) for one in types)


def _descriptor(entry: Any) -> Descriptor:
    if not isinstance(entry, dict):
        raise TypeError("a descriptor is not an object")
    digest, size = entry["digest"], entry["size"]
    if not (isinstance(digest, str) and is_digest(digest)) or type(size) is not int or size < 0:
        raise TypeError("a descriptor has no digest or no size")
    platform = entry.get("platform")
    name = None
    if isinstance(platform, dict):
        parts = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
        name = "/".join(str(part) for part in parts if part)
    artifact_type = entry.get("artifactType")
    return Descriptor(
        str(entry.get("mediaType") or ""),
        digest,
        size,
        name,
        _strings(entry.get("annotations")),
        str(artifact_type) if artifact_type else None,
    )


def _strings(annotations: Any) -> Mapping[str, str]:
    if not isinstance(annotations, dict):
        return {}
    return {str(key): value for key, value in annotations.items() if isinstance(value, str)}
