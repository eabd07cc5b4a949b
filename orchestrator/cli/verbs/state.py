"""`dstream state show`, `export`, `import` and `reset`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import Pull, VariableFiles, Variables

app = typer.Typer(help="What a task remembers between runs.", no_args_is_help=False)

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("show")
def show(context: typer.Context, task: TaskName, *, var: Variables = [], var_file: VariableFiles = []) -> None:  # noqa: B006
    """Print where a task would resume, and how many dead letters it has."""
    from orchestrator.cli.tasks.remembering import show_state

    show_state(invocation_of(context), task, variables=var, files=var_file)


@app.command("export")
def export(
    context: typer.Context,
    task: TaskName,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write to this file, not to stdout.")
    ] = None,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Print where a task would resume, as `import` reads it.

    One JSON document. The task may be running.
    """
    from orchestrator.cli.tasks.remembering import export_state

    return export_state(invocation_of(context), task, out, variables=var, files=var_file)


@app.command("import")
def import_(
    context: typer.Context,
    task: TaskName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote, or a backup; `-` is stdin.")],
    *,
    was: Annotated[
        str | None, typer.Option("--was", metavar="NAME", help="What the task was called when that was written.")
    ] = None,
    pull: Pull = None,
    yes: Yes = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Have a task resume where a file says, if its input wrote that. What it replaces is kept in a backup."""
    from orchestrator.cli.tasks.remembering import Origin, import_into

    origin = Origin(file, was, pull)
    return import_into(invocation_of(context), task, origin, yes=yes, variables=var, files=var_file)


@app.command("reset")
def reset(
    context: typer.Context,
    task: TaskName,
    *,
    yes: Yes = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Forget where a task would resume: its next run begins anew. Dead letters stay, and so does a backup."""
    from orchestrator.cli.tasks.remembering import reset_and_tell

    return reset_and_tell(invocation_of(context), task, yes=yes, variables=var, files=var_file)
