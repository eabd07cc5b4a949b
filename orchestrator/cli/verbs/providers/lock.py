"""`dstream providers lock`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.providers import verb
from orchestrator.cli.verbs.run import VariableFiles, Variables

app = verb()


@app.command()
def lock(
    context: typer.Context,
    references: Annotated[
        list[str] | None, typer.Argument(metavar="REF", help="What to upgrade; without one, all.")
    ] = None,
    *,
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Take what a tag means now where it has moved.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the lock is missing, stale or behind a moved tag.")
    ] = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> None:
    """Write the lock: which digest each provider's reference means.

    `run`, `check` and `discover` follow it.

    What is locked stays as it is. Where its tag has moved since, both digests are shown.
    """
    from orchestrator.cli.marketplace.locking import lock_and_show

    lock_and_show(invocation_of(context), references or [], upgrade=upgrade, check=check, variables=var, files=var_file)
