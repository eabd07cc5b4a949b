"""What `dstream providers lock` does once its arguments are read."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.cli.sources import registry_client, verifier
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.words import printable
from orchestrator.config.nearest import suggestion
from orchestrator.errors import ConfigError, Where
from orchestrator.registry.lockfile import lock_key, write_lock
from orchestrator.registry.locking import Change, relock, wanted_of
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.config.model import Project, Use
    from orchestrator.registry.client import RegistryClient

_CHECKED = {"locked": "missing", "removed": "unused"}
_UPGRADE = "`dstream providers lock --upgrade` takes what the tags mean now"


def lock_and_show(
    invocation: Invocation,
    references: Sequence[str],
    *,
    upgrade: bool,
    check: bool,
    variables: Sequence[str],
    files: Sequence[Path],
) -> None:
    """Raises `ConfigError`: with `check` (`lock.missing`, `lock.stale`), for a reference that no task names
    (`lock.unknown`), and whatever is wrong with a provider; the lock is then as it was.
    """
    if references and (not upgrade or check):
        hint = "without a REF all of the lock is looked at"
        raise ConfigError("usage", "a REF says what to `--upgrade`", hint=hint)
    settings = invocation.settings()
    project = invocation.project(variables, files)
    uses = list(project.uses())
    with registry_client(settings) as client:
        changes = relock(
            uses,
            project.locked or {},
            client,
            signer=_signer(project, client),
            upgrade=_keys(uses, references, project) if upgrade else (),
            today=datetime.datetime.now(datetime.UTC).date().isoformat(),
        )
    providers = [change.provider for change in changes if change.state != "removed"]
    changed = project.locked is None or providers != list(project.locked.values())
    if changed and not check:
        write_lock(project.lock_path, providers)
    _show(invocation, project.lock_path, changes, written=changed and not check, check=check)
    if check:
        _refuse_stale(project, changes)


def change_lines(changes: Sequence[Change], *, check: bool = False) -> Iterator[str]:
    """`locked ghcr.io/… sha256:…`, one line for each reference, and below it what else is to be known.

    With `check` nothing becomes of them: what would be locked is missing, what would be removed is unused.
    """
    for change in changes:
        provider = change.provider
        yield f"{_CHECKED.get(change.state, change.state) if check else change.state:<8} {provider.reference}"
        if change.state == "moved":
            yield f"         the lock keeps   {provider.digest}"
            yield f"         the tag now has  {change.other}"
        elif change.state == "upgraded":
            yield f"         from {change.other}"
            yield f"         to   {provider.digest}"
        elif change.state == "locked":
            yield f"         {provider.digest}"
        if change.state in ("locked", "upgraded"):
            signed = [f"signed by {provider.signer}"] if provider.signer else []
            yield f"         {', '.join([*provider.platforms, *signed])}".rstrip()


def _keys(uses: Sequence[Use], references: Sequence[str], project: Project) -> set[str]:
    """What `references` are called in a lock; all that are used, where there are none."""
    used = {one.key for one in wanted_of(uses)}
    asked = {lock_key(Reference.parse(reference)): reference for reference in references}
    for key, reference in asked.items():
        if key not in used:
            hint = suggestion(key, used) or "no task names a provider that comes from a registry"
            message = f"no task of {project.path.name} uses `{reference}`"
            raise ConfigError("lock.unknown", message, hint=hint, where=Where(file=str(project.path)))
    return set(asked) or used


def _signer(project: Project, client: RegistryClient) -> Callable[[Reference, Where], str | None] | None:
    if project.trust is None:
        return None
    judge = verifier(project.trust, lambda: client)

    def signer(reference: Reference, where: Where) -> str | None:
        found = judge.verify(reference, where=where)
        return None if found is None else str(found)

    return signer


def _show(invocation: Invocation, path: Path, changes: Sequence[Change], *, written: bool, check: bool) -> None:
    if invocation.json:
        emit({"event": "lock", "file": str(path), "written": written, "providers": [_fields(one) for one in changes]})
        return
    if invocation.quiet:
        return
    for line in change_lines(changes, check=check):
        print(printable(line))
    kept = sum(change.state != "removed" for change in changes)
    if check:
        if changes and all(change.state == "kept" for change in changes):
            print(f"{path.name} is up to date: {kept} provider{'' if kept == 1 else 's'}")
        return
    print(f"{path.name} {'written' if written else 'unchanged'}: {kept} provider{'' if kept == 1 else 's'}")
    if any(change.state == "moved" for change in changes):
        print(_UPGRADE)


def _fields(change: Change) -> dict[str, Any]:
    fields = dataclasses.asdict(change.provider)
    del fields["where"]
    other = {"moved": "tag_digest", "upgraded": "locked_before"}.get(change.state)
    return {"state": change.state, **fields, **({other: change.other} if other else {})}


def _refuse_stale(project: Project, changes: Sequence[Change]) -> None:
    name, where = project.lock_path.name, Where(file=str(project.lock_path))
    if project.locked is None:
        hint = "write it with `dstream providers lock`"
        raise ConfigError("lock.missing", f"there is no `{name}`", hint=hint, where=where)
    wrong = [change for change in changes if change.state != "kept"]
    if wrong:
        hint = _UPGRADE if all(change.state == "moved" for change in wrong) else "`dstream providers lock` mends it"
        listed = ", ".join(f"`{change.provider.reference}`" for change in wrong)
        raise ConfigError("lock.stale", f"`{name}` is not up to date for {listed}", hint=hint, where=where)
