"""`dstream stop TASK...`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.completion import TaskNames
from orchestrator.cli.invocation import invocation_of

Every = Annotated[bool, typer.Option("--all", help="All tasks of the file.", show_default=False)]
Grace = Annotated[
    str | None,
    typer.Option("--grace", metavar="DURATION", help="How long the drain may take.  [default: the run's own]"),
]


def stop(
    context: typer.Context,
    tasks: TaskNames = [],  # noqa: B006  # typer copies it
    *,
    every: Every = False,
    grace: Grace = None,
) -> int:
    """Drain tasks, and wait until they are gone.

    It does not matter which shell started them. A run that does not go in time is killed. Behind one whose process was
    killed, this cleans up.
    """
    from orchestrator.cli.runs.stopping import stop_and_show

    return stop_and_show(invocation_of(context), tasks, every=every, grace=grace)
