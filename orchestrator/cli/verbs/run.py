"""`dstream run TASK...`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestrator.cli.completion import TaskNames
from orchestrator.cli.invocation import invocation_of

Variables = Annotated[list[str], typer.Option("--var", metavar="NAME=VALUE", help="Set a variable; can be repeated.")]
VariableFiles = Annotated[
    list[Path], typer.Option("--var-file", metavar="FILE", help="A file that sets variables; can be repeated.")
]
Pull = Annotated[
    Literal["missing", "always", "never"] | None,
    typer.Option("--pull", help="When to pull images.  [default: missing]", show_default=False),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics", metavar="[HOST:]PORT", help="Serve /metrics and /health here; a port alone is loopback's."
    ),
]
WaitTimeout = Annotated[
    str | None,
    typer.Option(
        "--wait-timeout", metavar="DURATION", help="How long each task may take until it runs.  [default: 5m]"
    ),
]
Locked = Annotated[
    bool, typer.Option("--locked", help="Refuse providers that `dstream.lock.hcl` does not have.", show_default=False)
]


def run(
    context: typer.Context,
    tasks: TaskNames = [],  # noqa: B006  # typer copies it
    *,
    every: Annotated[
        bool, typer.Option("--all", help="All tasks of the file that are not being run.", show_default=False)
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return once they run; they go on.", show_default=False)
    ] = False,
    wait_timeout: WaitTimeout = None,
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
    metrics: Metrics = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="DIR", help="Keep what is relayed in this folder, compressed.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", metavar="DIR", help="Give the output this record, in the input's place."),
    ] = None,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Run tasks, each until its input ends.

    Ctrl-C drains: the input stops where it can resume, and what was read is still delivered. A second one kills.
    With `--detach` each runs in a process of its own, which outlives the terminal; `dstream stop` drains it.
    """
    from orchestrator.cli.runs.order import Wishes
    from orchestrator.cli.runs.starting import start
    from orchestrator.cli.terminal.values import seconds

    wishes = Wishes(
        pull=pull,
        locked=locked,
        max_records=max_records,
        timeout=timeout,
        grace=grace,
        metrics=metrics,
        record=None if record is None else str(record.absolute()),
    )
    if replay is not None:
        from orchestrator.cli.runs.replaying import replay_record, replayable

        task = replayable(tasks, wishes, every=every, detached=detach)
        return replay_record(invocation_of(context), task, wishes, replay, variables=var, files=var_file)
    return start(
        invocation_of(context),
        tasks,
        wishes,
        every=every,
        detached=detach,
        wait=seconds(wait_timeout, "--wait-timeout"),
        variables=var,
        files=var_file,
    )
