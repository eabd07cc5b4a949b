"""`dstream providers prune`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.providers import verb

if TYPE_CHECKING:
    from orchestrator.registry.cache import Stored

app = verb()

_MONTH_S = 30 * 86400.0


@app.command()
def prune(
    context: typer.Context,
    *,
    all_: Annotated[bool, typer.Option("--all", "-a", help="Also what was used of late.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would go.")] = False,
) -> None:
    """Remove pulled artifacts that nothing has used for 30 days.

    Artifacts are what `provider_ref` names. Images are the engine's to prune.
    """
    from orchestrator.cli.sources import artifact_cache
    from orchestrator.cli.terminal.events import emit
    from orchestrator.cli.terminal.words import printable, size

    invocation = invocation_of(context)
    invocation.settings()
    pruned = artifact_cache().prune(0.0 if all_ else _MONTH_S, dry_run=dry_run)
    freed = sum(one.size for one in pruned.removed)
    if invocation.json:
        removed, in_use = ([_fields(one) for one in part] for part in (pruned.removed, pruned.in_use))
        emit({"event": "prune", "dry_run": dry_run, "removed": removed, "in_use": in_use, "freed": freed})
        return
    if invocation.quiet:
        return
    words = ("would remove", "would free") if dry_run else ("removed", "freed")
    for word, part in ((words[0], pruned.removed), ("in use", pruned.in_use)):
        for one in part:
            typer.echo(f"{word} {printable(one.reference)} {one.platform} {one.digest} ({size(one.size)})")
    typer.echo(f"{words[1]} {size(freed)}" if pruned.removed else "nothing to remove")


def _fields(one: Stored) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(one)
