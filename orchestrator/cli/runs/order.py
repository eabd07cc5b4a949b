"""How a run was asked for, whole: what a supervisor is handed, and what `dstream restart` asks for again."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from orchestrator.cli.terminal.values import seconds
from orchestrator.durable import replacing
from orchestrator.errors import UnavailableError, Where
from orchestrator.pipeline.services import RunOptions
from orchestrator.pipeline.sources import PullPolicy  # msgspec reads the annotations
from orchestrator.state.names import file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.pipeline.live import Live
    from orchestrator.settings import Settings

_FOLDER = "orders"


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of `run` as they were written; None leaves the choice to the settings."""

    pull: PullPolicy | None = None
    locked: bool = False
    max_records: int | None = None
    timeout: str | None = None
    grace: str | None = None
    metrics: str | None = None
    record: str | None = None

    def options(self, settings: Settings) -> RunOptions:
        """What they come to. Raises `ConfigError` for a time that is none."""
        return RunOptions(
            pull=self.pull or settings.pull,
            max_records=self.max_records,
            timeout=seconds(self.timeout, "--timeout"),
            grace=seconds(self.grace, "--grace") or settings.grace,
            record=None if self.record is None else Path(self.record),
        )


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A run of one task. `variables` are `name=value`, and may be secret; `folder` is where it was asked for.

    A run that is `attached` drains when whoever asked for it has gone.
    """

    task: str
    config: str
    folder: str
    wishes: Wishes = Wishes()
    variables: tuple[str, ...] = ()
    var_files: tuple[str, ...] = ()
    engine_host: str | None = None
    log_level: str | None = None
    attached: bool = False

    @contextlib.contextmanager
    def kept(self, state_dir: Path, _: Callable[[], Live]) -> Iterator[None]:
        """Remember it in case its run is killed, without the variables' values. For `RunOptions.expose`.

        Raises `UnavailableError`.
        """
        path = _path(state_dir, self.task)
        named = tuple(text.partition("=")[0] for text in self.variables)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(msgspec.json.encode(msgspec.structs.replace(self, variables=named)))
        except OSError as error:
            message = f"cannot keep how the run was asked for: {error.strerror or error}"
            raise UnavailableError("state.unavailable", message, where=Where(file=str(path))) from error
        yield


def order_for(
    invocation: Invocation, task: str, wishes: Wishes, variables: Sequence[str], files: Sequence[Path]
) -> Order:
    """The order that this command line gives."""
    return Order(
        task=task,
        config=str(invocation.config.absolute()),
        folder=str(Path.cwd()),
        wishes=wishes,
        variables=tuple(variables),
        var_files=tuple(str(file.absolute()) for file in files),
        engine_host=invocation.engine_host,
        log_level=invocation.log_level,
    )


def last_order(state_dir: Path, task: str) -> Order | None:
    """The order of the task's last run, whose `variables` are names alone; None where there was none."""
    try:
        return msgspec.json.decode(_path(state_dir, task).read_bytes(), type=Order)
    except (OSError, msgspec.DecodeError):
        return None


def _path(state_dir: Path, task: str) -> Path:
    return state_dir / _FOLDER / file_name(task, ".json")
