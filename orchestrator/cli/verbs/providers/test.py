"""`dstream providers test REF|PATH`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.providers import verb

app = verb()


@app.command()
def suite(
    context: typer.Context,
    provider: Annotated[
        str,
        typer.Argument(
            metavar="REF|PATH",
            help="An image, or `./program`: an executable, or a folder with one called `provider`.",
        ),
    ],
    *,
    with_: Annotated[
        str, typer.Option("--with", metavar="JSON|@FILE", help="A config that the provider works with.")
    ] = "{}",
    role: Annotated[
        Literal["input", "output"] | None, typer.Option(help="For a provider that can be both.", show_default=False)
    ] = None,
    artifact: Annotated[
        bool, typer.Option("--artifact", help="REF is an artifact: its executable runs on this host, not contained.")
    ] = False,
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="The container's network, as in dstream.hcl.", show_default=False)
    ] = None,
    key: Annotated[
        list[str],
        typer.Option(
            metavar="PATH", help="What of a record stays the same when it is read again: `data.id`. Repeatable."
        ),
    ] = [],  # noqa: B006  # typer copies it
    durable: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND", help="A shell command that prints how many records are at an output's far side."
        ),
    ] = None,
    only: Annotated[list[str], typer.Option(metavar="CHECK", help="Run this check alone. Repeatable.")] = [],  # noqa: B006
    patience: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How long to wait for whatever should happen.")
    ] = 30.0,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as JUnit's XML too.", show_default=False)
    ] = None,
) -> int:
    """Test a provider in any language against the contract.

    It is a black box that has to answer `describe`. Exits 1 where it breaks a promise.
    """
    from orchestrator.cli.marketplace.contract import hold
    from orchestrator.cli.marketplace.subject import Subject

    options = ["--patience", str(patience)]
    options += [part for path in key for part in ("--key", path)]
    options += [part for check in only for part in ("--only", check)]
    options += ["--durable", durable] if durable else []
    options += ["--junit", str(junit)] if junit else []
    return hold(invocation_of(context), Subject(provider, role, network, artifact), with_, options)
