"""Runs of two puppets over the real process runtime, with a real store."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.model import Delivery, ProviderSpec, Restart, Role, Task
from orchestrator.errors import Where
from orchestrator.pipeline.control import Controls
from orchestrator.pipeline.observe import Progress, RunControl, RunSummary
from orchestrator.pipeline.run import run_task
from orchestrator.pipeline.services import RunOptions, Services
from orchestrator.pipeline.sources import Sources
from orchestrator.registry.artifacts import Artifacts
from orchestrator.registry.cache import ArtifactCache
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.lockfile import Lock
from orchestrator.registry.pull import EngineImages
from orchestrator.runtime.guard import Guard
from orchestrator.runtime.process import ProcessRuntime
from orchestrator.state.infrastructure import InfrastructureFolders
from orchestrator.state.lock import Locks
from orchestrator.state.sqlite import SqliteState
from orchestrator.tasklog.place import TaskLogs

ROLES: tuple[Role, Role] = ("input", "output")
PUPPET = Path(__file__).parents[2] / "fakes" / "puppet.py"
READY_INPUT = '{"status":"ready","protocol":1,"capabilities":["checkpoint","stats"]}'
READY_OUTPUT = '{"status":"ready","protocol":1,"capabilities":["ack","reject"]}'


@dataclass
class Recorder:
    """An observer that keeps what it was told."""

    phases: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    on_phase: Callable[[str], None] = lambda phase: None
    reached: threading.Event = field(default_factory=threading.Event)

    def phase(self, phase: str, detail: str = "") -> None:
        self.phases.append(phase)
        self.on_phase(phase)

    def pull(self, event: object) -> None: ...

    def text(self, role: str, content: bytes) -> None:
        self.texts.append(content)

    def provider_log(self, role: str, line: str) -> None:
        self.logs.append(f"{role}: {line}")

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def running(self, progress: Callable[[], Progress]) -> None:
        self.progress = progress


class Stage:
    """A project folder in which puppets play."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state_dir = folder / ".dstream"
        self.state = SqliteState(self.state_dir / "state.db")
        self.observer = Recorder()
        self.control = RunControl()
        self.redact: Callable[[str], str] = str
        self.handshakes: dict[str, str | None] = {"input": READY_INPUT, "output": READY_OUTPUT}

    @property
    def stored(self) -> Any:
        """The task's stored state, decoded; None where there is none."""
        checkpoint = self.state.checkpoint("play")
        return json.loads(checkpoint.state) if checkpoint else None

    @staticmethod
    def _shaking_hands(steps: list[Any], handshake: str | None) -> list[Any]:
        """The steps behind the handshake; what SIGTERM does is settled before it."""
        if handshake is None:
            return steps
        before = [step for step in steps[:1] if step[0] == "on_term"]
        return [*before, ["say", handshake], *steps[len(before) :]]

    def play(
        self,
        source: list[Any],
        output: list[Any],
        *,
        announced: tuple[bool, bool] = (True, True),
        task: str = "play",
        max_in_flight: int = 100_000,
        ack_timeout: float = 60.0,
        ready_timeout: float = 60.0,
        restart: Restart | None = None,
        **options: Any,
    ) -> RunSummary:
        """Run two puppets; an announced one shakes hands before its steps."""
        where = Where(file="dstream.hcl", line=1)
        source = self._shaking_hands(source, self.handshakes["input"] if announced[0] else None)
        output = self._shaking_hands(output, self.handshakes["output"] if announced[1] else None)
        specs = [
            ProviderSpec(
                role,
                "path",
                str(PUPPET),
                where,
                config={"steps": json.loads(json.dumps(steps), parse_float=Decimal)},
                protocol=1 if known else None,
                ready_timeout=ready_timeout,
            )
            for role, steps, known in zip(ROLES, (source, output), announced, strict=True)
        ]
        services = Services(
            state=self.state,
            locks=Locks(self.state_dir),
            controls=Controls(self.state_dir),
            folders=InfrastructureFolders(self.state_dir),
            logs=TaskLogs(self.state_dir),
            sources=Sources(
                images=EngineImages(),
                artifacts=Artifacts(RegistryClient, ArtifactCache(self.folder / "artifacts")),
                lock=Lock(None, self.folder / "dstream.lock.hcl"),
            ),
            runtimes=lambda scope: {"path": lambda: ProcessRuntime(scope, state_dir=self.state_dir, guard=Guard())},
            redact=self.redact,
        )
        performed = Task(
            task,
            specs[0],
            specs[1],
            where,
            delivery=Delivery(max_in_flight=max_in_flight, ack_timeout=ack_timeout),
            restart=restart or Restart(),
        )
        return run_task(performed, services, RunOptions(**options), self.observer, self.control)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    assert sys.platform != "win32"
    return Stage(tmp_path)
