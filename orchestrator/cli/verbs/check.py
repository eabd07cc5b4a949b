"""`dstream check TASK`"""

from __future__ import annotations

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import Locked, Pull, VariableFiles, Variables


def check(
    context: typer.Context,
    task: TaskName,
    *,
    pull: Pull = None,
    locked: Locked = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Have a task's two providers look at what they need. Moves no data.

    After their configs were checked they look at logins, permissions, tables: whatever each can tell.
    """
    from orchestrator.cli.tasks.asking import check_and_show
    from orchestrator.cli.tasks.working import Asked

    return check_and_show(invocation_of(context), task, Asked(pull, locked, var, var_file))
