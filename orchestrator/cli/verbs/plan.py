"""`dstream plan TASK`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.init import AnswerTimeout
from orchestrator.cli.verbs.run import Locked, Pull, VariableFiles, Variables


def plan(
    context: typer.Context,
    task: TaskName,
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Keep the plan, for `dstream init --plan`.", dir_okay=False),
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 where there are changes.")
    ] = False,
    destroy: Annotated[bool, typer.Option("--destroy", help="What `dstream destroy` would do.")] = False,
    pull: Pull = None,
    locked: Locked = False,
    timeout: AnswerTimeout = None,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Show what `init` would do, and what a run would. Changes nothing.

    `+` is created, `~` updated, `-/+` replaced, `-` deleted.
    """
    from orchestrator.cli.tasks.lifecycle import plan_and_show
    from orchestrator.cli.tasks.working import Asked

    return plan_and_show(
        invocation_of(context),
        task,
        Asked(pull, locked, var, var_file),
        timeout=timeout,
        destroy=destroy,
        out=out,
        detailed=detailed_exitcode,
    )
