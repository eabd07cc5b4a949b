"""A task's output given stored lines: one attempt of a run, with a `Feeder` in the input's place.

Replays and the `dead_letter` provider work with it. Whatever is fed, the task's state stays where it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from dstream_sdk.protocol import CommandOptions, Stream
from orchestrator.errors import ConfigError, DstreamError
from orchestrator.pipeline.attempt import Attempt, Terms
from orchestrator.pipeline.feeder import Feed, Feeder, fed
from orchestrator.pipeline.observe import Delivery, Hears, Phase, RunControl, RunFailed, RunSummary
from orchestrator.pipeline.provider import Prepared
from orchestrator.pipeline.requests import Requests
from orchestrator.pipeline.services import Session
from orchestrator.pipeline.totals import Totals
from orchestrator.pipeline.vitals import Vitals
from orchestrator.relay.counters import Settled
from orchestrator.state.store import Claim, Outcome


@dataclass(frozen=True, slots=True)
class Fodder:
    """What is fed, what it is called in errors, and what the output is told of it as of an input."""

    feed: Feed
    what: str
    position_keys: Sequence[str] = ()
    streams: Sequence[Stream] | None = None


class Feeding:
    """One feed to one output, under a claim of the task. `run` is called once.

    `settled` is told what the output has acknowledged, and what it rejects: nothing by one that does neither.
    """

    def __init__(
        self,
        session: Session,
        claim: Claim,
        output: Prepared,
        fodder: Fodder,
        settled: Callable[[Settled], None],
        *,
        control: RunControl,
        outbox: Hears,
        on_phase: Callable[[Phase], None] = lambda _: None,
    ) -> None:
        services, task, options = session.services, session.task, session.options
        self.source = source = fed(fodder.what, task.where)
        delivery: Delivery = "at-least-once" if output.may("ack") else "best-effort"
        told: dict[str, Any] = {"task": task.name, "run_id": session.run_id, "delivery": delivery}
        project = services.state.owner(task.name)
        told["options"] = CommandOptions(project=project, position_keys=list(fodder.position_keys))
        if fodder.streams is not None:
            told["streams"] = fodder.streams
        self._feeder = Feeder(fodder.feed)
        self._settled = settled
        self.attempt = Attempt(
            source=source,
            output=output,
            runtime_of=lambda one: self._feeder if one is source else session.runtime(one.spec.kind),
            terms=Terms(
                fields={"input": {}, "output": told},
                max_in_flight=task.delivery.max_in_flight,
                ack_timeout=task.delivery.ack_timeout or services.ack_timeout,
                ready_timeout={"input": services.ready_timeout, "output": session.ready_timeout(output)},
                grace=options.grace,
                timeout=options.timeout,
                max_records=options.max_records,
                ca_bundle=services.ca_bundle,
                pace=services.state.pace_s,
            ),
            allowed=lambda: services.state.check(claim),
            commit=self._commit,
            outbox=outbox,
            control=control,
            on_phase=on_phase,
        )

    def run(self) -> None:
        """Feed to the end, or until asked to stop. Raises as `Attempt.run` does, and what the feed raised."""
        try:
            self.attempt.run()
        except DstreamError as error:
            if self._feeder.failure is not None:
                raise self._feeder.failure from error
            raise

    def _commit(self, settled: Settled) -> None:
        if self.attempt.ledger.confirming:
            self._settled(settled)


def unacknowledging(output: Prepared) -> ConfigError:
    """The error where what was stored may only go once somebody has it."""
    return ConfigError(
        "output.unacknowledging",
        f"output `{output.name}` acknowledges nothing, so nobody would know what it has taken",
        hint="only an output of protocol 1 that declares `ack` can be fed what is stored",
        where=output.where,
    )


def replay(
    session: Session, claim: Claim, output: Prepared, fodder: Fodder, settled: Callable[[Settled], None]
) -> RunSummary:
    """Feed the task's output from a verb of its own. Blocks; raises `RunFailed`, and `Forced` on a second signal.

    Meanwhile other shells see and stop it as they do a run.
    """
    began = time.monotonic()
    services, observer, totals = session.services, session.observer, Totals()
    vitals = Vitals(session.task.name, session.run_id, totals=totals, redact=services.redact, reset_after=0.0)

    def entered(phase: Phase) -> None:
        vitals.entered(phase)
        totals.counting(attempt.ledger)
        observer.phase(phase)

    feeding = Feeding(
        session, claim, output, fodder, settled, control=session.control, outbox=session.outbox, on_phase=entered
    )
    attempt = feeding.attempt
    requests = Requests(session.run_id, vitals, session.control, session.options)
    requests.attempt = attempt
    vitals.prepared(feeding.source, output)
    vitals.began(attempt)
    outcome: Outcome = "failed"
    failure: DstreamError | None = None
    with closing(vitals), session.reachable(requests.answers):
        try:
            feeding.run()
            outcome = "drained" if session.control.drain_requested else "ended"
        except DstreamError as error:
            failure = error
        finally:
            said = None if failure is None else services.redact(str(failure))
            vitals.finished(outcome, said)
            counts = attempt.ledger.counts()
            services.state.finish(claim, outcome, asdict(counts), delivery=attempt.delivery, error=said)
    summary = RunSummary(
        task=session.task.name,
        run_id=session.run_id,
        delivery=attempt.delivery,
        outcome="drained" if outcome == "drained" else "ended" if failure is None else "failed",
        counts=counts,
        duration_s=time.monotonic() - began,
        resumed_from=None,
    )
    if failure is not None:
        raise RunFailed(failure, summary) from failure
    return summary
