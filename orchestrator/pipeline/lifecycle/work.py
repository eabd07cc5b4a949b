"""What the four verbs have in common: one task's providers, prepared, asked in their order, and gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import msgspec

from dstream_sdk.protocol import CommandOptions, Stream
from orchestrator.config.model import Task
from orchestrator.errors import DstreamError, RunError
from orchestrator.pipeline.lifecycle.command import Answer, Patience, command
from orchestrator.pipeline.lifecycle.plan import ProviderPart
from orchestrator.pipeline.lifecycle.resources import Reply
from orchestrator.pipeline.observe import LifecyclePhase, Observer, RunControl
from orchestrator.pipeline.provider import Prepared
from orchestrator.pipeline.resuming import identity_of
from orchestrator.pipeline.services import RunOptions, Services, Session
from orchestrator.runtime.base import Role
from orchestrator.state.names import infrastructure_of
from orchestrator.state.store import Checkpoint, Claim

Verb = Literal["init", "plan", "status", "destroy"]

ANSWER_S = 1800.0
"""How long a provider may take where nobody says: clouds are slow, and a task may have thousands of queues."""

LEGACY_ANSWER_S = 300.0
"""What the original gives them. One that does not know the verbs may take them for a run."""

MAKING_ORDER: tuple[Role, Role] = ("output", "input")
"""What reads makes its things last: until then nothing is captured that nobody can take."""

_PHASE: dict[Verb, LifecyclePhase] = {
    "init": "initializing",
    "plan": "planning",
    "status": "inspecting",
    "destroy": "destroying",
}


class Work:
    """Both providers of a task, prepared.

    `streams` are what the input reads, None where nobody knows; `claim` is the right to alter anything.
    """

    def __init__(self, session: Session) -> None:
        """Pulls what is missing, and cleans up behind whatever was killed. Raises as `run_task` does before it runs."""
        self.session = session
        self.task = session.task
        self.prepared: dict[Role, Prepared] = {role: session.prepare(role) for role in ("input", "output")}
        session.fence({one.spec.kind for one in self.prepared.values()})
        self.streams: Sequence[Stream] | None = None
        self.claim: Claim | None = None
        last = session.services.state.last_run(self.task.name)
        self._last_contents = last.contents if last else {}

    def discover(self, *, needed: bool) -> None:
        """Learn what the input reads. Where it is not `needed`, a failure is a warning."""
        source = self.prepared["input"]
        self.session.observer.phase("discovering", f"what input `{source.name}` reads")
        try:
            self.streams = self.session.streams(source)
        except DstreamError as error:
            if needed:
                raise
            redact = self.session.services.redact
            self.session.observer.warning(f"the output is not told what the input reads: {redact(error.message)}")

    @property
    def resumable(self) -> Checkpoint | None:
        """What a run of the input would resume from."""
        stored = self.session.services.state.checkpoint(self.task.name)
        mine = identity_of(self.task, self.prepared["input"], self.streams)
        return stored if stored is not None and mine.resumes(stored.identity) else None

    def part(self, role: Role, reply: Reply | None = None) -> ProviderPart:
        """A provider's part, with what it answered; `reply` is None for one without infrastructure."""
        prepared = self.prepared[role]
        return ProviderPart(
            role=role,
            provider=prepared.name,
            spec=prepared.spec,
            content=prepared.content,
            last_content=self._last_contents.get(role),
            owns=reply is not None,
            resources=reply.resources if reply else (),
            message=reply.message if reply else "",
            run=reply.run if reply else (),
            writable=tuple(prepared.description.writable) if prepared.description else (),
        )

    def owns(self, role: Role, verb: Verb) -> bool:
        """Whether the provider has infrastructure: it announces the verb, or is a legacy output, which may."""
        prepared = self.prepared[role]
        return prepared.answers(verb) if prepared.announced else role == "output"

    def command(self, role: Role, verb: Verb, *, destroy: bool = False, allow_data_loss: bool = False) -> Answer:
        """Put a verb to one provider. Raises as `orchestrator.pipeline.lifecycle.command.command` does."""
        session, services = self.session, self.session.services
        source, prepared = self.prepared["input"], self.prepared[role]
        session.observer.phase(_PHASE[verb], f"{role} `{prepared.name}`")
        prepared, folder = prepared.keeping(services.folders.of(self.task.name, role))
        options = CommandOptions(services.state.owner(self.task.name), folder, destroy, allow_data_loss)
        fields: dict[str, Any] = {"task": self.task.name, "run_id": session.run_id, "options": options}
        if role == "output":
            options.position_keys = source.position_keys
            if self.streams is not None:
                fields["streams"] = self.streams
        elif verb == "plan" and self.resumable is not None:
            fields["state"] = msgspec.Raw(self.resumable.state)
        return command(
            prepared,
            session.runtime(prepared.spec.kind),
            verb,
            fields=fields,
            patience=Patience(
                ready=session.ready_timeout(prepared),
                answer=self._answer_s(prepared),
                grace=session.options.grace,
            ),
            control=session.control,
            on_cut=lambda: session.observer.phase("stopping", f"{role} `{prepared.name}`; a signal kills it"),
            log=session.outbox.log,
            redact=services.redact,
            ca_bundle=services.ca_bundle,
        )

    def check_claim(self) -> None:
        """Raise `UnavailableError` (`state.fenced`) once another host may have the task."""
        if self.claim is not None:
            self.session.services.state.check(self.claim)

    def answered(self, role: Role, verb: Verb, answer: Answer) -> Reply:
        """The reply of a command that worked.

        Raises `RunError` for one that did not (`infrastructure.failed`), or that was asked to stop before it was done
        (`infrastructure.timeout`, `infrastructure.interrupted`).
        """
        reply, prepared = answer.reply, self.prepared[role]
        if reply is not None and reply.succeeded:
            if answer.cut is None and not (answer.ended and answer.ended.clean):
                how = "had to be killed" if answer.ended is None else str(answer.ended)
                self.session.observer.warning(f"{role} `{prepared.name}` answered `{verb}`, and then {how}")
            return reply
        who = f"{role} `{prepared.name}`"
        said = f": {reply.error}" if reply is not None else ", and said nothing when it was asked to stop"
        hint = reply.hint or None if reply is not None else None
        if answer.cut == "timeout":
            message = f"{who} was not done with `{verb}` within {self._answer_s(prepared):g} s{said}"
            more = "give it more time with `--timeout`"
            raise RunError("infrastructure.timeout", message, hint=more, where=prepared.where)
        if answer.cut == "signal":
            message = f"{who} was interrupted before it was done with `{verb}`{said}"
            raise RunError("infrastructure.interrupted", message, hint=hint, where=prepared.where)
        raise RunError("infrastructure.failed", f"{who} failed to `{verb}`{said}", hint=hint, where=prepared.where)

    def _answer_s(self, prepared: Prepared) -> float:
        return self.session.options.timeout or (ANSWER_S if prepared.announced else LEGACY_ANSWER_S)


@contextmanager
def working(
    task: Task, services: Services, options: RunOptions, observer: Observer, control: RunControl, *, alters: bool
) -> Iterator[Work]:
    """The work of one verb. One that `alters` anything has the task to itself: nobody runs it, here or elsewhere.

    Raises `RunError` (`infrastructure.busy`, `task.running`), and as `Work` does.
    """
    with Session(task, services, options, observer, control, name=infrastructure_of(task.name)) as session:
        if not alters:
            yield Work(session)
            return
        session.keep_from_running()
        work = Work(session)
        work.claim = services.state.claim(task.name, session.run_id)
        try:
            yield work
        finally:
            services.state.finish(work.claim, "ended", {}, delivery="best-effort")


def refuse_loss(losses: Sequence[str], verb: Verb, task: Task) -> None:
    """Raises `RunError` (`infrastructure.data_loss`) where data would be lost."""
    if losses:
        listed = "; ".join(losses[:3]) + (f"; and {len(losses) - 3} more" if len(losses) > 3 else "")
        raise RunError(
            "infrastructure.data_loss",
            f"`{verb}` would lose data: {listed}",
            hint=f"see to it first, or accept the loss with `dstream {verb} {task.name} --allow-data-loss`",
        )
