"""`task` blocks as `Task`s."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar, cast, get_args

from orchestrator.config.expressions import Scope
from orchestrator.config.fields import Fields
from orchestrator.config.gathering import Gathering
from orchestrator.config.model import DeadLetter, Delivery, Restart, RestartPolicy, Role, Task, Use
from orchestrator.config.provider import ATTRIBUTES as PROVIDER_ATTRIBUTES
from orchestrator.config.provider import BLOCKS as PROVIDER_BLOCKS
from orchestrator.config.provider import provider_fields, provider_of, read_provider, use_of
from orchestrator.config.removed import IN_TASK, task_type, two_labels
from orchestrator.config.syntax import Block

_BLOCKS = ("input", "output", "restart", "delivery", "dead_letter")
_NAME_LIMIT = 200

T = TypeVar("T")


class Tasks(Mapping[str, Task]):
    """The tasks of a file, each decoded when it is first taken. Names are checked at once."""

    def __init__(self, blocks: list[Block], scope: Scope) -> None:
        self._blocks: dict[str, Block] = {}
        self._decoded: dict[str, Task] = {}
        self._scope = scope
        for block in blocks:
            name = _name(block)
            if name in self._blocks:
                line = self._blocks[name].at.where.line
                message = f"a second task is called `{name}`, the first is on line {line}"
                raise block.at.error("config.duplicate_task", message, "give each task a name of its own")
            self._blocks[name] = block

    def __getitem__(self, name: str) -> Task:
        if name not in self._decoded:
            self._decoded[name] = _read_task(name, self._blocks[name], self._scope)
        return self._decoded[name]

    def uses(self) -> Iterator[Use]:
        """Every provider that a task names, as `Project.uses` has it."""
        for name, block in self._blocks.items():
            fields = _fields(name, block, self._scope)
            for role in get_args(Role):
                body = _role(fields, block, role).body
                yield use_of(provider_fields(body, role, self._scope), name, role)
            inner = _dead_letter_fields(fields, self._scope)
            if inner is not None and _names_provider(inner):
                yield use_of(inner, name, "output")

    def dead_letter_path(self, name: str) -> Path | None:
        """As `Project.dead_letter_path` has it."""
        inner = _dead_letter_fields(_fields(name, self._blocks[name], self._scope), self._scope)
        return None if inner is None else _path(inner, self._scope)

    def __contains__(self, name: object) -> bool:
        return name in self._blocks

    def __iter__(self) -> Iterator[str]:
        return iter(self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)


def _name(block: Block) -> str:
    if len(block.labels) > 1:
        raise two_labels(block.at, block.labels)
    if not block.labels or not block.labels[0].strip():
        raise block.at.error("config.syntax", "the task has no name", 'write `task "name" { … }`')
    name = block.labels[0]
    if len(name) > _NAME_LIMIT or not name.isprintable() or "/" in name or name.startswith((".", "-")):
        hint = "letters, digits, `-`, `_` and `.` are best"
        raise block.at.error("config.task_name", "this cannot be the name of a task", hint)
    return name


def _read_task(name: str, block: Block, scope: Scope) -> Task:
    fields = _fields(name, block, scope)
    wrong = Gathering()
    with wrong.part():
        _check_type(fields)
    with wrong.part():
        source = read_provider(_role(fields, block, "input").body, "input", scope)
    with wrong.part():
        sink = read_provider(_role(fields, block, "output").body, "output", scope)
    with wrong.part():
        delivery = _delivery(fields, scope)
    with wrong.part():
        restart = _restart(fields, scope)
    with wrong.part():
        dead_letter = _dead_letter(fields, scope)
    wrong.finish()
    return Task(name, source, sink, block.at.where, delivery, restart, dead_letter)


def _check_type(fields: Fields) -> None:
    if "type" not in fields.attributes:
        return
    kind = fields.text("type")
    if kind in ("plugin", None):
        raise task_type(fields.attributes["type"].at)
    if kind != "providers":
        raise fields.place("type").error("config.type", "a task's type is `providers`", 'write `type = "providers"`')


def _fields(name: str, block: Block, scope: Scope) -> Fields:
    return Fields(block.body, f'`task "{name}"`', scope, attributes=("type",), blocks=_BLOCKS, gone=IN_TASK)


def _role(fields: Fields, block: Block, role: Role) -> Block:
    found = fields.block(role)
    if found is None:
        message = f"{fields.what} has no `{role}` block"
        hint = f'add `{role} {{ provider_image = "…" }}`'
        raise block.at.error(f"config.missing_{role}", message, hint)
    return found


def _delivery(fields: Fields, scope: Scope) -> Delivery:
    block = fields.block("delivery")
    if block is None:
        return Delivery()
    inner = Fields(block.body, "`delivery`", scope, attributes=("max_in_flight", "ack_timeout"))
    return Delivery(
        max_in_flight=_or(inner.whole("max_in_flight", least=1), Delivery().max_in_flight),
        ack_timeout=inner.seconds("ack_timeout"),
    )


def _restart(fields: Fields, scope: Scope) -> Restart:
    block = fields.block("restart")
    if block is None:
        return Restart()
    names = ("policy", "max_retries", "backoff", "max_backoff", "reset_after")
    inner = Fields(block.body, "`restart`", scope, attributes=names)
    default = Restart(policy="on-failure")
    backoff = _or(inner.seconds("backoff"), default.backoff)
    max_backoff = _or(inner.seconds("max_backoff"), max(default.max_backoff, backoff))
    if max_backoff < backoff:
        raise inner.place("max_backoff").error("config.type", "`max_backoff` is less than `backoff`")
    return Restart(
        policy=cast(RestartPolicy, inner.choice("policy", get_args(RestartPolicy)) or default.policy),
        max_retries=inner.whole("max_retries"),
        backoff=backoff,
        max_backoff=max_backoff,
        reset_after=_or(inner.seconds("reset_after"), default.reset_after),
    )


def _dead_letter(fields: Fields, scope: Scope) -> DeadLetter | None:
    inner = _dead_letter_fields(fields, scope)
    if inner is None:
        return None
    path = _path(inner, scope)
    return DeadLetter(
        path=None if path is None else str(path),
        provider=provider_of(inner, "output") if _names_provider(inner) else None,
        max=inner.whole("max"),
    )


def _dead_letter_fields(fields: Fields, scope: Scope) -> Fields | None:
    block = fields.block("dead_letter")
    if block is None:
        return None
    attributes = ("path", "max", *PROVIDER_ATTRIBUTES)
    return Fields(block.body, "`dead_letter`", scope, attributes=attributes, blocks=PROVIDER_BLOCKS)


def _path(dead_letter: Fields, scope: Scope) -> Path | None:
    path = dead_letter.text("path")
    return None if path is None else scope.surroundings.folder / path


def _names_provider(dead_letter: Fields) -> bool:
    return any(name in dead_letter.attributes for name in PROVIDER_ATTRIBUTES) or bool(dead_letter.blocks)


def _or(value: T | None, default: T) -> T:
    return default if value is None else value
