"""What a task takes from the environment, told without evaluating anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

from orchestrator.config.syntax import Attribute, Block, Body, Call, Literal, Member, Name
from orchestrator.config.variables import ENV_PREFIX


@dataclass(frozen=True, slots=True)
class Needs:
    """Names of environment variables, sorted. `optional` ones have a default wherever they are read.

    `secrets` are read by `env()`; `variables` give the value of a `variable` block that has no default.
    """

    secrets: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


def needs(file: Body, task: str) -> Needs:
    """What a run of `task` reads, or may read: every branch counts, and so does what only another branch names.

    A name that is computed is not found.
    """
    shared = [block for block in file.blocks if block.type in ("state", "trust")]
    own = [block for block in file.blocks if block.type == "task" and task in block.labels]
    named = _named(file)
    reached: dict[tuple[str, str], Attribute | Block] = {}
    waiting: list[Attribute | Block] = [*shared, *own]
    required: set[str] = set()
    optional: set[str] = set()
    while waiting:
        for node in _nodes(waiting.pop()):
            if isinstance(node, Call) and node.name == "env" and node.arguments:
                name = node.arguments[0]
                if isinstance(name, Literal) and isinstance(name.value, str):
                    (required if len(node.arguments) == 1 else optional).add(name.value)
            elif isinstance(node, Member) and isinstance(node.base, Name):
                for key, item in _meant(node, node.base.name, named):
                    if key not in reached:
                        reached[key] = item
                        waiting.append(item)
    bare = [name for (kind, name), item in reached.items() if kind == "var" and _required(item)]
    return Needs(
        secrets=tuple(sorted(required)),
        optional=tuple(sorted(optional - required)),
        variables=tuple(sorted(ENV_PREFIX + name for name in bare)),
    )


_Named = dict[tuple[str, str], Attribute | Block]


def _named(file: Body) -> _Named:
    """What `local.…` and `var.…` stand for."""
    found: _Named = {}
    for block in file.blocks:
        if block.type == "locals":
            found |= {("local", item.name): item for item in block.body.attributes}
        elif block.type == "variable" and block.labels:
            found["var", block.labels[0]] = block
    return found


def _meant(node: Member, kind: str, named: _Named) -> Iterator[tuple[tuple[str, str], Attribute | Block]]:
    """The one that is named, or all of the kind where the name is computed."""
    name = node.name.value if isinstance(node.name, Literal) else None
    return ((key, item) for key, item in named.items() if key[0] == kind and name in (None, key[1]))


def _required(item: Attribute | Block) -> bool:
    return isinstance(item, Block) and all(attribute.name != "default" for attribute in item.body.attributes)


def _nodes(node: object) -> Iterator[object]:
    """`node` and everything under it."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, tuple):
            waiting.extend(one)
        elif is_dataclass(one) and not isinstance(one, type):
            yield one
            waiting.extend(getattr(one, field.name) for field in fields(one) if field.name != "at")
