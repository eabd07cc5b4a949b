"""What every verb that starts providers works with: one task's lock, run id, runtimes and outbox."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from dstream_sdk.protocol import DiscoverReply, Stream
from orchestrator.config.model import Kind, ProviderSpec, Task
from orchestrator.errors import ConfigError, UnavailableError
from orchestrator.pipeline.ask import ask
from orchestrator.pipeline.control import Answer, Controls
from orchestrator.pipeline.fence import fence
from orchestrator.pipeline.live import Expose
from orchestrator.pipeline.logged import Logged, ending
from orchestrator.pipeline.observe import Observer, Outbox, RunControl, RunSummary
from orchestrator.pipeline.provider import Prepared, prepare
from orchestrator.pipeline.schema_check import refuse_config
from orchestrator.pipeline.secrecy import secret_values
from orchestrator.pipeline.sources import PullPolicy, Sources
from orchestrator.registry.image import PullEvent
from orchestrator.registry.reference import Reference
from orchestrator.relay.channel import Halted
from orchestrator.runtime.base import Role, Runtime, Scope
from orchestrator.state.infrastructure import InfrastructureFolders
from orchestrator.state.lock import Locks
from orchestrator.state.store import StateStore
from orchestrator.tasklog.place import TaskLogs

Reply = TypeVar("Reply")
OUTBOX_CLOSE_S = 5.0
ASK_S = 300.0
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that `orchestrator.cli` puts together. Times are seconds.

    `runtimes` makes the runtime of one kind for one scope; `hide` adds values that `redact` then removes
    from any text.
    """

    state: StateStore
    locks: Locks
    controls: Controls
    folders: InfrastructureFolders
    logs: TaskLogs
    sources: Sources
    runtimes: Callable[[Scope], Mapping[Kind, Callable[[], Runtime]]]
    ready_timeout: float = 30.0
    ack_timeout: float = 300.0
    ca_bundle: str | None = None
    redact: Callable[[str], str] = str
    hide: Callable[[Sequence[str]], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run was asked for. Times are seconds. `expose` are entered for as long as the run lasts.

    `record` is the folder in which what is relayed is kept.
    `order` is the whole of it in the words of whoever asked, for whoever will ask for the same again.
    """

    pull: PullPolicy = "missing"
    max_records: int | None = None
    timeout: float | None = None
    grace: float = 30.0
    expose: Sequence[Expose] = ()
    record: Path | None = None
    order: Mapping[str, Any] = field(default_factory=dict)


class Session:
    """One verb's work on one task, under a lock of that name. Leaving it closes all that it opened.

    The name is the task's, unless `name` is another: it is also what the providers bear that are started. Making one
    raises `ConfigError` (`lock.missing`, `lock.stale`) before anything is pulled, entering it raises `RunError`
    (`task.running`) when another process works on the task.
    """

    def __init__(
        self,
        task: Task,
        services: Services,
        options: RunOptions,
        observer: Observer,
        control: RunControl,
        *,
        name: str | None = None,
    ) -> None:
        beside = task.dead_letter.provider if task.dead_letter is not None else None
        for spec in filter(None, (task.input, task.output, beside)):
            if spec.kind != "path":
                services.sources.lock.pin(Reference.parse(spec.reference, where=spec.where), spec.where)
        self.task = task
        self.services = services
        self.options = options
        self.observer = observer
        self.control = control
        self.run_id = new_run_id()
        self.outbox = Outbox(observer)
        self._name = name or task.name
        self._held: set[str] = set()
        self._makers = services.runtimes(Scope(services.state.project, self._name, self.run_id))
        self._runtimes: dict[str, Runtime] = {}
        self._open = ExitStack()

    def __enter__(self) -> Session:
        with ExitStack() as opening:
            opening.callback(self.outbox.close, OUTBOX_CLOSE_S)
            opening.enter_context(self.services.locks.acquire(self._name, self.run_id))
            self._held.add(self._name)
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._open.close()

    def keep_from_running(self) -> None:
        """Take the task's own lock besides. Raises `RunError` (`task.running`)."""
        self._open.enter_context(self.services.locks.acquire(self.task.name, self.run_id))
        self._held.add(self.task.name)

    @contextmanager
    def logged(self) -> Iterator[Callable[[RunSummary], None]]:
        """Write what happens from here on to the task's log too; see `orchestrator.pipeline.logged.ending`."""
        observer, redact = self.observer, self.services.redact
        with closing(self.services.logs.open(self._name, self.run_id, redact=redact, trouble=observer.warning)) as log:
            self.observer = Logged(observer, log)
            self.outbox.copy_to(log)
            with ending(log) as ended:
                yield ended

    @contextmanager
    def reachable(self, answers: Mapping[str, Answer]) -> Iterator[None]:
        """Answer other shells while entered. Where there can be no socket the observer is told, and nothing fails."""
        with ExitStack() as listening:
            try:
                listening.enter_context(self.services.controls.listen(self.task.name, answers))
            except UnavailableError as error:
                self.observer.warning(str(error))
            yield

    def runtime(self, kind: str) -> Runtime:
        """The runtime of this kind, made when first asked for."""
        if kind not in self._runtimes:
            runtime = self._makers[kind]()  # type: ignore[index]  # kinds that a newer dstream stored are unknown
            self._open.callback(runtime.close)
            self._runtimes[kind] = runtime
        return self._runtimes[kind]

    def prepare(self, role: Role) -> Prepared:
        """The task's input or output, as `prepare_provider` has it."""
        return self.prepare_provider(self.task.input if role == "input" else self.task.output)

    def prepare_provider(self, spec: ProviderSpec) -> Prepared:
        """Resolve one provider, pulling where needed, and learn which of its values are secret.

        Raises `ConfigError` for a config that the provider's own schema refuses, besides what `prepare` raises.
        """
        self.services.hide(sorted(spec.secrets))
        self.observer.phase("preparing", spec.reference)
        if spec.kind != "path":
            warning = self.services.sources.lock.lacks(Reference.parse(spec.reference, where=spec.where))
            if warning is not None:
                self.observer.warning(warning)
        prepared = prepare(spec, self.services.sources, pull=self.options.pull, on_event=self._pulling)
        self.services.hide(secret_values(prepared.description, spec.config))
        if prepared.description is not None:
            refuse_config(spec, prepared.description)
        return prepared

    def fence(self, kinds: set[str]) -> None:
        """See gone what earlier runs left, and say where the last one was killed."""
        killed = any(run.kinds and run.task in self._held for run in self.services.state.open_runs())
        removed = fence(
            self._held,
            self.run_id,
            kinds,
            state=self.services.state,
            locks=self.services.locks,
            runtime=self.runtime,
        )
        if removed:
            self.observer.warning(f"cleaned up {removed} provider(s) that a killed run had left behind")
        elif killed:
            self.observer.warning("the last run was killed, and left nothing behind")

    def ready_timeout(self, prepared: Prepared) -> float:
        """Seconds that the provider may take to shake hands."""
        return prepared.spec.ready_timeout or self.services.ready_timeout

    def ask(
        self, prepared: Prepared, command: str, reply: type[Reply], *, timeout: float = ASK_S, **fields: Any
    ) -> Reply:
        """Put one question to a provider. Raises as `orchestrator.pipeline.ask.ask` does."""
        return ask(
            prepared,
            self.runtime(prepared.spec.kind),
            command,
            reply,
            fields={"task": self.task.name, "run_id": self.run_id, **fields},
            timeout=timeout,
            ready_timeout=self.ready_timeout(prepared),
            control=self.control,
            log=self.outbox.log,
            ca_bundle=self.services.ca_bundle,
        )

    def streams(self, source: Prepared) -> Sequence[Stream] | None:
        """What the input reads; None where it cannot tell. Raises `ConfigError` (`provider.discover`), and as `ask`."""
        if not source.answers("discover"):
            return None
        reply = self.ask(source, "discover", DiscoverReply)
        if reply.status == "Failed":
            raise ConfigError(
                "provider.discover",
                f"input `{source.name}` cannot tell what it reads: {reply.error or reply.message}",
                where=source.where,
            )
        return reply.streams

    def _pulling(self, event: PullEvent) -> None:
        self.observer.pull(event)
        if self.control.stop_requested:
            raise Halted


def new_run_id() -> str:
    """A ULID: 48 bits of Unix milliseconds, then 80 random bits, so that ids sort by time."""
    number = int(time.time() * 1000) << 80 | secrets.randbits(80)
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
