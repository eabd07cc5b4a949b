"""What a lock shall say: what every reference means now, beside what was locked before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from orchestrator.config.model import LockedProvider
from orchestrator.errors import DstreamError
from orchestrator.registry.describe import describe
from orchestrator.registry.layout import check_kind, executables
from orchestrator.registry.lockfile import lock_key
from orchestrator.registry.manifest import digest_of
from orchestrator.registry.reference import Reference
from orchestrator.registry.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from orchestrator.config.model import Kind, Use
    from orchestrator.errors import Where
    from orchestrator.registry.client import RegistryClient
    from orchestrator.registry.manifest import Manifest

State = Literal["locked", "kept", "moved", "upgraded", "removed"]

_AT_ONCE = 8
_PREFERRED = "linux/amd64"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One reference, how a lock calls it, and as what and where it stands first."""

    key: str
    reference: Reference
    kind: Kind
    where: Where


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one reference: what is locked now or kept, what was upgraded, what no task names any more.

    `provider` is what the lock shall say; of what is `removed`, what it said. `other` is the digest that it does
    not say: for `moved` what the registry has under the tag now, for `upgraded` what was locked before.
    """

    state: State
    provider: LockedProvider
    other: str | None = None


def relock(
    uses: Iterable[Use],
    locked: Mapping[str, LockedProvider],
    client: RegistryClient,
    *,
    signer: Callable[[Reference, Where], str | None] | None,
    upgrade: Collection[str],
    today: str,
) -> list[Change]:
    """Ask the registries what every reference of `uses` means, and compare with what is `locked`; by reference.

    What is locked stays, unless its key is in `upgrade`. `signer` says who signed a digest, or raises; None keeps
    what the lock says. `today` is the date that new entries get. Blocks; several references are asked about at
    once. Raises `ConfigError` and `UnavailableError` as `RegistryClient`, `describe` and `signer` do, at the use.
    """
    wanted = wanted_of(uses)
    changes = together(
        lambda one: _change(client, one, locked.get(one.key), one.key in upgrade, today), wanted, at_once=_AT_ONCE
    )
    if signer is not None:
        changes = [_signed(change, one, signer) for change, one in zip(changes, wanted, strict=True)]
    keys = {one.key for one in wanted}
    changes += [Change("removed", provider) for key, provider in locked.items() if key not in keys]
    return sorted(changes, key=lambda change: change.provider.reference)


def wanted_of(uses: Iterable[Use]) -> list[Wanted]:
    """The providers among `uses` that come from a registry, each reference once."""
    found: dict[str, Wanted] = {}
    for use in uses:
        if use.kind != "path":
            reference = Reference.parse(use.reference, where=use.where)
            found.setdefault(lock_key(reference), Wanted(lock_key(reference), reference, use.kind, use.where))
    return list(found.values())


def _change(client: RegistryClient, wanted: Wanted, locked: LockedProvider | None, upgrade: bool, today: str) -> Change:
    try:
        digest = client.resolve(wanted.reference).digest
        if locked is not None and locked.digest == digest:
            return Change("kept", locked)
        if locked is not None and not upgrade:
            return Change("moved", locked, digest)
        fresh = _read(client, wanted, digest, today)
    except DstreamError as error:
        error.where = wanted.where.filled_from(error.where)
        raise
    return Change("upgraded", fresh, locked.digest) if locked else Change("locked", fresh)


def _read(client: RegistryClient, wanted: Wanted, digest: str, today: str) -> LockedProvider:
    pinned = wanted.reference.with_digest(digest)
    found = describe(client, pinned, _one_platform(client.manifest(pinned)))
    check_kind(wanted.kind, found.manifest)
    return LockedProvider(
        reference=wanted.key,
        digest=digest,
        date=today,
        platforms=found.platforms or tuple(executables(found.manifest)),
        description=digest_of(found.description) if found.description is not None else None,
    )


def _one_platform(manifest: Manifest) -> str:
    """The one whose description stands for all: the same on every host that locks."""
    return _PREFERRED if _PREFERRED in manifest.platforms else min(manifest.platforms, default=_PREFERRED)


def _signed(change: Change, wanted: Wanted, signer: Callable[[Reference, Where], str | None]) -> Change:
    by = signer(wanted.reference.with_digest(change.provider.digest), wanted.where)
    return replace(change, provider=replace(change.provider, signer=by))
