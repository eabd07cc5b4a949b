"""Who made a signature, and for which digests: by a key, or by an identity that a Sigstore vouches for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.registry.trust.keys import PublicKey, identities, read_certificate
from orchestrator.registry.trust.statements import (
    Bundle,
    MalformedError,
    NotTheSignerError,
    payload_digest,
    statement_digests,
)

if TYPE_CHECKING:
    from orchestrator.config.model import TrustedNamespace
    from orchestrator.registry.trust.identities import Identities
    from orchestrator.registry.trust.signatures import Signature


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed: a key, by its fingerprint, or an identity and the issuer that vouches for it. Locks keep `str()`."""

    key: str | None = None
    identity: str | None = None
    issuer: str | None = None

    def __str__(self) -> str:
        return f"key {self.key}" if self.key else f"{self.identity} ({self.issuer})"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a verified signature says."""

    signer: Signer
    digests: list[str]


class Signers:
    """The keys and Sigstores that namespaces name, each read once; `refresh` is as for `Identities`."""

    def __init__(self, *, refresh: bool) -> None:
        self._refresh = refresh
        self._keys: dict[str, PublicKey] = {}
        self._identities: dict[str | None, Identities] = {}

    def check(self, signature: Signature, namespace: TrustedNamespace) -> Signed:
        """What `signature` says if the signer of `namespace` made it.

        Raises `NotTheSignerError`, `MalformedError`, and `ConfigError` where the namespace's own files are at fault.
        """
        if namespace.key is not None:
            return self._by_key(signature, namespace, namespace.key)
        return self._by_identity(signature, namespace)

    def name(self, namespace: TrustedNamespace) -> str:
        """Whose signature counts there, for people. Raises `ConfigError` (`trust.key`)."""
        if namespace.key is not None:
            return f"key {self._key(namespace, namespace.key).fingerprint} (`{namespace.key}`)"
        return f"`{namespace.identity}` of {namespace.issuer}"

    def _by_key(self, signature: Signature, namespace: TrustedNamespace, path: str) -> Signed:
        if signature.form == "bundle":
            envelope = Bundle.parse(signature.content).dsse_envelope
            digests = statement_digests(envelope.payload_type, envelope.payload)
            content, made = envelope.signed, [one.sig for one in envelope.signatures]
        else:
            digests = [payload_digest(signature.content)]
            content, made = signature.content, [signature.signature]
        key = self._key(namespace, path)
        if not any(key.signed(content, one) for one in made):
            raise NotTheSignerError("another key made its signature")
        return Signed(Signer(key=key.fingerprint), digests)

    def _by_identity(self, signature: Signature, namespace: TrustedNamespace) -> Signed:
        if signature.form == "simple":
            payload_digest(signature.content)
            raise NotTheSignerError("its signature has no bundle, which alone proves an identity; cosign 3 writes one")
        bundle = Bundle.parse(signature.content)
        statement_digests(bundle.dsse_envelope.payload_type, bundle.dsse_envelope.payload)
        if bundle.certificate is None:
            raise NotTheSignerError("a key made its signature")
        identity, issuer = str(namespace.identity), str(namespace.issuer)
        proven = self._sigstore(namespace).statement(signature.content, identity, issuer)
        digests = statement_digests(proven.payload_type, proven.payload)
        return Signed(Signer(identity=proven.identity, issuer=issuer), digests)

    def _key(self, namespace: TrustedNamespace, path: str) -> PublicKey:
        if path not in self._keys:
            self._keys[path] = PublicKey.read(path, namespace.where)
        return self._keys[path]

    def _sigstore(self, namespace: TrustedNamespace) -> Identities:
        root = namespace.trust_root
        if root not in self._identities:
            from orchestrator.registry.trust.identities import Identities  # noqa: PLC0415  # takes half a second

            self._identities[root] = Identities(root, namespace.where, refresh=self._refresh)
        return self._identities[root]


def claimed_signer(signature: Signature) -> str | None:
    """Who made a signature by what stands beside it, which proves nothing; None where nothing does."""
    if signature.form == "bundle":
        try:
            bundle = Bundle.parse(signature.content)
        except MalformedError:
            return None
        if bundle.claimed_key:
            return f"key {bundle.claimed_key}"
        content = bundle.certificate
    else:
        content = signature.certificate
    certificate = read_certificate(content) if content else None
    return " or ".join(f"`{name}`" for name in identities(certificate)) or None if certificate else None
