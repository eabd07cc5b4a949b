"""Questions about a task that move no data: `check` and `discover`."""

from __future__ import annotations

from dataclasses import dataclass

from dstream_sdk.protocol import CheckReply, DiscoverReply
from orchestrator.config.model import Task
from orchestrator.errors import ConfigError
from orchestrator.pipeline.observe import Observer, RunControl
from orchestrator.pipeline.provider import Prepared
from orchestrator.pipeline.schema_check import check_config
from orchestrator.pipeline.services import RunOptions, Services, Session
from orchestrator.runtime.base import Role


@dataclass(frozen=True, slots=True)
class Checked:
    """What one provider found. `reply` is None where the provider announces no `check`."""

    role: Role
    provider: str
    reply: CheckReply | None


def check_task(
    task: Task, services: Services, options: RunOptions, observer: Observer, control: RunControl
) -> list[Checked]:
    """Have each provider of the task look at what it needs. Raises as `run_task` does before it runs, and
    `ConfigError` for a config that a provider's own schema refuses.
    """
    checked = []
    with Session(task, services, options, observer, control) as session:
        prepared = [session.prepare("input"), session.prepare("output")]
        _refuse_config(*prepared)
        session.fence({one.spec.kind for one in prepared})
        for one in prepared:
            reply = session.ask(one, "check", CheckReply) if one.answers("check") else None
            checked.append(Checked(one.spec.role, one.name, reply))
    return checked


def discover_task(
    task: Task, services: Services, options: RunOptions, observer: Observer, control: RunControl
) -> DiscoverReply:
    """What the task's input can read. Raises `ConfigError` (`provider.command`) where it cannot tell."""
    with Session(task, services, options, observer, control) as session:
        source = session.prepare("input")
        if not source.answers("discover"):
            raise ConfigError(
                "provider.command",
                f"input `{source.name}` does not announce `discover`",
                where=source.where,
            )
        session.fence({source.spec.kind})
        return session.ask(source, "discover", DiscoverReply)


def _refuse_config(*prepared: Prepared) -> None:
    """Raises the first of the errors that `dstream validate` would list for these."""
    errors = [
        error for one in prepared if one.description is not None for error in check_config(one.spec, one.description)
    ]
    if errors:
        more = f"`dstream validate` shows this and {len(errors) - 1} more" if len(errors) > 1 else ""
        errors[0].hint = "; ".join(filter(None, (errors[0].hint, more))) or None
        raise errors[0]
