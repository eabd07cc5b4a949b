"""`dstream providers search TERM...`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.marketplace.offers import Catalogs, Offline
from orchestrator.cli.verbs.providers import verb

app = verb()


@app.command()
def search(
    context: typer.Context,
    terms: Annotated[list[str], typer.Argument(metavar="TERM", help="Words that must all be found.")],
    *,
    catalog: Catalogs = [],  # noqa: B006  # typer copies it
    offline: Offline = False,
) -> None:
    """Find providers in the catalogs, the best match first.

    Words are looked for in name, title, system, direction (`input` or `output`), capabilities and description.
    """
    from orchestrator.cli.marketplace import offers
    from orchestrator.cli.terminal import words
    from orchestrator.cli.terminal.columns import columns
    from orchestrator.cli.terminal.events import emit
    from orchestrator.cli.terminal.screen import Screen
    from orchestrator.registry.catalogs import search as catalogs

    invocation = invocation_of(context)
    settings = invocation.settings()
    known = offers.ask_catalogs(settings, catalog, offline=offline)
    if problem := offers.nothing_to_ask(known):
        raise problem
    query = " ".join(terms)
    offered = offers.offers_of(known)
    found = catalogs.search(offered, query)
    if invocation.json:
        emit(
            {
                "event": "found",
                "query": query,
                "providers": [offers.offer_fields(each) for each in found],
                "catalogs": offers.catalog_fields(known),
            }
        )
        return
    screen = Screen(invocation)
    offers.say_how_old(known, screen, offline=offline)
    if not found:
        meant = catalogs.meant(offered, query)
        searched = f"{words.count(len(offered))} provider{'' if len(offered) == 1 else 's'}"
        screen.note(f"none of {searched} matches `{query}`" + (f"; did you mean `{meant}`?" if meant else ""))
        return
    rows = [
        (each.reference, offers.directions(each.entry.provider), each.entry.provider.system, each.entry.provider.title)
        for each in found
    ]
    for line in columns(("REFERENCE", "DIRECTION", "SYSTEM", "TITLE"), rows):
        typer.echo(line)
