"""`dstream state show TASK` and `dstream state reset TASK`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.run import VariableFiles, Variables

app = typer.Typer(help="What a task remembers between runs.", no_args_is_help=False)


@app.command("show")
def show(context: typer.Context, task: TaskName, *, var: Variables = [], var_file: VariableFiles = []) -> None:  # noqa: B006
    """Print where a task would resume, and how many dead letters it has."""
    from orchestrator.cli.remembering import show_state

    show_state(invocation_of(context), task, variables=var, files=var_file)


@app.command("reset")
def reset(
    context: typer.Context,
    task: TaskName,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Forget where a task would resume: its next run begins anew. Dead letters stay."""
    from orchestrator.cli.remembering import reset_state

    return reset_state(invocation_of(context), task, yes=yes, variables=var, files=var_file)
