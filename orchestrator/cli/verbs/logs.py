"""`dstream logs [TASK...]`"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from orchestrator.cli.completion import task_names
from orchestrator.cli.invocation import invocation_of


def logs(
    context: typer.Context,
    tasks: Annotated[
        list[str],
        typer.Argument(
            metavar="TASK",
            help="Tasks of dstream.hcl; all without one.",
            autocompletion=task_names,
            show_default=False,
        ),
    ] = [],  # noqa: B006  # typer copies it
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.", show_default=False)
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION|TIME", help="From `10m` ago, or from `2026-01-31T10:15` on (local, or with a zone)."
        ),
    ] = None,
    lines: Annotated[int | None, typer.Option("--lines", "-n", min=0, help="Only the last ones of each task.")] = None,
    provider: Annotated[
        Literal["input", "output", "relay"] | None, typer.Option(help="Whose; `relay` is the run itself.")
    ] = None,
    level: Annotated[
        Literal["debug", "info", "warning", "error"] | None, typer.Option(help="At least as important.")
    ] = None,
) -> int:
    """Show what tasks and their providers said.

    The latest last. A task has one log for all its runs, kept while nothing runs. `-f` does not end with a run: it
    waits for the next.
    """
    from orchestrator.cli.views.tailing import Wanted, show_logs

    wanted = Wanted.of(since=since, provider=provider, level=level)
    return show_logs(invocation_of(context), tasks, wanted, lines=lines, follow=follow)
