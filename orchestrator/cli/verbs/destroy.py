"""`dstream destroy TASK`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.init import AllowDataLoss, AnswerTimeout
from orchestrator.cli.verbs.run import Locked, Pull, VariableFiles, Variables


def destroy(
    context: typer.Context,
    task: TaskName,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    allow_data_loss: AllowDataLoss = False,
    pull: Pull = None,
    locked: Locked = False,
    timeout: AnswerTimeout = None,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Remove what `init` made for a task, and nothing else.

    Shows its plan and asks. Refuses while the task runs, and while messages are left that nobody has received.
    """
    from orchestrator.cli.tasks.lifecycle import Consent, destroy_and_show
    from orchestrator.cli.tasks.working import Asked

    consent = Consent(yes, allow_data_loss)
    asked = Asked(pull, locked, var, var_file)
    return destroy_and_show(invocation_of(context), task, asked, timeout=timeout, consent=consent)
