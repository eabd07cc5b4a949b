"""What `dstream providers pull` does once its arguments are read."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.cli.invocation import DEFAULT_FILE
from orchestrator.cli.marketplace.parallel_pulls import ParallelPulls
from orchestrator.cli.runs.signals import Signals
from orchestrator.cli.sources import registry_client, sources
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.failure import report
from orchestrator.cli.terminal.screen import Screen
from orchestrator.cli.terminal.words import printable
from orchestrator.errors import EXIT_DONE, ConfigError, DstreamError, Where
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.pulling import Pulled, Wanted, pull_all
from orchestrator.registry.layout import wrong_kind
from orchestrator.registry.lockfile import lock_key
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.config.model import Kind, Project
    from orchestrator.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were written."""

    references: Sequence[str]
    everything: bool
    platform: str | None
    locked: bool
    variables: Sequence[str]
    files: Sequence[Path]


def pull_and_show(invocation: Invocation, asked: Asked) -> int:
    """The exit code: that of the first pull that failed, in the order in which they were asked for."""
    if bool(asked.references) == asked.everything:
        raise ConfigError("usage", "name what to pull, or say `--all`", hint="see `dstream providers pull --help`")
    settings = invocation.settings()
    project = _project(invocation, asked)
    wanted = _wanted(project, asked)
    ended: dict[Wanted, Pulled] = {}
    with _interruptible(), contextlib.closing(ParallelPulls(Screen(invocation))) as display:
        for event in pull_all(
            wanted,
            lambda: sources(project, settings, locked=asked.locked),
            lambda reference, where: _kind(settings, reference, where),
        ):
            if isinstance(event, Pulled):
                ended[event.wanted] = event
                display.ended(event.wanted.reference, failed=event.failure is not None)
                if invocation.json and event.failure is None:
                    emit({"event": "pulled", "reference": event.wanted.reference, "digest": event.digest})
            elif invocation.json:
                emit({"event": "pull", **dataclasses.asdict(event)})
            else:
                display.event(event)
    return _conclude(invocation, [ended[one] for one in wanted])


def _conclude(invocation: Invocation, ended: Sequence[Pulled]) -> int:
    """Say what is here now, then what is not."""
    for one in ended:
        if one.failure is None and not invocation.json and not invocation.quiet:
            print(printable(f"{one.wanted.reference}  {one.digest}"))
    failures = [one.failure for one in ended if one.failure is not None]
    for failure in failures:
        report(failure, invocation)
    return failures[0].exit_code if failures else EXIT_DONE


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """A signal ends it at once: what is complete is kept."""
    with Signals(RunControl()) as signals:
        signals.preparing = True
        yield


def _project(invocation: Invocation, asked: Asked) -> Project | None:
    """The project whose lock and trust are to be followed; None outside of one."""
    if not asked.everything and invocation.config == DEFAULT_FILE and not DEFAULT_FILE.exists():
        return None
    return invocation.project(asked.variables, asked.files)


def _wanted(project: Project | None, asked: Asked) -> list[Wanted]:
    """What to pull, each once; of which kind it is, and for which platform, as far as the project says."""
    found: dict[tuple[str, str | None], Wanted] = {}
    used: dict[str, Wanted] = {}
    for use in project.uses() if project else ():
        if use.kind != "path":
            one = Wanted(use.reference, use.where, use.kind, asked.platform or use.platform)
            key = lock_key(Reference.parse(use.reference, where=use.where))
            used.setdefault(key, one)
            found.setdefault((key, one.platform), one)
    if asked.everything:
        return list(found.values())
    named = {lock_key(Reference.parse(reference)): reference for reference in asked.references}
    return [used.get(key) or Wanted(reference, Where(), None, asked.platform) for key, reference in named.items()]


def _kind(settings: Settings, reference: Reference, where: Where) -> Kind:
    """Of what no task names. The registry's client costs more to load than to use, so the others go without it."""
    try:
        with registry_client(settings) as client:
            manifest = client.manifest(reference)
            if manifest.is_index:  # the manifests that it leads to have the last word
                one = next((entry for entry in manifest.manifests if entry.platform), None)
                manifest = client.manifest(reference.with_digest(one.digest)) if one else manifest
    except DstreamError as error:
        error.where = where.filled_from(error.where)
        raise
    if manifest.kind in ("image", "artifact"):
        return "image" if manifest.kind == "image" else "ref"
    raise wrong_kind(manifest)
