"""Everything that can be found wrong in a project before one of its tasks runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from dstream_sdk.protocol import Description
from orchestrator.config.model import Project, ProviderSpec, Task
from orchestrator.errors import ConfigError, DstreamError
from orchestrator.pipeline.description import from_bytes, from_program
from orchestrator.pipeline.descriptions import Announced
from orchestrator.pipeline.schema_check import check_config
from orchestrator.pipeline.secrecy import secret_values
from orchestrator.runtime.executable import check_executable

_NO_FILE = "it has no `provider.json` beside it that announces it"
_NOTHING = "it announces nothing"
_NO_SCHEMA = "it announces no schema for it"
_TOO_LARGE = "its schema is too large to be announced"
_NOT_HERE = "it is not known on this host"


class Finder(Protocol):
    """Who finds descriptions; `orchestrator.pipeline.descriptions.Descriptions` is the one there is."""

    def find(self, specs: Sequence[ProviderSpec]) -> list[Announced]: ...


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A provider whose config could not be checked, and why."""

    reference: str
    why: str


@dataclass(frozen=True, slots=True)
class Validation:
    """All that was found, the errors in the order of the file."""

    errors: tuple[DstreamError, ...]
    unchecked: tuple[Unchecked, ...]


def validate(project: Project, finder: Finder, hide: Callable[[Sequence[str]], None]) -> Validation:
    """Decode every task and what else is shared, find the providers' descriptions, check each config by its schema.

    `hide` is told every secret value before anything that might show one is returned. Blocks while `finder` does.
    """
    tasks, errors = _tasks(project)
    errors += _unreadable_signers(project)
    specs = [spec for task in tasks for spec in _providers(task)]
    for spec in specs:
        hide(sorted(spec.secrets))
    remote = [spec for spec in specs if spec.kind != "path"]
    announced = {id(spec): found for spec, found in zip(remote, finder.find(remote), strict=True)} if remote else {}
    unchecked = []
    for spec in specs:
        found = announced.get(id(spec), Announced())
        if found.failure is not None:
            if found.failure.code == "content.absent":
                unchecked.append(Unchecked(spec.reference, _NOT_HERE))
            else:
                errors.append(found.failure)
            continue
        try:
            _check_program(spec)
            description = _description(spec, found)
            hide(secret_values(description, spec.config))
            why = _why_not(spec, description)
            if description is None or why:
                unchecked.append(Unchecked(spec.reference, why))
            else:
                errors += check_config(spec, description)
        except ConfigError as error:
            errors.append(error)
    ordered = sorted(dict.fromkeys(errors), key=lambda error: (error.where.line or 0, error.where.column or 0))
    return Validation(tuple(ordered), tuple(dict.fromkeys(unchecked)))


def _tasks(project: Project) -> tuple[list[Task], list[DstreamError]]:
    tasks: list[Task] = []
    errors: list[DstreamError] = []
    for name in project.tasks:
        try:
            tasks.append(project.tasks[name])
        except ConfigError as error:
            errors += error.each()
    try:
        project.state()
    except ConfigError as error:
        errors += error.each()
    return tasks, errors


def _unreadable_signers(project: Project) -> Iterator[DstreamError]:
    """What is wrong with the files that the `trust` block names."""
    for namespace in project.trust.namespaces if project.trust else ():
        try:
            if namespace.key is not None:
                from orchestrator.registry.trust.keys import PublicKey  # noqa: PLC0415  # 50 ms, for those who trust

                PublicKey.read(namespace.key, namespace.where)
            if namespace.trust_root is not None:
                from orchestrator.registry.trust.identities import read_root  # noqa: PLC0415  # half a second

                read_root(namespace.trust_root, namespace.where)
        except ConfigError as error:
            yield error


def _providers(task: Task) -> Iterator[ProviderSpec]:
    yield task.input
    yield task.output
    if task.dead_letter is not None and task.dead_letter.provider is not None:
        yield task.dead_letter.provider


def _check_program(spec: ProviderSpec) -> None:
    """Raises `ConfigError` for a local executable that is none."""
    if spec.kind != "path":
        return
    try:
        check_executable(spec.reference)
    except ConfigError as error:
        error.where = spec.where.filled_from(error.where)
        raise


def _description(spec: ProviderSpec, found: Announced) -> Description | None:
    if spec.kind == "path":
        return from_program(spec.reference, spec)
    return from_bytes(found.text, spec)


def _why_not(spec: ProviderSpec, description: Description | None) -> str:
    """Why the config of `spec` cannot be checked; empty where it can."""
    if description is None:
        return _NO_FILE if spec.kind == "path" else _NOTHING
    if description.config_schema is None:
        return _TOO_LARGE if description.describe else _NO_SCHEMA
    return ""
