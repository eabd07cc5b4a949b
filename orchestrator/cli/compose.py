"""The composition root: which parts a verb works with, chosen by the settings."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.engine import engine_host
from orchestrator.cli.sources import sources
from orchestrator.errors import UnavailableError, Where
from orchestrator.logs import LOGS
from orchestrator.pipeline.control import Controls
from orchestrator.pipeline.services import Services
from orchestrator.runtime.guard import Guard
from orchestrator.state.infrastructure import InfrastructureFolders
from orchestrator.state.lock import Locks
from orchestrator.state.sqlite import SqliteState
from orchestrator.tasklog.place import TaskLogs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orchestrator.config.model import Kind, Project, SharedState
    from orchestrator.runtime.base import Runtime, Scope
    from orchestrator.runtime.sandbox import Limits
    from orchestrator.settings import Settings
    from orchestrator.state.store import StateStore

STATE_FILE = "state.db"


@contextlib.contextmanager
def services(project: Project, settings: Settings, *, locked: bool = False, shared: bool = True) -> Iterator[Services]:
    """What the verbs work with, closed afterwards. With `locked` every provider must be in the lock.

    Without `shared` the state is what this host knows: it is always there, and needs no secret.

    Raises `UnavailableError` (`state.unavailable`), and `ConfigError` for a `state` block that is wrong.
    """
    folder = state_folder(project, settings)
    with contextlib.ExitStack() as opened:
        guard = Guard()
        local = SqliteState(folder / STATE_FILE)
        opened.callback(local.close)
        state = _state(project.state() if shared else None, local, guard)
        opened.callback(state.close)
        provided = opened.enter_context(sources(project, settings, locked=locked))
        yield Services(
            state=state,
            locks=Locks(folder),
            controls=Controls(folder),
            folders=InfrastructureFolders(folder),
            logs=task_logs(folder, settings),
            sources=provided,
            runtimes=lambda scope: _runtimes(scope, folder, guard, settings),
            ready_timeout=settings.ready_timeout,
            ack_timeout=settings.ack_timeout,
            ca_bundle=settings.ca_bundle,
            redact=LOGS.redactor.text,
            hide=LOGS.redactor.add,
        )


def controls(project: Project, settings: Settings) -> Controls:
    """The way to the runs of this project's tasks, whoever runs them on this host."""
    return Controls(state_folder(project, settings))


def task_logs(folder: Path, settings: Settings) -> TaskLogs:
    """The logs of the tasks whose state is in `folder`."""
    return TaskLogs(folder, max_size=settings.log_max_size, files=settings.log_files)


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


def _state(place: SharedState | None, local: SqliteState, guard: Guard) -> StateStore:
    """Where the project's state is: on this host, or where its `state` block says."""
    if place is None:
        return local
    from orchestrator.state.azure_blob import AzureBlobState

    LOGS.redactor.add([place.connection_string])
    return AzureBlobState(place, local, guard.until)


def runtimes(scope: Scope, folder: Path, settings: Settings) -> Mapping[Kind, Callable[[], Runtime]]:
    """What makes the runtimes of one scope, with a guard of their own; `folder` is the state directory."""
    return _runtimes(scope, folder, Guard(), settings)


def _runtimes(scope: Scope, folder: Path, guard: Guard, settings: Settings) -> Mapping[Kind, Callable[[], Runtime]]:
    def containers() -> Runtime:
        from orchestrator.runtime.docker import DockerRuntime

        limits, host = container_limits(settings), engine_host(settings.engine_host)
        return DockerRuntime(scope, engine_host=host, guard=guard, limits=limits, proxies=settings.pass_proxy)

    def processes() -> Runtime:
        from orchestrator.runtime.process import ProcessRuntime

        return ProcessRuntime(scope, state_dir=folder, guard=guard)

    return {"image": containers, "path": processes, "ref": processes}


def container_limits(settings: Settings) -> Limits:
    """What the settings give a container."""
    from orchestrator.runtime.sandbox import Limits

    return Limits(memory=settings.memory, pids=settings.pids_limit, tmpfs=settings.tmpfs_size)
