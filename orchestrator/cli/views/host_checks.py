"""Which checks `dstream doctor` makes, and what each of them looks at."""

from __future__ import annotations

import functools
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.compose import STATE_FILE, runtimes
from orchestrator.cli.engine import engine_host
from orchestrator.cli.invocation import DEFAULT_FILE
from orchestrator.cli.sources import registry_client, sources
from orchestrator.config.folders import cache_folder
from orchestrator.errors import ConfigError, DstreamError, UnavailableError
from orchestrator.logs import LOGS
from orchestrator.pipeline.control import Controls
from orchestrator.pipeline.doctor.clock import look_at_clock
from orchestrator.pipeline.doctor.disk import look_at_disks
from orchestrator.pipeline.doctor.engine import look_at_engine
from orchestrator.pipeline.doctor.examination import Check
from orchestrator.pipeline.doctor.finding import Finding, of_error
from orchestrator.pipeline.doctor.registries import Named, look_at_registries
from orchestrator.pipeline.doctor.runs import DOCTOR, look_at_leftovers, look_at_locks
from orchestrator.pipeline.doctor.sizes import Heap, look_at_sizes
from orchestrator.pipeline.doctor.start import look_at_start
from orchestrator.pipeline.doctor.state import look_at_shared_state, look_at_state
from orchestrator.pipeline.doctor.tasks import look_at_tasks
from orchestrator.pipeline.doctor.versions import look_at_versions
from orchestrator.registry.reference import Reference
from orchestrator.runtime.base import Scope
from orchestrator.state.integrity import Glance, glance
from orchestrator.state.lock import Locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.config.model import Kind, Project, SharedState, Use
    from orchestrator.pipeline.sources import Sources
    from orchestrator.registry.client import RegistryClient
    from orchestrator.runtime.base import Runtime
    from orchestrator.runtime.facts import EngineFacts
    from orchestrator.settings import Settings

_REGISTRY_TIMEOUT_S, _REGISTRY_DEADLINE_S = 5.0, 10.0
_STORE_TIMEOUT_S = 5.0
_LONG_S = 60.0


def checks(
    invocation: Invocation, settings: Settings, variables: Sequence[str], files: Sequence[Path]
) -> Sequence[Check]:
    """All of them, in the order in which people look for what is wrong."""
    found: list[Finding] = []
    project: Project | None = None
    uses: list[Use] = []
    try:
        if invocation.config != DEFAULT_FILE or DEFAULT_FILE.exists():
            project = invocation.project(variables, files)
            uses = list(project.uses())
        else:
            found.append(Finding("ok", "there is no dstream.hcl here: only the host is looked at"))
    except ConfigError as error:
        found += [of_error(each) for each in error.each()]
    host = _Host(settings, project, uses, invocation.config.absolute().parent / settings.state_dir)
    return [
        Check("versions", look_at_versions),
        Check("tasks", lambda: found if project is None or found else look_at_tasks(project)),
        Check("engine", lambda: look_at_engine(host.engine, needed=project is None or bool(host.images))),
        Check("start", host.start, _LONG_S),
        Check("registries", host.registries, _LONG_S),
        Check("disk", lambda: look_at_disks(host.disks())),
        Check("clock", host.clock, _LONG_S),
        Check("state", host.state, _LONG_S),
        Check("locks", host.locks),
        Check("leftovers", host.leftovers, _LONG_S),
        Check("sizes", lambda: look_at_sizes(host.heaps())),
    ]


class _Host:
    """What the checks are told of this host. Every method is one check's own, on its thread."""

    def __init__(self, settings: Settings, project: Project | None, uses: Sequence[Use], folder: Path) -> None:
        self._settings = settings
        self._project = project
        self._uses = uses
        self._folder = folder
        self.images = [use for use in uses if use.kind == "image"]

    @functools.cached_property
    def _glance(self) -> Glance | None:
        """What the state says of itself; None where there is none, or none that can be read."""
        try:
            return glance(self._folder / STATE_FILE)
        except UnavailableError:
            return None

    def engine(self) -> EngineFacts:
        from orchestrator.runtime.docker import Engine

        return Engine(engine_host(self._settings.engine_host)).facts()

    def start(self) -> Iterator[Finding]:
        with sources(self._project, self._settings) as here:
            yield from look_at_start(self.images, here, self._runtimes()["image"])

    def registries(self) -> Iterator[Finding]:
        remote = [use for use in self._uses if use.kind != "path" and self._pulled(use)]
        with sources(self._project, self._settings) as here, self._client() as client:
            named = [
                Named(
                    here.lock.pin(Reference.parse(use.reference, where=use.where), use.where),
                    f"{use.where.file}:{use.where.line}",
                    functools.partial(_is_here, here, use),
                )
                for use in remote
            ]
            named += [
                Named(Reference.parse(catalog), "the setting `catalogs`", lambda: False, catalog=True)
                for catalog in self._settings.catalogs
            ]
            yield from look_at_registries(client, named)

    def disks(self) -> Mapping[str, Path]:
        places = {"state": self._folder, "artifacts": cache_folder()}
        try:
            facts = self.engine()
        except DstreamError:  # another check's
            return places
        root = Path(facts.root)
        # An engine in a virtual machine names a folder that is not there, or not its own.
        return {**places, "images": root} if facts.local and root.parent.is_dir() and root.exists() else places

    def clock(self) -> Iterator[Finding]:
        remote = [Reference.parse(use.reference, where=use.where) for use in self._uses if use.kind != "path"]
        with self._client() as client:
            others: dict[str, Callable[[], float | None]] = {"the engine": lambda: self.engine().clock}
            for registry in dict.fromkeys(reference.registry for reference in remote):
                others[registry] = functools.partial(client.moment, registry)
            yield from look_at_clock(others)

    def state(self) -> Iterator[Finding]:
        yield from look_at_state(self._folder, self._folder / STATE_FILE)
        try:
            place = self._project.state() if self._project is not None else None
        except ConfigError as error:
            yield of_error(error, "warning")
            return
        if place is not None:
            LOGS.redactor.add([place.connection_string])
            yield from look_at_shared_state(lambda: _reach(place), f"{place.where.file}:{place.where.line}")

    def locks(self) -> Iterator[Finding]:
        open_runs = self._glance.open_runs if self._glance else ()
        return look_at_locks(Locks(self._folder), Controls(self._folder), open_runs)

    def leftovers(self) -> Iterator[Finding]:
        makers = self._runtimes()
        return look_at_leftovers({"container": makers["image"], "process": makers["path"]}, Locks(self._folder))

    def heaps(self) -> Sequence[Heap]:
        return [
            Heap("state", self._folder / STATE_FILE, "see `dstream dead-letters list`: they stay until dropped"),
            Heap("logs", self._folder / "logs", "keep less of them with the settings `log_max_size` and `log_files`"),
            Heap("artifacts", cache_folder() / "artifacts", "`dstream providers prune`"),
        ]

    def _pulled(self, use: Use) -> bool:
        """Whether a run may ask the registry for it, as far as the task can be read."""
        try:
            task = self._project.task(use.task) if self._project is not None else None
        except ConfigError:
            return True
        spec = task and (task.input if use.role == "input" else task.output)
        return ((spec and spec.pull) or self._settings.pull) != "never"

    def _runtimes(self) -> Mapping[Kind, Callable[[], Runtime]]:
        project = self._glance.project if self._glance else secrets.token_hex(8)
        return runtimes(Scope(project, DOCTOR, "doctor"), self._folder, self._settings)

    def _client(self) -> RegistryClient:
        return registry_client(self._settings, timeout=_REGISTRY_TIMEOUT_S, deadline=_REGISTRY_DEADLINE_S)


def _is_here(here: Sources, use: Use) -> bool:
    reference = str(here.lock.pin(Reference.parse(use.reference, where=use.where), use.where))
    try:
        if use.kind == "image":
            here.images.resolve(reference, pull="never", platform=use.platform, on_event=None, where=use.where)
        else:
            here.artifacts.resolve(reference, pull="never", platform=use.platform, where=use.where)
    except DstreamError:
        return False
    return True


def _reach(place: SharedState) -> None:
    """Read something of the shared state, there or not."""
    from orchestrator.state.blobs import Container, Missing

    container = Container(place, timeout=_STORE_TIMEOUT_S)
    try:
        container.blob("doctor").read()
    except Missing:
        return
    finally:
        container.close()
