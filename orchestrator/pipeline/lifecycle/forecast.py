"""What a run would do, told from what is stored and from what its providers announce."""

from __future__ import annotations

from collections.abc import Sequence

from dstream_sdk.protocol import Stream
from orchestrator.config.model import Task
from orchestrator.errors import ConfigError
from orchestrator.pipeline.lifecycle.plan import RunForecast
from orchestrator.pipeline.observe import Delivery
from orchestrator.pipeline.provider import Prepared
from orchestrator.pipeline.resuming import identity_of, refuse_foreign
from orchestrator.state.store import Checkpoint


def forecast(
    task: Task, source: Prepared, output: Prepared, streams: Sequence[Stream] | None, stored: Checkpoint | None
) -> RunForecast:
    """`streams` as the input discovers them now, `stored` the task's newest checkpoint."""
    delivery, why = _delivery(source, output)
    if stored is None:
        return RunForecast(delivery, why)
    mine = identity_of(task, source, streams)
    try:
        refuse_foreign(stored, mine, task)
    except ConfigError as refusal:
        return RunForecast(delivery, why, saved_at=stored.saved_at, refused=refusal.message)
    now, then = mine.streams, stored.identity.streams
    known = now is not None and then is not None
    return RunForecast(
        delivery,
        why,
        resumes=stored.id,
        saved_at=stored.saved_at,
        added=tuple(name for name in now or () if known and name not in (then or ())),
        dropped=tuple(name for name in then or () if known and name not in (now or ())),
    )


def _delivery(source: Prepared, output: Prepared) -> tuple[Delivery, str]:
    if not output.may("ack"):
        return "best-effort", "the output acknowledges nothing"
    if not source.may("checkpoint"):
        return "best-effort", "the input writes no checkpoints"
    return "at-least-once", ""
