"""Signatures whose signer is named by a certificate of a Sigstore. The only module that knows its library."""

from __future__ import annotations

import contextlib
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.x509 import ExtensionNotFound
from sigstore.errors import Error as SigstoreError
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.verify import Verifier as BundleVerifier
from sigstore.verify.policy import AnyOf, OIDCIssuer, OIDCIssuerV2

from orchestrator.errors import ConfigError, UnavailableError
from orchestrator.registry.trust.keys import identities
from orchestrator.registry.trust.statements import MalformedError, NotTheSignerError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from orchestrator.errors import Where


@dataclass(frozen=True, slots=True)
class Statement:
    """What a bundle's signer signed, and who it was by its certificate."""

    payload_type: str
    payload: bytes
    identity: str


class Identities:
    """Verifies bundles against one Sigstore: the public one, or that of a `trusted_root.json`."""

    def __init__(self, root: str | None, where: Where, *, refresh: bool) -> None:
        """Raises `ConfigError` (`trust.root`) at `where`, and `UnavailableError` (`cache.unavailable`).

        With `refresh` the public Sigstore's root is brought up to date first, which blocks; without it, and where
        there is no network, the last known one serves.
        """
        logging.getLogger("sigstore").setLevel(logging.ERROR)  # it warns of every root that was not just fetched
        self._verifier = BundleVerifier(trusted_root=read_root(root, where) if root else _public_root(refresh=refresh))

    def statement(self, bundle: bytes, identity: str, issuer: str) -> Statement:
        """What `bundle` signs. A `*` in `identity` stands for any text.

        The chain to the Sigstore's authority, both transparency logs and the time are checked on the way.
        Raises `MalformedError`, and `NotTheSignerError` where somebody else signed or nothing proves who did.
        """
        try:
            read = Bundle.from_json(bundle)
        except (SigstoreError, ValueError) as error:
            raise MalformedError(f"its bundle cannot be read: {_line(error)}") from error
        names = identities(read.signing_certificate)
        try:
            kind, payload = self._verifier.verify_dsse(read, _Issued(issuer))
        except (SigstoreError, ExtensionNotFound, ValueError) as error:
            raise NotTheSignerError(f"nothing proves who made its signature: {_line(error)}") from error
        pattern = ".*".join(re.escape(part) for part in identity.split("*"))
        for name in names:
            if re.fullmatch(pattern, name):
                return Statement(kind, payload, name)
        raise NotTheSignerError("another identity made its signature")


class _Issued:
    """The policy that an issuer vouched for the certificate's identity."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._extensions = AnyOf([OIDCIssuer(issuer), OIDCIssuerV2(issuer)])  # old certificates have the first

    def verify(self, cert: Certificate) -> None:
        try:
            self._extensions.verify(cert)
        except VerificationError as error:
            raise VerificationError(f"its identity is not vouched for by {self._issuer}") from error


def read_root(path: str, where: Where) -> TrustedRoot:
    try:
        return TrustedRoot.from_file(path)
    except OSError as error:
        raise ConfigError("trust.root", f"`{path}` cannot be read: {error.strerror}", where=where) from error
    except (SigstoreError, ValueError) as error:
        hint = "it is what `cosign trusted-root create` writes, or the operator of that Sigstore hands out"
        raise ConfigError("trust.root", f"`{path}` is no Sigstore's trusted root", hint=hint, where=where) from error


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _public_root(*, refresh: bool) -> TrustedRoot:
    try:
        if refresh:
            with contextlib.suppress(SigstoreError):  # no network
                return ClientTrustConfig.production().trusted_root
        return ClientTrustConfig.production(offline=True).trusted_root  # ships with the library; kept when fetched
    except OSError as error:
        message = f"cannot keep the public Sigstore's root of trust: `{error.filename}`: {error.strerror or error}"
        hint = "see who may write there; `XDG_DATA_HOME` and `XDG_CACHE_HOME` name other places"
        raise UnavailableError("cache.unavailable", message, hint=hint) from error
