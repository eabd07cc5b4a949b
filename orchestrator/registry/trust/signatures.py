"""An image's signatures as they lie in a registry or on this disk. Not verified: `trust.verifier` judges.

    tag `sha256-<hex>.sig`     an image whose layers are cosign's simple signing payloads
    a referrer of the digest   the same, or an artifact whose one layer is a Sigstore bundle

A registry without the referrers API keeps the second kind behind the tag `sha256-<hex>`; the client knows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from orchestrator.errors import DstreamError
from orchestrator.logs import log
from orchestrator.registry.trust.statements import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.registry.client import RegistryClient
    from orchestrator.registry.manifest import Descriptor, Manifest
    from orchestrator.registry.reference import Reference

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE_PREFIX = "application/vnd.dev.sigstore.bundle"
SIGNATURE = "dev.cosignproject.cosign/signature"
CERTIFICATE = "dev.sigstore.cosign/certificate"

_REFERRERS = ("application/vnd.dev.cosign.artifact.sig.v1+json", BUNDLE_PREFIX)
_MOST = 64  # of one image; whoever may push could leave any number
_LIMIT = 1 << 20  # bytes of one
_DAMAGED = ("image.not_found", "manifest.invalid", "blob.not_found", "blob.size")


class Signature(msgspec.Struct, frozen=True):
    """One signature as it was found.

    `content` is the Sigstore bundle, or the payload that `signature` signs; `certificate` the one that came with
    a payload, in PEM.
    """

    form: Literal["simple", "bundle"]
    content: bytes
    signature: bytes = b""
    certificate: bytes = b""


def find_signatures(client: RegistryClient, reference: Reference) -> Iterator[Signature]:
    """What the registry has for `reference`, which names a digest; each is fetched when it is asked for.

    Raises as `RegistryClient` does, except that finding none is no error, nor one of which a part is missing or
    not what it should be: whoever may push could keep the others from counting.
    """
    return islice(_find(client, reference), _MOST)


def _find(client: RegistryClient, reference: Reference) -> Iterator[Signature]:
    tag = f"{str(reference.digest).replace(':', '-')}.sig"
    tagged = _manifest(client, replace(reference, tag=tag, digest=None))
    if tagged is not None:
        yield from _in_layers(client, reference, tagged)
    for referrer in client.referrers(reference):
        if (referrer.artifact_type or "").startswith(_REFERRERS):
            manifest = _manifest(client, reference.with_digest(referrer.digest))
            if manifest is not None:
                yield from _in_layers(client, reference, manifest)


def _manifest(client: RegistryClient, reference: Reference) -> Manifest | None:
    try:
        return client.manifest(reference)
    except DstreamError as error:
        if error.code not in _DAMAGED:
            raise
        return None


def _in_layers(client: RegistryClient, reference: Reference, manifest: Manifest) -> Iterator[Signature]:
    for layer in manifest.layers:
        if layer.media_type == SIMPLE_SIGNING:
            content = _content(client, reference, layer)
            signature = _decoded(layer.annotations.get(SIGNATURE, ""))
            yield Signature("simple", content, signature, layer.annotations.get(CERTIFICATE, "").encode())
        elif layer.media_type.startswith(BUNDLE_PREFIX):
            yield Signature("bundle", _content(client, reference, layer))


def _content(client: RegistryClient, reference: Reference, layer: Descriptor) -> bytes:
    """Nothing for what cannot be had: that verifies with no key."""
    try:
        return client.blob(reference, layer, limit=_LIMIT)
    except DstreamError as error:
        if error.code not in _DAMAGED:
            raise
        log().warning("a signature cannot be read", reference=str(reference), error=str(error))
        return b""


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""  # verifies with no key


class SignatureCache:
    """Signatures that were good once, kept by the digest they are for, so that no network is needed to verify again.

    Whoever can write here gains nothing: what is read is verified like what a registry sends. Safe under
    concurrent use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, digest: str) -> list[Signature]:
        """What is kept for `digest`; a file that cannot be read counts as absent."""
        kept = []
        for file in sorted(self._of(digest).glob("*.json")):
            try:
                kept.append(msgspec.json.decode(file.read_bytes(), type=Signature))
            except (OSError, *UNREADABLE) as error:
                log().warning("a kept signature cannot be read", file=str(file), error=str(error))
        return kept

    def keep(self, digest: str, signature: Signature) -> None:
        """Store one. A disk that cannot is logged: what was verified stays so, only not without the network."""
        text = msgspec.json.encode(signature)
        folder = self._of(digest)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, fresh = tempfile.mkstemp(dir=folder)
            with os.fdopen(handle, "wb") as file:
                file.write(text)
            Path(fresh).replace(folder / f"{hashlib.sha256(text).hexdigest()}.json")
        except OSError as error:
            log().warning("a signature cannot be kept", folder=str(folder), error=str(error))

    def _of(self, digest: str) -> Path:
        return self._folder / digest.replace(":", "-")
