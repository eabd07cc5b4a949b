"""What binds a saved plan to what it was made from: whoever approved it approved nothing else."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from dstream_sdk.protocol import Resource
from orchestrator.config.model import Task, encode_json
from orchestrator.errors import ConfigError
from orchestrator.pipeline.lifecycle.plan import Plan
from orchestrator.pipeline.lifecycle.saved import SavedPlan, SavedResource

_NOT_BOUND = frozenset({"where", "config_where", "secrets"})
"""Where something stands in the file, and what of it is secret, is not what it says."""

_ByName = defaultdict[tuple[str, str, str], list[SavedResource]]


def bind(plan: Plan, task: Task, salt: str | None = None) -> SavedPlan:
    """`plan` as it is kept; equal to another with the same `salt` where nothing moved, `made_at` aside."""
    salt = salt or secrets.token_hex(16)
    streams = None if plan.streams is None else [msgspec.to_builtins(stream) for stream in plan.streams]
    return SavedPlan(
        task=plan.task,
        made_at=time.time(),
        salt=salt,
        hcl=_slow_hash(_canonical(task), salt),
        images={part.role: part.content for part in plan.parts if part.content is not None},
        streams=_hash(_canonical(streams)),
        resources=[
            SavedResource(part.role, one.type, one.name, one.action, _hash(_canonical(_bound(one))))
            for part in plan.parts
            for one in part.resources
        ],
    )


def refuse_stale(saved: SavedPlan, plan: Plan, task: Task) -> None:
    """Raises `ConfigError` (`plan.stale`), saying what moved, where `plan` of just now is not the saved one."""
    moved = list(_moved(saved, bind(plan, task, saved.salt)))
    if moved:
        raise ConfigError(
            "plan.stale",
            f"since the plan was saved, {'; '.join(moved)}",
            hint=f"look at what is planned now, and save that: `dstream plan {plan.task} --out FILE`",
        )


def _moved(then: SavedPlan, now: SavedPlan) -> Iterator[str]:
    if then.hcl != now.hcl:
        yield "the task's configuration changed"
    for role in sorted({*then.images, *now.images}):
        if then.images.get(role) != now.images.get(role):
            yield f"the image of the {role} changed"
    if then.streams != now.streams:
        yield "the input reads other streams, or other columns"
    before, after = _by_name(then.resources), _by_name(now.resources)
    changed = [name for name in dict.fromkeys([*before, *after]) if before[name] != after[name]]
    if changed:
        yield f"other changes are due: {', '.join(_words(name, before, after) for name in changed[:3])}" + (
            f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        )


def _by_name(resources: Sequence[SavedResource]) -> _ByName:
    """All that is to happen to each: a provider may list one more than once."""
    found: _ByName = defaultdict(list)
    for one in resources:
        found[one.role, one.type, one.name].append(one)
    return found


def _words(key: tuple[str, str, str], before: _ByName, after: _ByName) -> str:
    then, now = (" and ".join(one.action or "unknown" for one in side[key]) or "absent" for side in (before, after))
    return f"`{key[2]}` ({then} then, {now} now)" if then != now else f"`{key[2]}` ({now}, with other values)"


def _bound(resource: Resource) -> dict[str, Any]:
    """What of a resource is approved with it. Sentences, such as how many messages a queue holds, are not."""
    detail = resource.detail
    return {
        "changes": detail.get("changes"),
        "attributes": detail.get("attributes"),
        "scripts": [detail.get("sql"), detail.get("script")],
        "loses": bool(detail.get("data_loss")),
    }


def _canonical(value: Any) -> bytes:
    """A task, or plain data, as JSON: the same however its file is laid out."""
    return encode_json(_plain(value))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value) if one.name not in _NOT_BOUND}
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return repr(value) if isinstance(value, float) else value


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _slow_hash(content: bytes, salt: str) -> str:
    return hashlib.scrypt(content, salt=salt.encode(), dklen=32, n=2**14, r=8, p=1).hex()
