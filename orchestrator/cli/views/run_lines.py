"""How a task's run is, as people read it. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orchestrator.cli.terminal import words
from orchestrator.logs import LOGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.pipeline.live import Live, LiveCheckpoint, LiveProvider
    from orchestrator.pipeline.loads import Load
    from orchestrator.pipeline.survey import TaskStatus
    from orchestrator.runtime.base import Role
    from orchestrator.state.store import PastRun

LABEL = 14
_DIGEST = len("sha256:") + 12


def run_lines(
    status: TaskStatus, now: float, *, detailed: bool = False, loads: Mapping[Role, Load] | None = None
) -> Iterator[str]:
    """The part of `status` that is about the run. `now` is Unix time."""
    yield _headline(status, now)
    live = status.live
    if status.holder is not None:
        yield _line("run", f"{status.holder.run_id} {status.holder}")
    if live is not None:
        yield from _live_lines(live, now)
    elif status.last is not None and status.holder is None:
        yield _line("last run", _past(status.last, now))
    if status.why:
        yield _line("why", _one_line(status.why))
        if status.state in {"backing off", "failed"}:
            yield _line("", f"what was said before: `dstream logs {status.task}`")
    elif live is not None and live.last_error:
        yield _line("last failure", _one_line(live.last_error))
    yield from _checkpoint_lines(status.checkpoint(LOGS.redactor.text), now)
    if status.dead_letters:
        yield _line("dead letters", f"{status.dead_letters:,}")
    if live is not None:
        for role, stats in live.stats.items():
            yield _line(f"{role} says", _stats(stats))
        if live.metrics:
            yield _line("metrics", words.metrics_url(live.metrics))
    if live is not None and detailed:
        for role, provider in live.providers.items():
            yield from _provider_lines(role, provider, (loads or {}).get(role), live.last_words.get(role, []))


def _headline(status: TaskStatus, now: float) -> str:
    if status.state == "not answering":
        return f"{status.task} is being run, and its run does not answer"
    if status.state == "killed":
        return f"{status.task} is not running on this host: it was killed"
    if not status.running:
        failed = status.state == "failed"
        return f"{status.task} is not running on this host{': its last run failed' if failed else ''}"
    since = status.since if status.since is not None else now
    line = f"{status.task} is {status.state} since {words.moment(since, now)}, for {words.duration(now - since)}"
    live = status.live
    if live is not None and live.next_attempt_at is not None:
        line += f"; the next attempt begins in {words.duration(max(0.0, live.next_attempt_at - now))}"
    return line


def _live_lines(live: Live, now: float) -> Iterator[str]:
    restarts = f"{live.restarts:,} restart{'' if live.restarts == 1 else 's'}"
    yield _line("uptime", f"{words.duration(now - live.started_at)}, {restarts}")
    counts = live.counts
    figures = [f"{counts.relayed:,} relayed", f"{words.count(counts.delivered)} delivered"]
    if counts.rejected:
        figures.append(f"{counts.rejected:,} rejected")
    figures += [f"{words.count(live.in_flight)} in flight", words.size(counts.bytes), live.delivery]
    yield _line("records", ", ".join(figures))
    rates = live.rates
    minute = f"{words.rate(rates.records_60)} and {words.size(rates.bytes_60)}/s over 1 minute"
    minutes = f"{words.rate(rates.records_300)} and {words.size(rates.bytes_300)}/s over 5 minutes"
    yield _line("rates", f"{minute}, {minutes}")


def _checkpoint_lines(checkpoint: LiveCheckpoint | None, now: float) -> Iterator[str]:
    if checkpoint is None:
        yield _line("checkpoint", "none is stored: a run begins anew")
        return
    age = words.duration(max(0.0, now - checkpoint.saved_at))
    which = f"{checkpoint.id} of run {checkpoint.run_id}"
    yield _line("checkpoint", f"{which}, after {words.records(checkpoint.records)}, stored {age} ago")
    yield _line("", checkpoint.state)


def _provider_lines(role: str, provider: LiveProvider, load: Load | None, last_words: list[str]) -> Iterator[str]:
    digest = f" at {provider.digest[:_DIGEST]}" if provider.digest else ""
    yield f"    {role} {provider.program}{digest}"
    identity = provider.identity
    if identity is None:
        yield "        is not started"
    else:
        yield f"        {identity if identity.startswith('pid ') else f'container {identity[:12]}'}{_load(load)}"
    if last_words:
        yield "        its last words:"
        yield from (f"        | {line}" for line in last_words)


def _load(load: Load | None) -> str:
    if load is None:
        return ""
    limit = f" of {words.size(load.memory_limit)}" if load.memory_limit is not None else ""
    return f", CPU {load.cpu:.0%}, memory {words.size(load.memory)}{limit}"


def _past(last: PastRun, now: float) -> str:
    if last.ended_at is None:
        return f"began {words.age(now - last.started_at)} ago, and was killed"
    ended, took = words.age(now - last.ended_at), words.duration(last.ended_at - last.started_at)
    relayed = words.records(last.figures.get("relayed"))
    return f"{last.outcome} {ended} ago after {took}: {relayed} relayed, {last.delivery or 'delivery unknown'}"


def _stats(stats: Mapping[str, Any]) -> str:
    texts = ((key, value if isinstance(value, str) else json.dumps(value)) for key, value in stats.items())
    return ", ".join(f"{key} {text}" for key, text in texts).replace("\n", "\\n")


def _one_line(text: str) -> str:
    return LOGS.redactor.text(text).replace("\n", "\\n")


def _line(label: str, text: str) -> str:
    return f"    {label:<{LABEL}}{text}".rstrip()
