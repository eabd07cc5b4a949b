"""`dstream providers inspect REF`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.providers import verb

app = verb()


@app.command()
def inspect(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REF", help="An image or an artifact in a registry.")],
    *,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of its config, and only that.")
    ] = False,
    platform: Annotated[
        str | None,
        typer.Option("--platform", metavar="OS/ARCH", help="Look at this platform's.  [default: this host's]"),
    ] = None,
) -> None:
    """Show what a provider does, its config, and what it may touch. Pulls nothing."""
    from orchestrator.cli.marketplace.inspecting import inspect_and_show

    inspect_and_show(invocation_of(context), reference, schema=schema, platform=platform)
