"""`dstream top`"""

from __future__ import annotations

import typer

from orchestrator.cli.invocation import invocation_of


def top(context: typer.Context) -> None:
    """Watch all tasks on a terminal.

    With how their rates were in the last half minute. `q` or Ctrl-C ends it.
    """
    from orchestrator.cli.views.topping import watch_tasks

    watch_tasks(invocation_of(context))
