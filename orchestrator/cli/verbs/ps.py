"""`dstream ps`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.invocation import invocation_of

Watch = Annotated[
    bool, typer.Option("--watch", help="Show it anew every two seconds, until Ctrl-C.", show_default=False)
]


def ps(context: typer.Context, *, watch: Watch = False) -> None:
    """Show how all tasks are, one line each.

    Those of dstream.hcl, and others that were run here. RATE is the average of the last minute, LAG what the providers
    report, WHY what is wrong where something is.
    """
    from orchestrator.cli.views.listing import list_tasks

    list_tasks(invocation_of(context), watch=watch)
