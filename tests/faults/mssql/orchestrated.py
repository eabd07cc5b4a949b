"""One run of the provider under `dstream run`, with the process runtime and the sink of the other fault tests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from orchestrator.state.sqlite import SqliteState
from tests.faults.mssql.delivery import Delivered
from tests.faults.places import PROGRAMS
from tests.faults.project import TASK
from tests.servers.script import REPOSITORY
from tests.streams import until

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.state.store import Checkpoint
    from tests.faults.project import Project

PROVIDER = REPOSITORY / "images" / "mssql-cdc-provider" / "provider"


class OrchestratedRun:
    """As `DirectRun`; with `deaf` it is the orchestrator that is killed, else its input."""

    def __init__(self, project: Project, config: dict[str, Any], state: Any, *, deaf: bool = False) -> None:
        self.delivered = Delivered(state=state)
        self.ended = False
        self._project = project
        self._deaf = deaf
        (project.folder / "dstream.hcl").write_text(task(config, project.data))
        self._run = project.start()

    @property
    def ready(self) -> bool:
        return self._project.file("output-up").exists()

    @property
    def state(self) -> Any:
        """What is stored now."""
        checkpoint = self._checkpoint()
        return None if checkpoint is None else json.loads(checkpoint.state)

    @property
    def over(self) -> bool:
        return self._run.ended

    @property
    def stderr(self) -> str:
        return self._run.stderr

    def kill(self) -> None:
        if self._deaf:
            self._run.signal(signal.SIGKILL)
        else:
            until(lambda: self.over or self._kill_input(), "its input is there")

    def _kill_input(self) -> bool:
        pid = self._project.place.pid(self._project, "input")
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pid is not None

    def stop(self) -> None:
        self._run.signal(signal.SIGTERM)

    def pause(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._run.process.wait(seconds)

    def wait(self) -> None:
        """Wait for its end and for that of all it started."""
        done = self._run.wait()
        self.ended = done.status == 0
        until(lambda: not self._project.processes(), "everything that it started is gone")
        run_id, records = _last_start(self._project)
        checkpoint = self._checkpoint()
        self.delivered.records = records
        if checkpoint is not None:
            self.delivered.state = json.loads(checkpoint.state)
            if checkpoint.run_id == run_id:
                self.delivered.stored = checkpoint.records

    def _checkpoint(self) -> Checkpoint | None:
        path = self._project.folder / ".dstream" / "state.db"
        if not path.exists():
            return None
        with contextlib.closing(SqliteState(path)) as state:
            return state.checkpoint(TASK)


def _last_start(project: Project) -> tuple[str, list[dict[str, Any]]]:
    """The id of the run that the sink was started for last, and what it wrote then; a torn line never was written."""
    run_id = ""
    records: list[dict[str, Any]] = []
    for line in project.sink.read_bytes().splitlines(keepends=True):
        if line.startswith(b'{"start":'):
            run_id, records = json.loads(line)["start"], []
        elif line.endswith(b"\n"):
            records.append(json.loads(line))
    return run_id, records


def task(config: dict[str, Any], data: Path, *, restart: str = "") -> str:
    """dstream.hcl of a task with the provider and the sink whose folder is `data`; `restart` is the block's content."""
    restarting = f"  restart {{\n    {restart}\n  }}\n" if restart else ""
    return (
        f'task "{TASK}" {{\n'
        f'  input {{\n    provider_path = "{PROVIDER}"\n    protocol = 1\n    config {_hcl(config)}\n  }}\n'
        f'  output {{\n    provider_path = "{PROGRAMS / "sink.py"}"\n    protocol = 1\n'
        f"    config {_hcl({'folder': str(data), 'batch': 5})}\n  }}\n{restarting}}}\n"
    )


def _hcl(value: Any) -> str:
    if isinstance(value, dict):
        return "{\n" + "".join(f"{name} = {_hcl(one)}\n" for name, one in value.items()) + "}"
    return json.dumps(value)
