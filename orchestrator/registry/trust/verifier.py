"""Whether an image or artifact is signed by whom the `trust` block names, before anything of it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError, UnavailableError
from orchestrator.logs import log
from orchestrator.registry.reference import covering, normal_prefix
from orchestrator.registry.trust.signatures import find_signatures
from orchestrator.registry.trust.signers import Signer, Signers, claimed_signer
from orchestrator.registry.trust.statements import MalformedError, NotTheSignerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.config.model import Trust, TrustedNamespace
    from orchestrator.errors import Where
    from orchestrator.registry.client import RegistryClient
    from orchestrator.registry.reference import Reference
    from orchestrator.registry.trust.signatures import Signature, SignatureCache

__all__ = ["Signer", "Verifier"]

_PASSED_WHERE_NOT_REQUIRED = ("trust.namespace", "trust.unsigned")


@dataclass
class _Rejected:
    """Why the signatures that were looked at did not count, in the words of each."""

    for_other: list[str] = field(default_factory=list)
    by_other: list[str] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)


class Verifier:
    """Judges references by the trust block of one file. Not thread-safe."""

    def __init__(self, trust: Trust, client: Callable[[], RegistryClient], cache: SignatureCache) -> None:
        """`client` is called when a signature has to be fetched, and stays the caller's to close."""
        self._trust = trust
        self._client = client
        self._cache = cache
        self._of_kept, self._of_found = Signers(refresh=False), Signers(refresh=True)

    def verify(self, reference: Reference, *, where: Where) -> Signer | None:
        """Who signed the digest of `reference`, which is what the user wrote, not what a mirror calls it.

        With `require = false`, None for what no namespace covers, for what nobody signed and where the registry does
        not answer; what somebody else signed is refused all the same. Signatures kept from an earlier time are tried
        first, so what was verified once needs no network. Blocks while it fetches.

        Raises `ConfigError` at `where`: `trust.namespace` (none covers it), `trust.unsigned`, `trust.other_key`
        (signed, but not by whom the namespace names), `trust.digest` (the signature is for another digest),
        `trust.key` and `trust.root` (what the block names cannot be read); and as `RegistryClient` does.
        """
        try:
            return self._signed_by(reference, where)
        except UnavailableError as error:
            error.where = where.filled_from(error.where)
            if self._trust.require:
                raise
            log().warning("signatures cannot be looked for", reference=str(reference), error=str(error))
        except ConfigError as error:
            if self._trust.require or error.code not in _PASSED_WHERE_NOT_REQUIRED:
                raise
        return None

    def _signed_by(self, reference: Reference, where: Where) -> Signer:
        namespaces = self._covering(reference)
        if not namespaces:
            raise _uncovered(reference, where)
        if reference.digest is None:
            raise _without_digest(reference, where)
        for signature in self._cache.load(reference.digest):
            if signer := _signer(signature, reference.digest, namespaces, self._of_kept, _Rejected()):
                return signer
        rejected = _Rejected()
        for signature in find_signatures(self._client(), reference):
            if signer := _signer(signature, reference.digest, namespaces, self._of_found, rejected):
                self._cache.keep(reference.digest, signature)
                return signer
        raise self._refusal(reference, namespaces, rejected, where)

    def _covering(self, reference: Reference) -> list[TrustedNamespace]:
        """The blocks of the longest name that covers the reference: a signature by any of them will do."""
        name = covering(reference, [one.name for one in self._trust.namespaces])
        return [one for one in self._trust.namespaces if name and normal_prefix(one.name) == normal_prefix(name)]

    def _refusal(
        self, reference: Reference, namespaces: list[TrustedNamespace], rejected: _Rejected, where: Where
    ) -> ConfigError:
        image = f"`{reference.familiar}`"
        wanted = " or ".join(self._of_found.name(one) for one in namespaces)
        if rejected.for_other:
            message = f"the signature of {image} is for something else: {_joined(rejected.for_other)}"
            hint = "somebody moved a signature here from another version: do not run it"
            return ConfigError("trust.digest", message, hint=hint, where=where)
        if rejected.by_other:
            message = f"{image} is signed, but not by {wanted}: {_joined(rejected.by_other)}"
            place = namespaces[0].where  # none for a signer that the command line named
            hint = "find out who signed it before you trust them too"
            hint += f", with a second such block at {place.file}:{place.line}" if place.file else ""
            return ConfigError("trust.other_key", message, hint=hint, where=where)
        message = f"{image} is not signed; the signature of {wanted} is required"
        if rejected.malformed:
            message += f" (what lies beside it is none: {_joined(rejected.malformed)})"
        hint = "ask its publisher to sign it, or sign it yourself with `cosign sign`"
        return ConfigError("trust.unsigned", message, hint=hint, where=where)


def _signer(
    signature: Signature, digest: str, namespaces: list[TrustedNamespace], signers: Signers, rejected: _Rejected
) -> Signer | None:
    """Which of the trusted ones made `signature` for `digest`; why nobody did is added to `rejected`."""
    for namespace in namespaces:
        try:
            signed = signers.check(signature, namespace)
        except MalformedError as problem:
            rejected.malformed.append(str(problem))
        except NotTheSignerError as problem:
            claimed = claimed_signer(signature)
            rejected.by_other.append(f"{problem} (in its own words {claimed})" if claimed else str(problem))
        else:
            if digest in signed.digests:
                return signed.signer
            rejected.for_other.append(f"{signed.signer} signed {' and '.join(signed.digests) or 'nothing'}")
    return None


def _uncovered(reference: Reference, where: Where) -> ConfigError:
    namespace = reference.name.rpartition("/")[0]
    message = f"no trusted namespace covers `{reference.familiar}`, and `trust` requires a signature"
    hint = f'add `namespace "{namespace}" {{ key = "cosign.pub" }}` to `trust`'
    return ConfigError("trust.namespace", message, hint=hint, where=where)


def _without_digest(reference: Reference, where: Where) -> ConfigError:
    message = f"`{reference.familiar}` was built on this host: without a registry's digest nobody can have signed it"
    hint = "push it, sign it with `cosign sign`, and name it as the registry has it"
    return ConfigError("trust.unsigned", message, hint=hint, where=where)


def _joined(reasons: list[str]) -> str:
    return "; ".join(dict.fromkeys(reasons))
