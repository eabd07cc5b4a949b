"""`dstream run TASK`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestrator.cli.completion import TaskName
from orchestrator.cli.invocation import invocation_of

Variables = Annotated[list[str], typer.Option("--var", metavar="NAME=VALUE", help="Set a variable; can be repeated.")]
VariableFiles = Annotated[
    list[Path], typer.Option("--var-file", metavar="FILE", help="A file that sets variables; can be repeated.")
]
Pull = Annotated[
    Literal["missing", "always", "never"] | None,
    typer.Option("--pull", help="When to pull images.  [default: missing]", show_default=False),
]
Locked = Annotated[
    bool, typer.Option("--locked", help="Refuse providers that `dstream.lock.hcl` does not have.", show_default=False)
]


def run(
    context: typer.Context,
    task: TaskName,
    *,
    pull: Pull = None,
    locked: Locked = False,
    max_records: Annotated[
        int | None, typer.Option("--max-records", min=1, metavar="N", help="Drain once N records were relayed.")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="DURATION", help="Drain after this time: `90s`, `5m`.")
    ] = None,
    grace: Annotated[
        str | None,
        typer.Option("--grace", metavar="DURATION", help="How long a drain may take before providers are killed."),
    ] = None,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Run a task: from its input to its output, until the input ends.

    Ctrl-C drains: the input stops where it can resume, and what was read is still delivered. A second one kills.
    """
    from orchestrator.cli.running import Wishes, run_and_watch

    wishes = Wishes(pull=pull, locked=locked, max_records=max_records, timeout=timeout, grace=grace)
    return run_and_watch(invocation_of(context), task, wishes, variables=var, files=var_file)
