"""`dstream providers new NAME`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.providers import verb

app = verb()


@app.command()
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the provider, its image and its folder are called.")],
    *,
    kind: Annotated[Literal["input", "output"], typer.Option(help="Which way its data flows.")],
    template: Annotated[
        Literal["python", "dockerfile"],
        typer.Option(help="`python` builds on the SDK; `dockerfile` shows the bare contract, for any language."),
    ] = "python",
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="FOLDER", help="Where to put it.  [default: ./NAME]", show_default=False),
    ] = None,
) -> None:
    """Make a provider of your own, which works before you change it.

    It is a folder that builds, keeps the contract, and publishes with its own workflow.
    """
    from orchestrator.cli.marketplace.scaffold import Names, make
    from orchestrator.cli.terminal.events import emit

    invocation = invocation_of(context)
    target = folder or Path(name)
    make(Names.of(name), kind, template, target)
    if invocation.json:
        emit({"event": "created", "name": name, "kind": kind, "template": template, "folder": str(target.absolute())})
    elif not invocation.quiet:
        typer.echo(f"{name}, an {kind}, is in {target}; its README.md says how to work on it")
