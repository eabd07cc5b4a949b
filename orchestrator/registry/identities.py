"""Signatures whose signer is named by a certificate of a Sigstore. The only module that knows its library."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sigstore.errors import Error as SigstoreError
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.verify import Verifier as BundleVerifier
from sigstore.verify.policy import AnyOf, OIDCIssuer, OIDCIssuerV2

from orchestrator.errors import ConfigError
from orchestrator.registry.keys import identities
from orchestrator.registry.statements import MalformedError, NotTheSignerError

if TYPE_CHECKING:
    from orchestrator.errors import Where


@dataclass(frozen=True, slots=True)
class Statement:
    """What a bundle's signer signed, and who it was by its certificate."""

    payload_type: str
    payload: bytes
    identity: str


class Identities:
    """Verifies bundles against one Sigstore: the public one, or that of a `trusted_root.json`."""

    def __init__(self, root: str | None, where: Where) -> None:
        """Raises `ConfigError` (`trust.root`) at `where`.

        Blocks while the public Sigstore's root is brought up to date; without network, the last known one serves.
        """
        logging.getLogger("sigstore").setLevel(logging.ERROR)  # it warns of every root that was not just fetched
        self._verifier = BundleVerifier(trusted_root=_public_root() if root is None else _root(root, where))

    def statement(self, bundle: bytes, identity: str, issuer: str) -> Statement:
        """What `bundle` signs. A `*` in `identity` stands for any text.

        The chain to the Sigstore's authority, both transparency logs and the time are checked on the way.
        Raises `MalformedError`, and `NotTheSignerError` where somebody else signed or nothing proves who did.
        """
        try:
            read = Bundle.from_json(bundle)
        except (SigstoreError, ValueError) as error:
            raise MalformedError(f"its bundle cannot be read: {error}") from error
        names = identities(read.signing_certificate)
        try:
            kind, payload = self._verifier.verify_dsse(read, AnyOf([OIDCIssuer(issuer), OIDCIssuerV2(issuer)]))
        except SigstoreError as error:
            raise NotTheSignerError(f"{error}") from error
        pattern = ".*".join(re.escape(part) for part in identity.split("*"))
        for name in names:
            if re.fullmatch(pattern, name):
                return Statement(kind, payload, name)
        raise NotTheSignerError("its identity is another")


def _root(path: str, where: Where) -> TrustedRoot:
    try:
        return TrustedRoot.from_file(path)
    except OSError as error:
        raise ConfigError("trust.root", f"`{path}` cannot be read: {error.strerror}", where=where) from error
    except (SigstoreError, ValueError) as error:
        hint = "it is what `cosign trusted-root create` writes, or the operator of that Sigstore hands out"
        raise ConfigError("trust.root", f"`{path}` is no Sigstore's trusted root", hint=hint, where=where) from error


def _public_root() -> TrustedRoot:
    try:
        return ClientTrustConfig.production().trusted_root
    except SigstoreError:  # no network: the library has a copy, and keeps the newest that it ever fetched
        return ClientTrustConfig.production(offline=True).trusted_root
