"""One catalog, as a registry has it: an artifact whose only layer is the JSON of `dstream_sdk.protocol.Catalog`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from dstream_sdk.protocol import CATALOG_LIMIT, CATALOG_NAME, CATALOG_TYPE, CATALOG_VERSION, NOT_JSON, Catalog
from orchestrator.errors import ConfigError, Where
from orchestrator.registry.manifest import EMPTY_CONFIG, OCI_MANIFEST
from orchestrator.registry.reference import DEFAULT_TAG, Reference

if TYPE_CHECKING:
    from orchestrator.registry.client import RegistryClient


@dataclass(frozen=True, slots=True)
class Namespace:
    """A registry, or the start of a path in one: `ghcr.io/katasec`, `127.0.0.1:5000`."""

    registry: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Namespace:
        """Raises `ConfigError` (`reference.invalid`) for what no reference could begin with."""
        probe = Reference.parse(f"{text.strip().rstrip('/')}/{CATALOG_NAME}")
        return cls(probe.registry, probe.repository.removesuffix(CATALOG_NAME).rstrip("/"))

    def repository(self, name: str) -> Reference:
        """The repository `name` in this namespace. Raises like `Reference.parse`."""
        return Reference.parse(f"{self}/{name}")

    @property
    def catalog(self) -> Reference:
        """Where the namespace's own catalog is."""
        return self.repository(f"{CATALOG_NAME}:{DEFAULT_TAG}")

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}" if self.path else self.registry


def encode(catalog: Catalog) -> bytes:
    """The same bytes for the same catalog."""
    return msgspec.json.format(msgspec.json.encode(catalog, order="deterministic")) + b"\n"


def decode(content: bytes, source: str) -> Catalog:
    """Raises `ConfigError` for what is no catalog (`catalog.invalid`, `reference.invalid`) or of a later format
    (`catalog.version`).
    """
    try:
        version = msgspec.json.decode(content, type=_Version).catalog
        if version != CATALOG_VERSION:
            message = f"`{source}` is a catalog of format {version}; this dstream reads {CATALOG_VERSION}"
            raise ConfigError("catalog.version", message, hint="use a newer dstream", where=Where(image=source))
        catalog = msgspec.json.decode(content, type=Catalog)
    except NOT_JSON as error:
        hint = "make one with `dstream providers catalog build`"
        message = f"`{source}` is not a catalog: {error}"
        raise ConfigError("catalog.invalid", message, hint=hint, where=Where(image=source)) from None
    for entry in catalog.providers:
        if Reference.parse(entry.repository, where=Where(image=source)).name != entry.repository:
            message = f"`{source}` names a provider as `{entry.repository}`, which is not a repository's whole name"
            raise ConfigError("catalog.invalid", message, where=Where(image=source))
    return catalog


def fetch(client: RegistryClient, reference: Reference) -> Catalog:
    """The catalog that `reference` means. Raises as `RegistryClient` does, and `ConfigError` (`catalog.*`)."""
    manifest = client.manifest(reference)
    if manifest.kind != "catalog" or len(manifest.layers) != 1:
        message = f"`{reference}` is not a catalog but of kind {manifest.kind}"
        hint = f"a namespace's catalog is `…/{CATALOG_NAME}:latest`"
        raise ConfigError("catalog.invalid", message, hint=hint, where=Where(image=str(reference)))
    return decode(client.blob(reference, manifest.layers[0], limit=CATALOG_LIMIT), str(reference))


def push(client: RegistryClient, reference: Reference, catalog: Catalog) -> str:
    """Publish `catalog` as `reference`; the manifest's digest. Raises as `RegistryClient` does."""
    content = encode(catalog)
    if len(content) > CATALOG_LIMIT:
        message = f"the catalog has {len(content):,} bytes, at most {CATALOG_LIMIT:,} are read"
        raise ConfigError("catalog.size", message, hint="make one catalog for each of several namespaces")
    config = client.push_blob(reference, b"{}", EMPTY_CONFIG)
    layer = client.push_blob(reference, content, CATALOG_TYPE)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": CATALOG_TYPE,
        "config": config.document,
        "layers": [{**layer.document, "annotations": {"org.opencontainers.image.title": "catalog.json"}}],
    }
    return client.push_manifest(reference, document).digest


class _Version(msgspec.Struct):
    catalog: int
