"""Twenty tasks on one engine, and somebody who kills a provider or a supervisor of them every few seconds.

A provider's death is its supervisor's business; a supervisor that was killed is started again by its operator.
`DSTREAM_FAULT_SEED` has the same script played again; with `DSTREAM_FULL=1` it plays for half an hour.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.conftest import FULL
from tests.faults.conftest import TOLD
from tests.faults.fleet import ROLES, Fleet, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.places import Containers

TASKS = 20
CHAOS_S = 1800.0 if FULL else 120.0
PAUSE_S = (0.5, 3.0)
OPERATORS = 3
VETERANS = 4
"""So many supervisors are never killed: their memory is looked at."""

GROWTH = 12 * 1024 * 1024
"""Bytes that a supervisor may have grown by; its caches and its allocator's arenas fill at first."""

RESTART = 'policy = "on-failure"\n    backoff = "300ms"\n    max_backoff = "2s"'

pytestmark = [pytest.mark.engine, pytest.mark.full, pytest.mark.timeout(3600 if FULL else 600)]


@pytest.fixture
def fleet(containers: Containers, tmp_path: Path, cache: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path / "fleet", cache, TASKS, host=containers.host, rate=20, restart=RESTART)
    yield made
    made.sweep()


def test_twenty_tasks_survive_whatever_is_killed_and_stop_leaves_nothing(
    fleet: Fleet, seed: int, request: pytest.FixtureRequest
) -> None:
    names = [member.name for member in fleet.members]
    fleet.does("run", "--all", "--detach")
    fleet.agrees(names)
    chaos = Chaos(fleet, random.Random(f"{seed}/many"))
    early = chaos.play(CHAOS_S / 3)
    late = chaos.play(CHAOS_S * 2 / 3)
    growth = max(late[name] - early[name] for name in early)
    told = f"many tasks: {dict(chaos.killed)} killed in {chaos.seconds:.0f} s, {chaos.looked} times ps agreed, "
    told += f"supervisors of {max(late.values()) >> 20} MiB grew by {growth >> 10} KiB at most"
    request.config.stash[TOLD] = [*request.config.stash.get(TOLD, []), told]
    assert growth < GROWTH, told
    assert min(chaos.killed.values()) > 0

    fleet.agrees(names)
    fleet.flows(*names)
    stopped = fleet.does("stop", "--all")
    assert sorted(stopped.splitlines()) == [f"{name} is stopped" for name in names]
    wrong = [fault for member in fleet.members for fault in member.faults()]
    assert not wrong, "\n".join(wrong)
    assert {row["state"] for row in fleet.ps().values()} == {"stopped"}
    assert fleet.left_for_good() == []


class Chaos:
    """The script, and the operator who starts again what it killed. `killed` counts by who was.

    `looked` is how often `ps` was compared with the host.
    """

    def __init__(self, fleet: Fleet, choice: random.Random) -> None:
        self._fleet = fleet
        self._choice = choice
        self._names = [member.name for member in fleet.members]
        self._operator = ThreadPoolExecutor(OPERATORS)
        self._restarting: dict[str, Future[str]] = {}
        self._victims: list[str] = []
        self.killed: Counter[str] = Counter({"input": 0, "output": 0, "supervisor": 0})
        self.looked = 0
        self.seconds = 0.0

    def play(self, seconds: float) -> dict[str, int]:
        """Kill for so long. The veterans' memory at its end, when all run again."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            time.sleep(self._choice.uniform(*PAUSE_S))  # the script's own pace
            self._strike()
        self.seconds += time.monotonic() - began
        self._await_operator()
        pids = self._fleet.supervisors()
        return {name: resident_bytes(pids[name]) for name in self._names[:VETERANS]}

    def _strike(self) -> None:
        victim = self._victims.pop() if self._victims else self._shuffled()
        look = self._choice.random() < 0.1
        name = self._choice.choice(self._names[VETERANS:] if victim == "supervisor" else self._names)
        before = self._restarting.pop(name, None)
        if before is not None:
            before.result()  # it is only killed again once its operator is content
        if victim == "supervisor":
            self._fleet.kill_supervisor(name)
            self.killed[victim] += 1
            if look:
                self._look(absent=name)
            self._restarting[name] = self._operator.submit(self._fleet.does, "run", name, "--detach")
            return
        for role in ROLES:
            if role == victim and self._fleet.kill_provider(name, role):
                self.killed[role] += 1
        if look:
            self._look()

    def _shuffled(self) -> str:
        """The first of the next four: each victim comes again and again, however few strikes a busy machine allows."""
        self._victims = ["input", "output", "supervisor", "supervisor"]
        self._choice.shuffle(self._victims)
        return self._victims.pop()

    def _look(self, absent: str | None = None) -> None:
        self._await_operator()
        self._fleet.agrees([name for name in self._names if name != absent])
        self.looked += 1

    def _await_operator(self) -> None:
        for restart in self._restarting.values():
            restart.result()
        self._restarting.clear()
