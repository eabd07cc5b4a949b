"""`dstream peek TASK`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import Locked, Pull, VariableFiles, Variables


def peek(
    context: typer.Context,
    task: TaskName,
    *,
    records: Annotated[int, typer.Option("--records", "-n", min=1, metavar="N", help="How many records.")] = 10,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="DURATION", help="How long to wait for them: `90s`, `5m`.")
    ] = "30s",
    pull: Pull = None,
    locked: Locked = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Print the next records of a task's input. No output is started, and nothing is stored or acknowledged.

    The input starts where the task would resume; what a start does at the source it does here too. With `--json` the
    lines are printed as the input writes them. The task must not be running.
    """
    from orchestrator.cli.runs.peeking import peek_and_show
    from orchestrator.cli.tasks.working import Asked
    from orchestrator.cli.terminal.values import seconds

    asked = Asked(pull, locked, var, var_file)
    return peek_and_show(invocation_of(context), task, asked, records=records, timeout=seconds(timeout, "--timeout"))
