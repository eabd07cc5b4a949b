"""`dstream snapshot TASK`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import VariableFiles, Variables


def snapshot(
    context: typer.Context,
    task: TaskName,
    *,
    table: Annotated[
        list[str],
        typer.Option("--table", metavar="TABLE", help="A table to read anew; can be repeated.", show_default=False),
    ] = [],  # noqa: B006  # typer copies it
    every: Annotated[bool, typer.Option("--all", help="Read every table of the task anew.")] = False,
    where: Annotated[
        str | None,
        typer.Option("--filter", metavar="CONDITION", help="Only rows that meet this, in the source's own language."),
    ] = None,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> None:
    """Have a running task read whole tables anew.

    It goes on to stream their changes meanwhile. Returns once the run has passed the request on to its input.
    """
    from orchestrator.cli.runs.requesting import request_snapshot

    request_snapshot(
        invocation_of(context), task, tables=table, every=every, where=where, variables=var, files=var_file
    )
