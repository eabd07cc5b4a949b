"""Public keys, whether they made a signature, and the names in certificates."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509 import (
    Certificate,
    ExtensionNotFound,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    load_der_x509_certificate,
    load_pem_x509_certificate,
)

from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.hashes import HashAlgorithm

    from orchestrator.errors import Where

Known = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

# cosign signs with SHA-256 whatever the curve, Sigstore bundles with the hash that fits it.
_HASHES: dict[int, tuple[HashAlgorithm, ...]] = {384: (SHA256(), SHA384()), 521: (SHA256(), SHA512())}


class PublicKey:
    """An ECDSA or RSA key. `fingerprint` is `sha256:` and the hash of its DER form."""

    def __init__(self, key: Known) -> None:
        self._key = key
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.fingerprint = f"sha256:{hashlib.sha256(der).hexdigest()}"

    @classmethod
    def read(cls, path: str, where: Where) -> PublicKey:
        """The key in a PEM file. Raises `ConfigError` (`trust.key`) at `where`."""
        try:
            key = load_pem_public_key(Path(path).read_bytes())
        except OSError as error:
            raise ConfigError("trust.key", f"the key `{path}` cannot be read: {error.strerror}", where=where) from error
        except (ValueError, UnsupportedAlgorithm) as error:
            hint = "a public key begins with `-----BEGIN PUBLIC KEY-----`; `cosign public-key` writes it"
            raise ConfigError("trust.key", f"`{path}` is not a public key in PEM", hint=hint, where=where) from error
        if not isinstance(key, Known):
            hint = "`cosign generate-key-pair` makes an ECDSA key; RSA is known too"
            raise ConfigError("trust.key", f"`{path}` is a key of a kind that is not known", hint=hint, where=where)
        return cls(key)

    def signed(self, content: bytes, signature: bytes) -> bool:
        """Whether `signature` over `content` was made with this key."""
        key = self._key
        if isinstance(key, ec.EllipticCurvePublicKey):
            hashes = _HASHES.get(key.curve.key_size, (SHA256(),))
            return any(_holds(key.verify, signature, content, ec.ECDSA(one)) for one in hashes)
        return _holds(key.verify, signature, content, padding.PKCS1v15(), SHA256())


def _holds(verify: Callable[..., None], *arguments: object) -> bool:
    try:
        verify(*arguments)
    except InvalidSignature:
        return False
    return True


def read_certificate(content: bytes) -> Certificate | None:
    """A certificate in PEM or DER; None for what is none."""
    try:
        return (load_pem_x509_certificate if content.startswith(b"-----") else load_der_x509_certificate)(content)
    except ValueError:
        return None


def identities(certificate: Certificate) -> list[str]:
    """The mail addresses and URIs that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError):
        return []
    return names.get_values_for_type(RFC822Name) + names.get_values_for_type(UniformResourceIdentifier)
