"""`dstream discover TASK`"""

from __future__ import annotations

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import Locked, Pull, VariableFiles, Variables


def discover(
    context: typer.Context,
    task: TaskName,
    *,
    pull: Pull = None,
    locked: Locked = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """List what a task's input can read: tables and their columns. Moves no data."""
    from orchestrator.cli.tasks.asking import discover_and_show
    from orchestrator.cli.tasks.working import Asked

    return discover_and_show(invocation_of(context), task, Asked(pull, locked, var, var_file))
