"""One history: a database that lives, read by run after run that is killed, and judged at the end."""

from __future__ import annotations

import random
import time
import traceback
from typing import TYPE_CHECKING, Any, Protocol

from tests.faults.mssql.delivery import Delivered, faults_in
from tests.faults.mssql.direct import DirectRun
from tests.faults.mssql.orchestrated import OrchestratedRun
from tests.faults.mssql.workload import Workload, some_config
from tests.servers.sqlserver import SqlServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.mssql.nursery import Nursery
    from tests.faults.project import Project

LOST = "changes were lost before they were read"
ENDS_WITHIN = 60.0


class Run(Protocol):
    """`DirectRun` or `OrchestratedRun`."""

    delivered: Delivered
    ended: bool

    @property
    def ready(self) -> bool: ...
    @property
    def state(self) -> Any: ...
    @property
    def over(self) -> bool: ...
    @property
    def stderr(self) -> str: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...
    def pause(self, seconds: float) -> None: ...
    def wait(self) -> None: ...


def play_direct(seed: str, nursery: Nursery, folder: Path, *, broken: str = "") -> list[str]:
    """Play a history without an orchestrator. Returns what is wrong with it; never raises."""
    choice = random.Random(f"{seed}/how")
    settings = {
        "checkpoint_records": choice.choice([1, 1, 3, 10, 5000]),
        "slice_s": choice.choice([0.0, 0.01, 1.0]),
        "broken": broken,
    }

    def start(number: int, config: dict[str, Any], state: Any, *, deaf: bool, last: bool) -> Run:
        return DirectRun(
            nursery,
            config,
            state,
            folder / f"{number}.stderr",
            settings=settings,
            stores=1.0 if last else choice.choice([1.0, 0.3]),
            kill_at=None if last else choice.choice([None, choice.randint(1, 10), choice.randint(1, 40)]),
            dies_inside=0.0 if last else choice.choice([0.0, 0.5, 0.5]),
            deaf=deaf,
            seed=f"{seed}/{number}",
        )

    return _play(seed, start)


def play_orchestrated(seed: str, project: Project) -> list[str]:
    """Play a history under `dstream run`. Returns what is wrong with it; never raises."""

    def start(_: int, config: dict[str, Any], state: Any, *, deaf: bool, last: bool) -> Run:
        return OrchestratedRun(project, config, state, deaf=deaf and not last)

    return _play(seed, start)


def _play(seed: str, start: Callable[..., Run]) -> list[str]:
    try:
        with SqlServer() as server:
            return _History(seed, server, start).play()
    except Exception:  # noqa: BLE001 - whatever it was, the other histories are still worth playing
        return [traceback.format_exc()]


class _History:
    def __init__(self, seed: str, server: SqlServer, start: Callable[..., Run]) -> None:
        self._choice = choice = random.Random(seed)
        self._launch = start
        lossy = choice.random() < 0.2
        self._runs: list[Run] = []
        self._workload = Workload(server, choice, self._durable, lossy=lossy)
        self._config = some_config(choice, server, lossy=lossy)

    def play(self) -> list[str]:
        self._workload.write_rows()
        try:
            for _ in range(self._choice.randint(1, 3)):
                self._lifetime()
            return self._finish()
        finally:
            for run in self._runs:
                if not run.over:
                    run.kill()
                    run.wait()

    def _lifetime(self) -> None:
        """A run, from its start to its end in the middle of something."""
        choice = self._choice
        victim = choice.choice(["provider", "both", "both", "nobody"])
        for _ in range(choice.choice([0, 5, 10]) if self._runs else 0):  # while nobody reads
            self._workload.step()
        run = self._start(deaf=victim == "both", last=victim == "nobody")
        _until(lambda: run.ready, run, "the handshake")
        for _ in range(choice.randint(2, 12)):
            self._workload.step()
        if choice.random() < 0.5:  # whatever the machine: some have streamed when they die
            end = self._workload.captured()
            _until(lambda: _has_all(run.state, end), run, "what is captured")
            for _ in range(choice.randint(0, 4)):
                self._workload.step()
        if victim == "nobody":
            run.stop()
        else:
            run.pause(choice.random() * choice.choice([0.05, 1.0]))  # part of the moment
            run.kill()
        self._end(run, killed=victim != "nobody")

    def _finish(self) -> list[str]:
        """A last run, which nobody kills before it has everything; a second one where the first met a gap."""
        end = self._workload.settle()
        for _ in range(2):
            run = self._start(deaf=False, last=True)
            _until(lambda run=run: run.ready and _has_all(run.state, end), run, "everything")  # type: ignore[misc]
            run.stop()
            self._end(run, killed=False)
            if run.ended:
                break
        return faults_in(self._workload.ledger, [run.delivered for run in self._runs])

    def _start(self, **how: Any) -> Run:
        state = self._runs[-1].delivered.state if self._runs else None
        run = self._launch(len(self._runs), self._config, state, **how)
        self._runs.append(run)
        return run

    def _end(self, run: Run, *, killed: bool) -> None:
        run.wait()
        if self._config["on_gap"] == "fail" and LOST in run.stderr:
            self._config = {**self._config, "on_gap": "resnapshot"}  # as whoever runs it is told
        else:
            assert killed or run.ended, f"the provider failed:\n{run.stderr}"

    def _durable(self) -> bytes | None:
        state = self._runs[-1].state if self._runs else None
        return bytes.fromhex(state["position"]["lsn"]) if state else None


def _has_all(state: Any, end: bytes) -> bool:
    return bool(state) and bytes.fromhex(state["position"]["lsn"]) >= end and not state["snapshot"]["jobs"]


def _until(condition: Callable[[], object], run: Run, what: str) -> None:
    """Wait for a condition, or for the run's end."""
    give_up = time.monotonic() + ENDS_WITHIN
    while not condition() and not run.over:
        assert time.monotonic() < give_up, f"waited in vain for {what}; the provider said:\n{run.stderr}"
        run.pause(0.005)
