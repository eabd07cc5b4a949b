"""`dstream init TASK`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import Locked, Pull, VariableFiles, Variables
from orchestrator.errors import ConfigError

AnswerTimeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="DURATION", help="How long each provider may take.  [default: 30m]"),
]
AllowDataLoss = Annotated[
    bool, typer.Option("--allow-data-loss", help="Go on where data would be lost with what is removed.")
]


def init(
    context: typer.Context,
    task: TaskName,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before something is removed.")] = False,
    saved: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Do what `dstream plan --out FILE` kept.", dir_okay=False),
    ] = None,
    allow_data_loss: AllowDataLoss = False,
    pull_images: Annotated[bool, typer.Option("--pull-images", help="The same as `--pull always`.")] = False,
    pull: Pull = None,
    locked: Locked = False,
    timeout: AnswerTimeout = None,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Make a task's infrastructure, or change what differs.

    Shows its plan, and asks where something would be replaced or deleted. Run it again after a failure.
    """
    from orchestrator.cli.tasks.lifecycle import Consent, init_and_show
    from orchestrator.cli.tasks.working import Asked

    if pull_images:
        if pull not in (None, "always"):
            raise ConfigError("usage", f"`--pull-images` is `--pull always`, not `--pull {pull}`")
        pull = "always"
    consent = Consent(yes, allow_data_loss, saved)
    asked = Asked(pull, locked, var, var_file)
    return init_and_show(invocation_of(context), task, asked, timeout=timeout, consent=consent)
