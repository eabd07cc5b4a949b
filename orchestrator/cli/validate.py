"""`dstream validate`"""

from __future__ import annotations

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.run import VariableFiles, Variables


def validate(context: typer.Context, *, var: Variables = [], var_file: VariableFiles = []) -> None:  # noqa: B006
    """Read the file and every task in it, and say what is wrong. Starts, pulls and asks nothing."""
    from orchestrator.cli.events import emit
    from orchestrator.registry.reference import Reference

    invocation = invocation_of(context)
    invocation.settings()
    project = invocation.project(var, var_file)
    for task in project.tasks.values():
        for provider in (task.input, task.output):
            if provider.kind != "path":
                Reference.parse(provider.reference, where=provider.where)
    names = sorted(project.tasks)
    if invocation.json:
        emit({"event": "valid", "file": str(project.path), "tasks": names})
    elif not invocation.quiet:
        listed = ", ".join(f"`{name}`" for name in names)
        typer.echo(f"{project.path.name} is valid: {len(names)} task{'' if len(names) == 1 else 's'}: {listed}")
