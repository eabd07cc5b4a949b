"""What the verbs that look into catalogs share: which catalogs, what they offer, and how old that is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.terminal import words
from orchestrator.errors import ConfigError, DstreamError, UnavailableError
from orchestrator.registry.catalogs.search import Offer, merge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dstream_sdk.protocol import Catalog, Description
    from orchestrator.cli.terminal.screen import Screen
    from orchestrator.registry.catalogs.known import KnownCatalog
    from orchestrator.settings import Settings

Catalogs = Annotated[
    list[str], typer.Option("--catalog", metavar="REF", help="Look into this catalog instead of those of the settings.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Ask no registry: what the catalogs last said.")]

_TIMEOUT_S, _DEADLINE_S = 5.0, 10.0
"""Less than for a pull: somebody waits for the answer, and there is a copy to fall back on."""


def ask_catalogs(settings: Settings, catalogs: Sequence[str], *, offline: bool) -> list[KnownCatalog]:
    """`catalogs`, or those of the settings and the registries to be searched. Raises `ConfigError`."""
    from orchestrator.cli.sources import registry_client
    from orchestrator.config.folders import cache_folder
    from orchestrator.registry.catalogs.copies import CatalogCopies
    from orchestrator.registry.catalogs.known import consult

    copies = CatalogCopies(cache_folder() / "catalogs")
    sources = (catalogs, ()) if catalogs else (settings.catalogs, settings.search_registries)
    if offline:
        return consult(None, copies, *sources)
    with registry_client(settings, timeout=_TIMEOUT_S, deadline=_DEADLINE_S) as client:
        return consult(client, copies, *sources)


def read_catalog(file: Path) -> Catalog:
    """The catalog that `build` wrote to `file`. Raises `ConfigError` (`catalog.*`, `reference.invalid`)."""
    from orchestrator.registry.catalogs.catalog import decode

    try:
        return decode(file.read_bytes(), str(file))
    except OSError as error:
        raise ConfigError("catalog.file", f"`{file}` cannot be read: {error.strerror}") from error


def offers_of(catalogs: Sequence[KnownCatalog]) -> list[Offer]:
    """What all of them offer."""
    return merge((each.source, each.catalog) for each in catalogs if each.catalog is not None)


def say_how_old(catalogs: Sequence[KnownCatalog], screen: Screen, *, offline: bool) -> None:
    """A line for each catalog that is not what its registry has now, and why."""
    for each in catalogs:
        said = f"catalog {each.source}: "
        if each.confirmed is not None and (offline or each.problem):
            said += f"as it was {words.age(time.time() - each.confirmed)} ago"
            said += f": {each.problem.message}" if each.problem else ""
        elif each.problem:
            said += f"left out: {each.problem.message}"
        else:
            continue
        screen.note(words.warning(said, color=screen.color) if each.problem else said)


def nothing_to_ask(catalogs: Sequence[KnownCatalog]) -> DstreamError | None:
    """The error of a search for which not one catalog could be had."""
    problems = [each.problem for each in catalogs if each.problem is not None and each.catalog is None]
    if not catalogs:
        hint = "list some in the setting `catalogs`, or name one with `--catalog`"
        return ConfigError("catalog.none", "there is no catalog to search", hint=hint)
    if len(problems) < len(catalogs):
        return None
    if len(problems) == 1:
        return problems[0]
    reasons = "; ".join(problem.message for problem in problems)
    hint = "list those that you have in the setting `catalogs`, or name one with `--catalog`"
    return UnavailableError("catalog.none", f"not one catalog can be read: {reasons}", hint=hint)


def catalog_fields(catalogs: Sequence[KnownCatalog]) -> list[dict[str, Any]]:
    """For programs: where each catalog came from, and what is wrong with it."""
    return [
        {
            "catalog": each.source,
            "confirmed": _time(each.confirmed),
            "providers": len(each.catalog.providers) if each.catalog else None,
            "problem": problem_fields(each.problem),
        }
        for each in catalogs
    ]


def problem_fields(problem: DstreamError | None) -> dict[str, str] | None:
    """For programs: what stood in the way."""
    return {"code": problem.code, "message": problem.message} if problem else None


def offer_fields(offer: Offer) -> dict[str, Any]:
    """For programs: one provider as its catalog has it."""
    entry = offer.entry
    return {
        "reference": offer.reference,
        "kind": entry.kind,
        "digest": entry.digest,
        "platforms": entry.platforms,
        "size": entry.size,
        "catalog": offer.catalog,
        **description_fields(entry.provider),
    }


def description_fields(provider: Description) -> dict[str, Any]:
    """For programs: what a provider says of itself."""
    return {
        "name": provider.name,
        "version": provider.version,
        "role": provider.role,
        "title": provider.title,
        "system": provider.system,
        "description": provider.description,
        "capabilities": provider.capabilities,
        "commands": provider.commands,
    }


def directions(provider: Description) -> str:
    """For people."""
    return "input, output" if provider.role == "both" else provider.role


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
