"""`dstream providers list`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.marketplace.offers import Catalogs, Offline
from orchestrator.cli.verbs.providers import verb
from orchestrator.cli.verbs.run import VariableFiles, Variables

app = verb()


@app.command("list")
def list_providers(
    context: typer.Context,
    *,
    installed: Annotated[bool, typer.Option("--installed", help="Only what is on this host.")] = False,
    catalog: Catalogs = [],  # noqa: B006  # typer copies it
    offline: Offline = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> None:
    """Show the providers that there are.

    That is what the catalogs offer, what of it is installed, which tasks use it, and where there is a newer version.
    """
    from orchestrator.cli.marketplace import offers
    from orchestrator.cli.marketplace.stock import installed_here, provider_fields, provider_row, used_here
    from orchestrator.cli.terminal import words
    from orchestrator.cli.terminal.columns import columns
    from orchestrator.cli.terminal.events import emit
    from orchestrator.cli.terminal.screen import Screen
    from orchestrator.registry.catalogs.inventory import inventory

    invocation = invocation_of(context)
    settings = invocation.settings()
    screen = Screen(invocation)
    known = offers.ask_catalogs(settings, catalog, offline=offline)
    here, unseen = installed_here(settings)
    used = used_here(invocation, var, var_file)
    providers = inventory(offers.offers_of(known), here, used, settings.mirrors)
    if installed:
        providers = [each for each in providers if each.installed]
    if invocation.json:
        emit(
            {
                "event": "providers",
                "providers": [provider_fields(each) for each in providers],
                "catalogs": offers.catalog_fields(known),
                "engine_problem": offers.problem_fields(unseen),
            }
        )
        return
    offers.say_how_old(known, screen, offline=offline)
    if unseen:
        screen.note(words.warning(f"installed images are not shown: {unseen.message}", color=screen.color))
    if not providers:
        screen.note("nothing is installed" if installed else "no catalog offers anything, and nothing is installed")
        return
    headings = ("PROVIDER", "DIRECTION", "NEWEST", "INSTALLED", "TASKS", "TITLE")
    for line in columns(headings, [provider_row(each) for each in providers]):
        typer.echo(line)
    for each in providers:
        if each.newer:
            screen.note(f"{each.repository}:{each.newer} is newer than what is in use")
