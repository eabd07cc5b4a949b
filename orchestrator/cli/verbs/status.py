"""`dstream status TASK...`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.completion import TaskNames
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.init import AnswerTimeout
from orchestrator.cli.verbs.ps import Watch
from orchestrator.cli.verbs.run import Locked, Pull, VariableFiles, Variables


def status(
    context: typer.Context,
    tasks: TaskNames,
    *,
    no_infra: Annotated[bool, typer.Option("--no-infra", help="Only what is known on this host.")] = False,
    detailed: Annotated[
        bool, typer.Option("--detailed", help="With both providers, and all that is known of each resource.")
    ] = False,
    watch: Watch = False,
    pull: Pull = None,
    locked: Locked = False,
    timeout: AnswerTimeout = None,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Show how tasks are, and their infrastructure.

    The infrastructure is looked at as it is, and what was changed behind its back is shown. Changes nothing.
    With --watch it is asked once, and shown with its age.
    """
    from orchestrator.cli.tasks.working import Asked
    from orchestrator.cli.views.reporting import Wanted, show_each

    asked = Asked(pull, locked, var, var_file)
    wanted = Wanted(infrastructure=not no_infra, detailed=detailed, watch=watch)
    return show_each(invocation_of(context), tasks, asked, timeout=timeout, wanted=wanted)
