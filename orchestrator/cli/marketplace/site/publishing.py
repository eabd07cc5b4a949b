"""What `dstream providers catalog site` does once its arguments are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from orchestrator.cli.marketplace import offers
from orchestrator.cli.marketplace.site.folder import write_site
from orchestrator.cli.marketplace.site.rendering import INDEX, Shown, render
from orchestrator.cli.sources import registry_client
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.screen import Screen
from orchestrator.config.folders import cache_folder
from orchestrator.registry.catalogs.known import KnownCatalog
from orchestrator.registry.catalogs.schemas import config_schemas
from orchestrator.registry.content_cache import ContentCache

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from orchestrator.cli.invocation import Invocation
    from orchestrator.registry.catalogs.search import Offer
    from orchestrator.settings import Settings


def write_and_show(
    invocation: Invocation, out: Path, catalogs: Sequence[str], *, home: str | None, offline: bool
) -> None:
    """Raises as catalogs and registries do, and as `write_site`: what is there stays as it is then."""
    settings = invocation.settings()
    screen = Screen(invocation)
    known = _known(settings, catalogs, offline=offline)
    if problem := offers.nothing_to_ask(known):
        raise problem
    offers.say_how_old(known, screen, offline=offline)
    offered = offers.offers_of(known)
    shown = []
    for offer, schema in zip(offered, _schemas(settings, offered, offline=offline), strict=True):
        shown.append(Shown.of(offer, schema))
        if not isinstance(schema, str):
            continue
        screen.note(words.warning(f"the config of {offer.reference} is not shown: {schema}", color=screen.color))
    write_site(out, render(shown, home=home))
    if invocation.json:
        counted = {"folder": str(out.absolute()), "providers": len(shown), "catalogs": offers.catalog_fields(known)}
        emit({"event": "site", **counted})
    elif not invocation.quiet:
        typer.echo(f"{words.count(len(shown))} provider{'' if len(shown) == 1 else 's'} in {out / INDEX}")


def _known(settings: Settings, catalogs: Sequence[str], *, offline: bool) -> list[KnownCatalog]:
    """`catalogs`, or those of the settings, in this order."""
    if not catalogs:
        return offers.ask_catalogs(settings, (), offline=offline)
    named = [source for source in catalogs if not _is_file(source)]
    asked = iter(offers.ask_catalogs(settings, named, offline=offline) if named else ())
    return [_read(Path(source)) if _is_file(source) else next(asked) for source in catalogs]


def _read(file: Path) -> KnownCatalog:
    """Known by its title: where the file lies concerns nobody who sees the site."""
    catalog = offers.read_catalog(file)
    return KnownCatalog(catalog.title or file.name, catalog, None)


def _is_file(source: str) -> bool:
    return source.startswith((".", "/")) or source.endswith(".json")


def _schemas(settings: Settings, offered: Sequence[Offer], *, offline: bool) -> list[Mapping[str, Any] | str]:
    folder = cache_folder() / "content"
    if offline:
        return config_schemas(ContentCache(folder, None), offered)
    with registry_client(settings) as client:
        return config_schemas(ContentCache(folder, client), offered)
