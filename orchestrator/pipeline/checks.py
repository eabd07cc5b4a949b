"""Questions about a task that move no data: `check` and `discover`."""

from __future__ import annotations

from dataclasses import dataclass

from dstream_sdk.protocol import CheckReply, DiscoverReply
from orchestrator.config.model import Task
from orchestrator.errors import ConfigError
from orchestrator.pipeline.observe import Observer, RunControl
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
    """Have each provider of the task look at what it needs. Raises as `run_task` does before it runs."""
    checked = []
    with Session(task, services, options, observer, control) as session:
        prepared = [session.prepare("input"), session.prepare("output")]
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
