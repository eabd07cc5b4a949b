"""Commands on infrastructure are killed at any moment; the next one makes it right."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from asb_output_provider.infrastructure.marks import Mark
from tests.faults.project import living
from tests.queues import Queues
from tests.servers.servicebus import ServiceBus
from tests.streams import until

ROUNDS = 25
FULL_ROUNDS = 250
COMMANDS = ("init", "destroy")
TABLES = ("Persons", "Orders", "Customers", "Items", "Prices", "Places", "Stocks", "Suppliers")
PATIENCE_S = 120.0


@pytest.fixture
def bus() -> Iterator[ServiceBus]:
    with ServiceBus() as bus:
        yield bus


class History:
    """One task's commands, every other one killed. `chance` decides which, when, and what dies."""

    def __init__(self, task: Queues, bus: ServiceBus, chance: random.Random) -> None:
        self._task = task
        self._bus = bus
        self._chance = chance
        self._takes = {"init": 6.0, "destroy": 6.0}
        self.told: list[str] = []

    def round(self, number: int) -> None:
        """One command killed, and the next one: the same again, or its opposite."""
        command = self._chance.choice(COMMANDS) if self._there() else "init"
        victim = self._chance.choice(["provider", "engine", "all"])
        seconds = self._chance.random() * self._takes[command]
        done = self._chance.choice([None, 1, 2, 3])
        following = self._chance.choice(COMMANDS)
        when = f"{seconds:.2f} s" if done is None else f"{done} queues"
        self.told.append(f"{number}: {command}, {victim} killed after {when}; then {following}")
        self._kill(command, victim, seconds, done)
        began = time.monotonic()
        self._task.actions(following)
        self._takes[following] = time.monotonic() - began
        wanted = TABLES if following == "init" else ()
        assert self._there() == {f"{self._task.task}-{table}" for table in wanted}, self.told

    def _kill(self, command: str, victim: str, seconds: float, done: int | None) -> None:
        """Start the command, kill its victim after so long, or once so many queues are made or gone."""
        process = self._task.start(command)
        if done is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        else:
            before = len(self._there())
            until(
                lambda: process.poll() is not None or abs(len(self._there()) - before) >= done,
                f"{done} queues made or gone", PATIENCE_S, pause=0.002,
            )  # fmt: skip
        engines = _engines(process.pid)
        for pid in {"provider": [process.pid], "engine": engines}.get(victim, [process.pid, *engines]):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE_S)

    def _there(self) -> set[str]:
        """The task's queues, as Service Bus has them."""
        mark = Mark("shop", self._task.task).text()
        return {name for name, properties in self._bus.queues.items() if properties.get("UserMetadata") == mark}


def _engines(provider: int) -> list[int]:
    """The engines that the provider started, with all that they started in turn."""
    parents = {}
    for pid in living():
        with suppress(OSError):
            parents[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    found, generation = [], [provider]
    while generation := [pid for pid, parent in parents.items() if parent in generation]:
        found += generation
    return found


@pytest.mark.timeout(600)
def test_what_is_killed_is_made_right_by_the_next_command(
    bus: ServiceBus, pulumi_engine: Path, tmp_path: Path, seed: int, full: bool
) -> None:
    """Two tasks of one namespace at the same time, one killed in `init` while the other may be in `destroy`."""
    bus.create("invoices")
    chances = random.Random(seed)
    histories = [
        History(
            Queues(
                tmp_path,
                pulumi_engine,
                bus.connection_string,
                task=task,
                queue_name=f"{task}-{{TableName}}",
                tables=list(TABLES),
            ),
            bus,
            random.Random(chances.random()),
        )
        for task in ("shop", "store")
    ]
    rounds = FULL_ROUNDS if full else ROUNDS

    def live(history: History) -> None:
        for number in range(-(-rounds // 2)):
            history.round(number)

    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(live, history) for history in histories]:
            done.result()
    for history in histories:
        print(*history.told, sep="\n")
