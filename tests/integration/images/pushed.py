"""An index as a registry has it, taken apart."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.registry.client import RegistryClient
    from orchestrator.registry.manifest import Descriptor, Manifest

_LIMIT = 500_000_000


class PushedImage:
    """The index at `text`, which has a digest."""

    def __init__(self, client: RegistryClient, text: str) -> None:
        self._client = client
        self.text = text
        self._reference = Reference.parse(text)
        self.index = client.manifest(self._reference)

    def manifest(self, platform: str) -> Manifest:
        return self._at(self.index.select(platform).digest)

    def config(self, platform: str) -> dict[str, Any]:
        config: dict[str, Any] = json.loads(self._blob(self.manifest(platform).config))
        return config

    def files(self, platform: str) -> Iterator[tuple[str, bytes]]:
        """The path and the content of every file, layer after layer."""
        for layer in self.manifest(platform).layers:
            with tarfile.open(fileobj=io.BytesIO(self._blob(layer))) as archive:
                for member in archive:
                    if member.isfile() and (content := archive.extractfile(member)):
                        yield "/" + member.name.removeprefix("./"), content.read()

    def attested(self, platform: str) -> dict[str, dict[str, Any]]:
        """The predicates of what was attested of the platform's image, by their types."""
        image = self.index.select(platform).digest
        (attestations,) = (
            str(entry["digest"])
            for entry in self.index.document["manifests"]
            if entry.get("annotations", {}).get("vnd.docker.reference.digest") == image
        )
        statements = [json.loads(self._blob(layer)) for layer in self._at(attestations).layers]
        subjects = {subject["digest"]["sha256"] for statement in statements for subject in statement["subject"]}
        assert subjects == {image.partition(":")[2]}
        return {statement["predicateType"]: statement["predicate"] for statement in statements}

    def _at(self, digest: str) -> Manifest:
        return self._client.manifest(replace(self._reference, digest=digest))

    def _blob(self, descriptor: Descriptor) -> bytes:
        return self._client.blob(self._reference, descriptor, limit=_LIMIT)
