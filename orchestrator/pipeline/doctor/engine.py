"""Is there an engine, may we use it, and can it do what containers are promised?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestrator.errors import DstreamError
from orchestrator.pipeline.doctor.finding import Finding, of_error
from orchestrator.runtime.facts import EngineFacts


def look_at_engine(ask: Callable[[], EngineFacts], *, needed: bool) -> Iterator[Finding]:
    """`needed` says whether any provider is an image."""
    try:
        facts = ask()
    except DstreamError as error:
        found = of_error(error)
        yield found if needed else Finding("ok", f"no task here needs an engine: {found.what}", found.where)
        return
    yield Finding(
        "ok",
        f"Docker Engine {facts.version} (API {facts.api}) on {facts.platform}, storage driver {facts.storage}",
        facts.address,
    )
    for limit in facts.cannot_limit:
        remedy = "enable the cgroup controller on the engine's host; containers run without this limit until then"
        yield Finding("warning", f"the engine cannot limit a container's {limit}", facts.address, remedy)
