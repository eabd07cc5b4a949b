"""`dstream run`: a task's two providers, prepared once and joined in one attempt after another."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any, Literal

import msgspec

from dstream_sdk.protocol import CommandOptions
from orchestrator.config.model import Restart, Task
from orchestrator.errors import DstreamError, UnavailableError
from orchestrator.pipeline.attempt import Attempt, Terms
from orchestrator.pipeline.observe import Delivery, Observer, Phase, Progress, RunControl, RunFailed, RunSummary
from orchestrator.pipeline.recordings import Recordings
from orchestrator.pipeline.rejects import Rejects
from orchestrator.pipeline.requests import Requests
from orchestrator.pipeline.resuming import identity_of, refuse_foreign
from orchestrator.pipeline.services import RunOptions, Services, Session
from orchestrator.pipeline.standby import claim_in_turn
from orchestrator.pipeline.supervise import supervise
from orchestrator.pipeline.totals import Totals
from orchestrator.pipeline.vitals import Vitals
from orchestrator.pipeline.watch import Forced
from orchestrator.relay.channel import Halted
from orchestrator.relay.counters import Settled
from orchestrator.state.store import Checkpoint, Claim, Outcome

OUTBOX_CLOSE_S = 5.0


def run_task(
    task: Task, services: Services, options: RunOptions, observer: Observer, control: RunControl
) -> RunSummary:
    """Run a task to its end, or until `control` asks. Blocks; call it from the main thread.

    Raises `DstreamError` before anything was started, `RunFailed` afterwards, `Halted` when asked to stop
    while it prepares, and `Forced` on a second signal. Whatever happens, nothing that the run started is
    left behind, or the error says what is.
    """
    with Session(task, services, options, observer, control) as session, ExitStack() as opened:
        ended = opened.enter_context(session.logged())
        run = _Run(session)
        opened.callback(run.vitals.close)
        opened.enter_context(session.reachable(run.requests.answers))
        for expose in options.expose:
            run.vitals.metrics = opened.enter_context(expose(run.vitals.live)) or run.vitals.metrics
        summary = run.run()
        ended(summary)
        return summary


class _Run:
    """One `run_task`: what is the same for all its attempts, and the sum of their figures."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._task = session.task
        self._services = session.services
        self._options = session.options
        self._observer = session.observer
        self._control = session.control
        self._outbox = session.outbox
        self._recordings = Recordings(self._options.record, self._task.name, session.run_id)
        self._phase: Phase = "preparing"
        self._began = time.monotonic()
        self._totals = Totals()
        self._delivery: Delivery = "best-effort"
        self._resumed_from: int | None = None
        self._restarts = 0
        self._running_since: float | None = None
        self.vitals = Vitals(
            self._task.name,
            session.run_id,
            totals=self._totals,
            redact=self._services.redact,
            reset_after=self._task.restart.reset_after,
        )
        self.requests = Requests(session.run_id, self.vitals, session.control, session.options)

    def run(self) -> RunSummary:
        policy = self._task.restart
        once = replace(policy, policy="on-failure") if policy.policy == "always" else policy
        self._tried(self._prepare, once)
        outcome: Outcome = "failed"
        failure: DstreamError | None = None
        try:
            self._tried(self._look_at_source, once)
            self._tried(self._attempt, policy)
            outcome = "drained" if self._control.drain_requested else "ended"
        except Halted:
            outcome = "drained"
        except Forced:
            failure = UnavailableError("run.forced", "ended by a second signal")
            raise
        except DstreamError as error:
            failure = error
        finally:
            self._rejects.close(self._options.grace)
            error_text = self._services.redact(str(failure)) if failure else None
            self._finish(self._claim, outcome, error_text)
        if failure is not None:
            raise RunFailed(failure, self._summary("failed")) from failure
        return self._summary("drained" if outcome == "drained" else "ended")

    def _tried(self, step: Callable[[], None], policy: Restart) -> None:
        self._restarts += supervise(step, policy, self._control, self._restarting)

    def _prepare(self) -> None:
        source, output = self._session.prepare("input"), self._session.prepare("output")
        self._source, self._output = source, output
        self.vitals.prepared(source, output)
        self._rejects = Rejects(self._session, lambda: self._claim)
        self._kinds = [source.spec.kind, output.spec.kind, *self._rejects.kinds]
        self._session.fence(set(self._kinds))
        self._contents: dict[str, str] = {
            one.spec.role: one.content for one in (source, output) if one.content is not None
        }
        self._claim = self._claimed()

    def _look_at_source(self) -> None:
        streams = self.requests.streams = self._session.streams(self._source)
        self._identity = identity_of(self._task, self._source, streams)
        self._rejects.start(self._source, streams)

    def _claimed(self) -> Claim:
        """The right to run the task, once no other host has it."""
        state, task, run_id = self._services.state, self._task.name, self._session.run_id
        return claim_in_turn(
            lambda: state.claim(task, run_id, self._kinds, self._contents), self._control, self._standing_by
        )

    def _standing_by(self, held: str) -> None:
        self.vitals.entered("standby")
        self._observer.phase("standby", held)

    def _attempt(self) -> None:
        source, output, streams = self._source, self._output, self.requests.streams
        try:
            self._services.state.check(self._claim)
        except UnavailableError:
            self._claim = self._claimed()  # lost to another host, which may have moved the state since
        self._totals.next_attempt()
        stored = self._resume_point()
        self.vitals.dead_letters = self._services.state.dead_letters(self._task.name)
        self.vitals.stored(stored)
        self._resumed_from = stored.id if stored else None
        delivery: Delivery = "at-least-once" if source.may("checkpoint") and output.may("ack") else "best-effort"
        known: dict[str, Any] = {"task": self._task.name, "run_id": self._session.run_id, "delivery": delivery}
        project = self._services.state.owner(self._task.name)
        to_input = {**known, "options": CommandOptions(project=project)}
        to_output = {**known, "options": CommandOptions(project=project, position_keys=source.position_keys)}
        if streams is not None:
            to_output["streams"] = streams
        if stored is not None:
            to_input["state"] = msgspec.Raw(stored.state)
        recording = self._recordings.begin(source, streams)
        attempt = Attempt(
            source=source,
            output=output,
            runtime_of=lambda prepared: self._session.runtime(prepared.spec.kind),
            terms=Terms(
                fields={"input": to_input, "output": to_output},
                max_in_flight=self._task.delivery.max_in_flight,
                ack_timeout=self._task.delivery.ack_timeout or self._services.ack_timeout,
                ready_timeout={p.spec.role: self._session.ready_timeout(p) for p in (source, output)},
                grace=self._options.grace,
                timeout=self._time_left(),
                max_records=self._records_left(),
                ca_bundle=self._services.ca_bundle,
                pace=self._services.state.pace_s,
            ),
            allowed=lambda: self._services.state.check(self._claim),
            commit=self._commit,
            outbox=self._outbox,
            control=self._control,
            on_phase=lambda phase: self._enter(phase, attempt),
            recording=recording,
        )
        self.requests.attempt = attempt
        self.vitals.began(attempt)
        try:
            attempt.run()
        finally:
            if recording is not None:
                recording.close()
            self.requests.attempt = None
            self.vitals.ended()
            self._totals.counting(attempt.ledger)
            self._delivery = attempt.delivery

    def _enter(self, phase: Phase, attempt: Attempt) -> None:
        self._phase = phase
        if phase == "running":
            self._totals.counting(attempt.ledger)
            self._delivery = attempt.delivery
        self.vitals.entered(phase)
        self._observer.phase(phase, _unheard(attempt) if phase == "running" else "")
        if phase == "running":
            self._running_since = self._running_since or time.monotonic()
            if attempt.delivery == "best-effort":
                self._observer.warning(_why_best_effort(attempt))
            self._observer.running(self._progress)

    def _commit(self, settled: Settled) -> None:
        mark = settled.mark
        checkpoint = None
        if mark is not None:
            checkpoint = Checkpoint(
                self._identity, self._session.run_id, mark.id, mark.records, bytes(mark.state), time.time()
            )
        letters = self._rejects.commit(checkpoint, settled.rejects)
        self.vitals.stored(checkpoint, letters)

    def _resume_point(self) -> Checkpoint | None:
        stored = self._services.state.checkpoint(self._task.name)
        refuse_foreign(stored, self._identity, self._task)
        return stored

    def _time_left(self) -> float | None:
        """What earlier attempts left of the time that was asked for: it bounds the run, not each of them."""
        if self._options.timeout is None or self._running_since is None:
            return self._options.timeout
        return max(0.0, self._running_since + self._options.timeout - time.monotonic())

    def _records_left(self) -> int | None:
        """Likewise of the records: those that were dealt with. The others are repeated, and count then."""
        if self._options.max_records is None:
            return None
        earlier = self._totals.earlier
        done = earlier.relayed if earlier.delivered is None else earlier.delivered + earlier.rejected
        return max(1, self._options.max_records - done)

    def _restarting(self, error: DstreamError | None, pause: float, in_a_row: int) -> None:
        left = self._time_left()
        if left is not None and left <= pause:
            self._control.drain()  # the time is up before there could be another attempt
            return
        said = None if error is None else self._services.redact(str(error))
        self.vitals.backing_off(said, pause, in_a_row)
        if said is None:
            self._observer.phase("backing off", f"the input ended; another attempt in {pause:.1f} s")
        else:
            often = f" ({in_a_row} failures in a row)" if in_a_row > 1 else ""
            self._observer.warning(f"{said}; trying again in {pause:.1f} s{often}")
            self._observer.phase("backing off")

    def _progress(self) -> Progress:
        counts = self._totals.counts()
        return Progress(
            phase=self._phase,
            relayed=counts.relayed,
            acked=None if counts.delivered is None else counts.delivered + counts.rejected,
            rejected=counts.rejected,
            in_flight=self._totals.in_flight,
            bytes=counts.bytes,
            elapsed_s=time.monotonic() - self._began,
        )

    def _summary(self, outcome: Literal["ended", "drained", "failed"]) -> RunSummary:
        return RunSummary(
            task=self._task.name,
            run_id=self._session.run_id,
            delivery=self._delivery,
            outcome=outcome,
            counts=self._totals.counts(),
            duration_s=time.monotonic() - self._began,
            resumed_from=self._resumed_from,
            restarts=self._restarts,
        )

    def _finish(self, claim: Claim, outcome: Outcome, error: str | None) -> None:
        counts = self._totals.counts()
        self.vitals.finished(outcome, error)
        try:
            self._services.state.finish(claim, outcome, asdict(counts), delivery=self._delivery, error=error)
        except UnavailableError as unavailable:
            if outcome != "failed":
                raise
            # The run has an error of its own, often this very one; the record stays open and is closed later.
            self._observer.warning(str(unavailable))


def _why_best_effort(attempt: Attempt) -> str:
    who = "the output acknowledges nothing" if not attempt.ledger.confirming else "the input writes no checkpoints"
    return f"delivery is best effort, since {who}: what the pipes hold when something dies is lost or repeated"


def _unheard(attempt: Attempt) -> str:
    """Who is only taken to be ready: legacy providers need not say so. Empty where all have."""
    silent = [role for role, party in attempt.parties.items() if party.handshake is None]
    if not silent:
        return ""
    who = f"the {silent[0]} does not say" if len(silent) == 1 else "neither provider says"
    return f"{who} whether it is ready"
