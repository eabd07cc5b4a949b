"""`dstream restart TASK...`"""

from __future__ import annotations

import typer

from orchestrator.cli.completion import TaskNames
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import VariableFiles, Variables, WaitTimeout
from orchestrator.cli.verbs.stop import Every, Grace


def restart(
    context: typer.Context,
    tasks: TaskNames = [],  # noqa: B006  # typer copies it
    *,
    every: Every = False,
    grace: Grace = None,
    wait_timeout: WaitTimeout = None,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Stop tasks and run them again, detached.

    Each is run with the options that it had, and what is given here is added. A task that was not running is started.
    The values of `--var` are only known to a process that runs: they are given again for a run that has ended.
    """
    from orchestrator.cli.runs.stopping import restart_and_show

    return restart_and_show(
        invocation_of(context), tasks, every=every, grace=grace, wait=wait_timeout, variables=var, files=var_file
    )
