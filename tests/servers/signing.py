"""Signatures as cosign makes and stores them, with keys of a test's own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from orchestrator.registry.manifest import EMPTY_CONFIG, IMAGE_CONFIG, OCI_INDEX
from tests.servers.sigstore import sign_statement

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.registry.client import RegistryClient
    from orchestrator.registry.reference import Reference

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
COSIGN_SIGNS = "https://sigstore.dev/cosign/sign/v1"


class Key:
    """A key pair: a new one, or that of the file that `write_private` wrote."""

    def __init__(self, kept: Path | None = None) -> None:
        key = load_pem_private_key(kept.read_bytes(), None) if kept else ec.generate_private_key(ec.SECP256R1())
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._private = key

    @property
    def fingerprint(self) -> str:
        return f"sha256:{self._hash().hex()}"

    def write(self, path: Path) -> Path:
        """Write the public half to `path`."""
        path.write_bytes(self._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        return path

    def write_private(self, path: Path) -> Path:
        """Write the private half to `path`, as plain as only a test may."""
        path.write_bytes(self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path

    def simple(self, digest: str) -> tuple[bytes, bytes]:
        """A simple signing payload for the image of this digest, and its signature."""
        critical = {
            "identity": {"docker-reference": "registry.test/acme/provider"},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
        }
        payload = json.dumps({"critical": critical, "optional": None}).encode()
        return payload, self._private.sign(payload, ec.ECDSA(SHA256()))

    def bundle(self, digest: str, *, predicate: str = COSIGN_SIGNS) -> bytes:
        """The Sigstore bundle in which this key says `predicate` of the image of this digest."""
        envelope, _ = sign_statement(self._private, digest, predicate)
        material = {"publicKey": {"hint": base64.b64encode(self._hash()).decode()}}
        return json.dumps({"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}).encode()

    def _hash(self) -> bytes:
        der = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).digest()


def push_image(client: RegistryClient, reference: Reference) -> Reference:
    """A new image of no layers under the tag of `reference`; `reference` with its digest."""
    content = {"architecture": "amd64", "os": "linux", "config": {"Labels": {"random": os.urandom(8).hex()}}}
    config = client.push_blob(reference, json.dumps(content).encode(), IMAGE_CONFIG)
    pushed = client.push_manifest(reference, {"config": config.document, "layers": []})
    return replace(reference, digest=pushed.digest)


def push_simple(client: RegistryClient, image: Reference, signed: list[tuple[bytes, bytes]]) -> None:
    """Store these signatures, each a payload and what signs it, under the image's signature tag."""
    layers = []
    for payload, signature in signed:
        stored = client.push_blob(image, payload, SIMPLE_SIGNING)
        annotations = {"dev.cosignproject.cosign/signature": base64.b64encode(signature).decode()}
        layers.append(replace(stored, annotations=annotations).document)
    config = client.push_blob(image, b"{}", IMAGE_CONFIG)
    tag = f"{str(image.digest).replace(':', '-')}.sig"
    client.push_manifest(replace(image, tag=tag, digest=None), {"config": config.document, "layers": layers})


def push_bundle(client: RegistryClient, image: Reference, bundle: bytes) -> None:
    """Attach a bundle to the image as its only referrer."""
    stored = client.push_blob(image, bundle, BUNDLE)
    empty = client.push_blob(image, b"{}", EMPTY_CONFIG)
    push_referrer(client, image, {"artifactType": BUNDLE, "config": empty.document, "layers": [stored.document]})


def push_referrer(client: RegistryClient, image: Reference, document: dict[str, Any]) -> None:
    """Attach a manifest whose blobs are there, by the tag that stands in for the referrers API."""
    tag = str(image.digest).replace(":", "-")
    pushed = client.push_manifest(replace(image, tag=f"{tag}.referrer", digest=None), document)
    listed = replace(pushed, artifact_type=document["artifactType"])
    client.push_manifest(replace(image, tag=tag, digest=None), {"manifests": [listed.document]}, OCI_INDEX)
