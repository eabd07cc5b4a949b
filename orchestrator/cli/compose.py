"""The composition root: which parts a verb works with, chosen by the settings."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.engine import engine_host
from orchestrator.errors import UnavailableError, Where
from orchestrator.logs import LOGS
from orchestrator.pipeline.services import Services
from orchestrator.pipeline.sources import Sources
from orchestrator.registry.lockfile import Lock
from orchestrator.runtime.guard import Guard
from orchestrator.state.lock import Locks
from orchestrator.state.sqlite import SqliteState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orchestrator.config.model import Kind, Project
    from orchestrator.pipeline.sources import PullPolicy
    from orchestrator.registry.image import PullEvent, ResolvedImage
    from orchestrator.registry.pull import EngineImages
    from orchestrator.runtime.base import Runtime, Scope
    from orchestrator.settings import Settings

STATE_FILE = "state.db"


@contextlib.contextmanager
def services(project: Project, settings: Settings, *, locked: bool = False) -> Iterator[Services]:
    """What the verbs work with, closed afterwards. With `locked` every provider must be in the lock.

    Raises `UnavailableError` (`state.unavailable`).
    """
    folder = state_folder(project, settings)
    with contextlib.ExitStack() as opened:
        state = SqliteState(folder / STATE_FILE)
        opened.callback(state.close)
        images = _Images(settings)
        opened.callback(images.close)
        yield Services(
            state=state,
            locks=Locks(folder),
            sources=Sources(images, Lock(project.locked, project.lock_path, required=locked)),
            runtimes=lambda scope: _runtimes(scope, folder, settings),
            ready_timeout=settings.ready_timeout,
            ack_timeout=settings.ack_timeout,
            ca_bundle=settings.ca_bundle,
            redact=LOGS.redactor.text,
            hide=LOGS.redactor.add,
        )


def state_folder(project: Project, settings: Settings) -> Path:
    """The project's own folder, made where it is missing: private, and never committed by accident."""
    folder = project.path.parent / settings.state_dir
    ignore = folder / ".gitignore"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        hint = "name another folder with `DSTREAM_STATE_DIR`"
        message = f"cannot keep state in `{folder}`: {error.strerror}"
        raise UnavailableError("state.unavailable", message, hint=hint, where=Where(file=str(folder))) from error
    return folder


class _Images:
    """An engine's images, whose SDK is loaded for the first one: local executables need neither."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: EngineImages | None = None

    def resolve(
        self,
        reference: str,
        *,
        pull: PullPolicy,
        platform: str | None,
        on_event: Callable[[PullEvent], None] | None,
        where: Where,
    ) -> ResolvedImage:
        if self._engine is None:
            from orchestrator.registry.pull import EngineImages

            self._engine = EngineImages(engine_host(self._settings.engine_host), self._settings.mirrors)
        return self._engine.resolve(reference, pull=pull, platform=platform, on_event=on_event, where=where)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()


def _runtimes(scope: Scope, folder: Path, settings: Settings) -> Mapping[Kind, Callable[[], Runtime]]:
    """One guard for all runtimes of a scope."""
    guard = Guard()

    def containers() -> Runtime:
        from orchestrator.runtime.docker import DockerRuntime
        from orchestrator.runtime.sandbox import Limits

        limits = Limits(memory=settings.memory, pids=settings.pids_limit, tmpfs=settings.tmpfs_size)
        host = engine_host(settings.engine_host)
        return DockerRuntime(scope, engine_host=host, guard=guard, limits=limits, proxies=settings.pass_proxy)

    def processes() -> Runtime:
        from orchestrator.runtime.process import ProcessRuntime

        return ProcessRuntime(scope, state_dir=folder, guard=guard)

    return {"image": containers, "path": processes, "ref": processes}
