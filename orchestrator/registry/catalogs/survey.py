"""The providers of a namespace, found by asking its registry: what catalogs are made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from dstream_sdk.protocol import CATALOG_NAME, CATALOG_VERSION, NOT_JSON, Catalog, CatalogEntry, Description
from orchestrator.errors import ConfigError, DstreamError, UnavailableError
from orchestrator.registry.catalogs.versions import newest
from orchestrator.registry.describe import describe
from orchestrator.registry.reference import Reference
from orchestrator.registry.together import together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.registry.catalogs.catalog import Namespace
    from orchestrator.registry.client import RegistryClient

AT_ONCE = 8
ANY_PLATFORM = "linux/amd64"
_OF_ONE_REPOSITORY = ("image.unauthorized", "manifest.invalid", "content.absent")


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found. `left_out` has, by repository, why the rest is not in the catalog."""

    catalog: Catalog
    left_out: Mapping[str, str]


def survey(
    client: RegistryClient,
    namespace: Namespace,
    names: Sequence[str] = (),
    *,
    known: Catalog | None = None,
    limit: int | None = None,
) -> Survey:
    """Ask for the newest version of every repository in `namespace`, or of those called `names`.

    An entry of `known` that is still true is not read again. Blocks; several repositories are asked at once.
    Raises as `RegistryClient` does, `UnavailableError` (`registry.no_listing`) where the registry does not tell
    what it has, and `ConfigError` (`catalog.size`) for more than `limit` repositories.
    """
    found = [namespace.repository(name) for name in names] or _listed(client, namespace)
    if limit is not None and len(found) > limit:
        message = f"`{namespace}` has {len(found):,} repositories, too many to ask each"
        hint = f"make a catalog of them with `dstream providers catalog push {namespace}`, and search that"
        raise ConfigError("catalog.size", message, hint=hint)
    entries = {entry.repository: entry for entry in known.providers} if known else {}
    answers = together(lambda repository: _entry(client, repository, entries), found, at_once=AT_ONCE)
    offered = [answer for answer in answers if isinstance(answer, CatalogEntry)]
    left_out = {str(name): answer for name, answer in zip(found, answers, strict=True) if isinstance(answer, str)}
    return Survey(Catalog(CATALOG_VERSION, str(namespace), offered), left_out)


def _listed(client: RegistryClient, namespace: Namespace) -> list[Reference]:
    try:
        repositories = client.repositories(str(namespace))
    except UnavailableError as error:
        if error.code == "registry.no_listing":
            error.hint = f"name what is in it: `dstream providers catalog build {namespace} NAME…`"
        raise
    found = [Reference.parse(f"{namespace.registry}/{path}") for path in sorted(repositories)]
    return [repository for repository in found if repository.repository.rpartition("/")[2] != CATALOG_NAME]


def _entry(client: RegistryClient, repository: Reference, known: Mapping[str, CatalogEntry]) -> CatalogEntry | str:
    """What a catalog says of `repository`, or why it says nothing."""
    try:
        tag = newest(client.tags(repository))
        if tag is None:
            return "it has no tags"
        reference = replace(repository, tag=tag)
        digest = client.resolve(reference).digest
        before = known.get(repository.name)
        if before is not None and (before.tag, before.digest) == (tag, digest):
            return before
        return _read(client, reference.with_digest(digest))
    except DstreamError as error:
        if of_one_repository(error):
            return error.message
        raise


def of_one_repository(error: DstreamError) -> bool:
    """Whether it says something of the repository that was asked for, and nothing of its registry."""
    return isinstance(error, ConfigError) or error.code in _OF_ONE_REPOSITORY


def _read(client: RegistryClient, reference: Reference) -> CatalogEntry | str:
    platforms = client.manifest(reference).platforms
    announced = describe(client, reference, platforms[0] if platforms else ANY_PLATFORM)
    if announced.description is None:
        return f"`{reference.tag}` announces nothing"
    if announced.kind not in ("image", "artifact"):
        return f"`{reference.tag}` is neither an image nor an artifact with executables"
    try:
        provider = msgspec.json.decode(announced.description, type=Description)
    except NOT_JSON as error:
        return f"`{reference.tag}` announces something else than a provider: {error}"
    provider.config_schema = None
    return CatalogEntry(
        repository=reference.name,
        kind=announced.kind,
        tag=reference.tag_or_latest,
        digest=reference.digest or announced.descriptor.digest,
        provider=provider,
        platforms=list(announced.platforms),
        size=announced.size,
    )
