"""Every catalog that is asked: as its registry has it now, or as it was when it could last be read."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.errors import DstreamError, UnavailableError, Where
from orchestrator.registry.catalogs.catalog import Namespace, fetch
from orchestrator.registry.catalogs.copies import Copy
from orchestrator.registry.catalogs.survey import survey
from orchestrator.registry.reference import Reference
from orchestrator.registry.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dstream_sdk.protocol import Catalog
    from orchestrator.registry.catalogs.copies import CatalogCopies
    from orchestrator.registry.client import RegistryClient

_REPOSITORIES = 500
"""So many are asked one by one; of a larger registry a catalog is made."""


@dataclass(frozen=True, slots=True)
class KnownCatalog:
    """One catalog; `catalog` is None where it could neither be read nor was kept.

    `confirmed` is when its registry last said that this is it (Unix time), `problem` why that is not now.
    """

    source: str
    catalog: Catalog | None
    confirmed: float | None
    problem: DstreamError | None = None


def consult(
    client: RegistryClient | None, copies: CatalogCopies, catalogs: Sequence[str], registries: Sequence[str] = ()
) -> list[KnownCatalog]:
    """Read all of them at once; the answers are in this order. Blocks.

    `catalogs` are references, `registries` are searched themselves. One that fails does not keep the others:
    its last good copy is taken. Without a `client` nothing but the copies is read. Raises `ConfigError`
    (`reference.invalid`) for what is neither.
    """
    asked: list[tuple[str, Callable[[RegistryClient, Copy | None], Copy]]] = []
    asked += [(source, partial(_read, Reference.parse(source), source)) for source in catalogs]
    asked += [(source, partial(_search, Namespace.parse(source), source)) for source in registries]
    return together(lambda each: _known(client, copies, *each), asked, at_once=len(asked))


def _known(
    client: RegistryClient | None,
    copies: CatalogCopies,
    source: str,
    ask: Callable[[RegistryClient, Copy | None], Copy],
) -> KnownCatalog:
    copy = copies.read(source)
    problem: DstreamError | None = None
    if client is not None:
        try:
            fresh = ask(client, copy)
        except DstreamError as error:
            problem = error
        else:
            fresh.confirmed = time.time()
            if fresh is copy:
                copies.confirm(fresh)
            else:
                copies.write(fresh)
            return KnownCatalog(source, fresh.catalog, fresh.confirmed)
    elif copy is None:
        hint = "ask its registry once, without `--offline`"
        where = Where(image=source)
        problem = UnavailableError("catalog.absent", f"no copy of `{source}` is on this host", hint=hint, where=where)
    return KnownCatalog(source, copy.catalog if copy else None, copy.confirmed if copy else None, problem)


def _read(reference: Reference, source: str, client: RegistryClient, copy: Copy | None) -> Copy:
    digest = client.resolve(reference).digest
    if copy is not None and copy.digest == digest:
        return copy
    return Copy(source, fetch(client, reference.with_digest(digest)), digest)


def _search(namespace: Namespace, source: str, client: RegistryClient, copy: Copy | None) -> Copy:
    found = survey(client, namespace, known=copy.catalog if copy else None, limit=_REPOSITORIES)
    return Copy(source, found.catalog)
