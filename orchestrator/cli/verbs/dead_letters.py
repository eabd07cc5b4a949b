"""`dstream dead-letters`: `list`, `show`, `export`, `replay` and `drop`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import Locked, Pull, VariableFiles, Variables

app = typer.Typer(help="The records that a task's output rejected.", no_args_is_help=False)

Ids = Annotated[list[int], typer.Argument(metavar="ID", help="Which ones, as `list` numbers them.")]
Every = Annotated[bool, typer.Option("--all", help="All that the task has.", show_default=False)]
Codes = Annotated[list[str], typer.Option("--code", metavar="CODE", help="Only of this code; can be repeated.")]
Runs = Annotated[list[str], typer.Option("--run", metavar="ID", help="Only of this run; can be repeated.")]
Tables = Annotated[list[str], typer.Option("--table", metavar="TABLE", help="Only of this table; can be repeated.")]


@app.command("list")
def list_letters(
    context: typer.Context,
    task: TaskName,
    *,
    code: Codes = [],  # noqa: B006  # typer copies it
    run: Runs = [],  # noqa: B006  # typer copies it
    table: Tables = [],  # noqa: B006  # typer copies it
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many.")] = 50,
    after: Annotated[int, typer.Option("--after", min=0, metavar="ID", help="Those behind this one.")] = 0,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> None:
    """List rejected records and how many there are of each code. With `--json`, whole ones."""
    from orchestrator.cli.tasks.rejected import show_list
    from orchestrator.pipeline.letters import choice_of

    choice = choice_of(codes=code, runs=run, tables=table)
    show_list(invocation_of(context), task, choice, limit=limit, after=after, variables=var, files=var_file)


@app.command("show")
def show(
    context: typer.Context,
    task: TaskName,
    number: Annotated[int, typer.Argument(metavar="ID", help="Which one, as `list` numbers them.")],
    *,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> None:
    """Print one rejected record, whole, and why it was rejected."""
    from orchestrator.cli.tasks.rejected import show_one

    show_one(invocation_of(context), task, number, variables=var, files=var_file)


@app.command("export")
def export(
    context: typer.Context,
    task: TaskName,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where to; `-` is stdout.")] = Path("-"),
    code: Codes = [],  # noqa: B006  # typer copies it
    run: Runs = [],  # noqa: B006  # typer copies it
    table: Tables = [],  # noqa: B006  # typer copies it
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> None:
    """Write rejected records to a file, one JSON object a line. They stay where they are."""
    from orchestrator.cli.tasks.rejected import export_letters
    from orchestrator.pipeline.letters import choice_of

    choice = choice_of(codes=code, runs=run, tables=table)
    export_letters(invocation_of(context), task, choice, out, variables=var, files=var_file)


@app.command("replay")
def replay(
    context: typer.Context,
    task: TaskName,
    ids: Ids = [],  # noqa: B006  # typer copies it
    *,
    every: Every = False,
    code: Codes = [],  # noqa: B006  # typer copies it
    run: Runs = [],  # noqa: B006  # typer copies it
    table: Tables = [],  # noqa: B006  # typer copies it
    pull: Pull = None,
    locked: Locked = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Give rejected records to the task's output once more.

    Those that it acknowledges are dropped; those that it rejects again stay, with their new reason. The task must not
    be running, and resumes afterwards where it would have.
    """
    from orchestrator.cli.runs.order import Wishes
    from orchestrator.cli.tasks.rejected import replay_chosen
    from orchestrator.pipeline.letters import choice_of

    choice = choice_of(ids, codes=code, runs=run, tables=table, every=every, must=True)
    wishes = Wishes(pull=pull, locked=locked)
    return replay_chosen(invocation_of(context), task, choice, wishes, variables=var, files=var_file)


@app.command("drop")
def drop(
    context: typer.Context,
    task: TaskName,
    ids: Ids = [],  # noqa: B006  # typer copies it
    *,
    every: Every = False,
    code: Codes = [],  # noqa: B006  # typer copies it
    run: Runs = [],  # noqa: B006  # typer copies it
    table: Tables = [],  # noqa: B006  # typer copies it
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> None:
    """Forget rejected records for good. The task must not be running."""
    from orchestrator.cli.tasks.rejected import drop_chosen
    from orchestrator.pipeline.letters import choice_of

    choice = choice_of(ids, codes=code, runs=run, tables=table, every=every, must=True)
    drop_chosen(invocation_of(context), task, choice, yes=yes, variables=var, files=var_file)
