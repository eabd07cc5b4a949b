"""`dstream providers pull`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.providers import verb
from orchestrator.cli.verbs.run import Locked, VariableFiles, Variables

app = verb()


@app.command()
def pull(
    context: typer.Context,
    references: Annotated[list[str] | None, typer.Argument(metavar="REF", help="What to pull.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every provider that a task names.")] = False,
    platform: Annotated[
        str | None, typer.Option("--platform", metavar="OS/ARCH", help="For which platform.  [default: this host's]")
    ] = None,
    locked: Locked = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Pull providers, several at once, so that a run finds them here.

    What is locked is pulled by its digest, the rest as its tag is now. With a `trust` block signatures are checked.
    """
    from orchestrator.cli.marketplace.pulling import Asked, pull_and_show

    asked = Asked(tuple(references or ()), everything, platform, locked, tuple(var), tuple(var_file))
    return pull_and_show(invocation_of(context), asked)
