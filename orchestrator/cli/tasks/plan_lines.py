"""A plan, and what came of it, as people read it. Pure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from orchestrator.cli.terminal.events import json_text
from orchestrator.cli.terminal.words import age, printable
from orchestrator.pipeline.lifecycle.resources import counts, drifted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dstream_sdk.protocol import Resource
    from orchestrator.pipeline.lifecycle.plan import Plan, ProviderPart, RunForecast

_SIGN = {"create": "+", "update": "~", "replace": "-/+", "delete": "-", "same": "="}
_DONE = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
_DIGEST = len("sha256:") + 12


def plan_lines(plan: Plan) -> Iterator[str]:
    """Every provider with what changes, what a run would do, and the counts at the end."""
    for part in plan.parts:
        yield from part_lines(part)
        yield from (f"    | {line}" for line in part.message.splitlines())
        yield ""
    if plan.run is not None:
        yield from run_lines(plan.run)
        yield from (f"    {_line(sentence)}" for part in plan.parts for sentence in part.run)
        yield ""
    for loss in plan.losses:
        yield f"data loss: {_line(loss)}"
    if not any(part.owns for part in plan.parts):
        yield f"{plan.task} has no infrastructure: neither of its providers owns any"
    elif plan.unclear and not plan.changes:
        yield "nothing that is known of would change; what becomes of `?` was not said"
    elif not plan.changes:
        yield "no changes: the infrastructure is as it should be" if not plan.destroy else "nothing to destroy"
    else:
        yield f"plan: {', '.join(f'{number} to {action}' for action, number in plan.counts.items())}"


def done_lines(task: str, parts: Sequence[ProviderPart], *, failed: bool = False) -> Iterator[str]:
    """`orders: 3 created, 1 updated`; nothing where it `failed` before it had done anything that is known of."""
    total = counts(resource for part in parts for resource in part.resources)
    told = [f"{number} {_DONE[action]}" for action, number in total.items() if number]
    if told or not failed:
        yield f"{task}: {', '.join(told) or 'nothing had to change'}"


def part_lines(part: ProviderPart, *, every: bool = False, detailed: bool = False) -> Iterator[str]:
    """One provider with its resources: those that change, or `every` one."""
    yield f"{part.role} {part.provider}{_image(part)}"
    yield from (f"    {need}" for need in _needs(part))
    if not part.owns:
        yield "    no infrastructure"
        return
    for resource in part.resources:
        if every or resource.action != "same" or drifted(resource):
            yield from resource_lines(resource, detailed=detailed or not every)
    unchanged = sum(resource.action == "same" for resource in part.resources)
    if unchanged and not every:
        yield f"    {unchanged} unchanged"
    if every and not part.resources:
        yield "    nothing is there"


def resource_lines(resource: Resource, *, detailed: bool) -> Iterator[str]:
    """`~ servicebus.Queue orders`, then its attributes one by one."""
    said = f" ({resource.detail['said']})" if resource.detail.get("said") else ""
    named = " ".join(word for word in (resource.type, resource.name) if word)
    yield f"    {_SIGN.get(resource.action, '?'):<3} {_line(named)}{_line(said)}"
    changes = resource.detail.get("changes")
    for name, (there, wanted) in _pairs(changes):
        yield f"          {_line(name)}: {json_text(there)} -> {json_text(wanted)}"
    for name, (made, found) in _pairs(drifted(resource)):
        if (name, made, found) == ("exists", True, False):
            yield "          drifted: it was made, and is gone"
        else:
            yield f"          {_line(name)}: drifted, made as {json_text(made)} and found as {json_text(found)}"
    attributes = resource.detail.get("attributes")
    if detailed and not changes and isinstance(attributes, dict):
        yield from (f"          {_line(name)}: {json_text(value)}" for name, value in attributes.items())


def run_lines(run: RunForecast) -> Iterator[str]:
    """What a run would do."""
    if run.refused:
        yield f"a run would be refused: {printable(run.refused)}"
        return
    if run.resumes is None:
        begins = "begin anew"
    else:
        begins = f"resume from checkpoint {run.resumes}, stored {age(time.time() - (run.saved_at or 0.0))} ago"
    why = f", since {run.why}" if run.why else ""
    yield f"a run would {begins}, and deliver {run.delivery.replace('-', ' ')}{why}"
    if run.added:
        yield f"    for the first time: {_line(', '.join(run.added))}"
    if run.dropped:
        yield f"    no longer: {_line(', '.join(run.dropped))}"


def plan_event(plan: Plan) -> dict[str, Any]:
    """The whole plan for a program."""
    import dataclasses

    return {
        "event": "plan",
        "task": plan.task,
        "destroy": plan.destroy,
        "changes": plan.counts,
        "data_loss": plan.losses,
        "streams": None if plan.streams is None else [one.full_name for one in plan.streams],
        "providers": [part_object(part) for part in plan.parts],
        "run": None if plan.run is None else dataclasses.asdict(plan.run),
    }


def part_object(part: ProviderPart) -> dict[str, Any]:
    """One provider's part for a program."""
    import msgspec

    return {
        "role": part.role,
        "provider": part.provider,
        "reference": part.spec.reference,
        "content": part.content,
        "last_content": part.last_content,
        "owns": part.owns,
        "resources": [msgspec.to_builtins(resource) for resource in part.resources],
        "message": part.message,
        "run": list(part.run),
    }


def _image(part: ProviderPart) -> str:
    if part.content is None:
        return ""
    now = part.content[:_DIGEST]
    if part.moved:
        return f" at {now}, where the last run took {(part.last_content or '')[:_DIGEST]}"
    return f" at {now}"


def _needs(part: ProviderPart) -> Iterator[str]:
    """What a container of it has that others have not."""
    spec = part.spec
    if spec.kind != "image":
        return
    if spec.network:
        yield f"network {spec.network}"
    if spec.user:
        yield f"user {spec.user}"
    for mount in spec.mounts:
        yield f"mount {printable(mount.source)} at {printable(mount.target)}{'' if mount.read_only else ', to write'}"
    if part.writable:
        yield f"writes to {printable(', '.join(part.writable))}"


def _pairs(changes: object) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Attributes with two values; what is shaped otherwise is not shown."""
    if not isinstance(changes, dict):
        return
    for name, values in changes.items():
        if isinstance(values, list | tuple) and len(values) == 2:
            yield str(name), (values[0], values[1])


def _line(text: str) -> str:
    """`text` as one line: what a table is called must not pass for a line of the plan."""
    return printable(text.replace("\n", "\\n"))
