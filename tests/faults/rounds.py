"""One round: a run is killed in mid-stream, repeated to its end, and judged.

A stream goes on from round to round of one project: the second begins from the state in which the first ended.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from tests.faults.sinkfile import faults_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.project import Done, Project, Run
    from tests.servers.engine import PrivateEngine

Victim = Literal["input", "output", "orchestrator", "engine"]
VICTIMS: tuple[Victim, ...] = ("input", "output", "orchestrator", "engine")

TRIES = 8
"""How many moments are tried until one finds unacknowledged records."""

JITTER_S = 0.02
"""So that no kill is tied to the moment at which a record is written."""


@dataclass
class Round:
    """What a round came to. `unacknowledged` counts the records under way at the kill, at least."""

    victim: Victim
    place: str
    seed: str
    resumed: bool
    unacknowledged: int = 0
    tries: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.victim} killed, {self.place}, seed {self.seed!r}:\n" + "\n".join(self.problems)


@dataclass(frozen=True)
class Stream:
    """How a project's data flows. The promise's bound on repeats is one window and one interval."""

    every: int = 10
    max_in_flight: int = 50
    batch: int = 7
    linger: float = 0.005
    rate: int = 1000
    ack_timeout: str = "60s"
    restart: str = ""
    faults: Mapping[str, Any] = field(default_factory=dict)
    """What is wrong with the sink, in the words of its config."""

    @property
    def bound(self) -> int:
        return self.max_in_flight + self.every

    def write(self, project: Project, count: int) -> None:
        """Write the project's file, for records up to `count`."""
        project.write(
            {"count": count, "every": self.every, "rate": self.rate},
            {"batch": self.batch, "linger": self.linger, **self.faults},
            max_in_flight=self.max_in_flight,
            ack_timeout=self.ack_timeout,
            restart=self.restart,
        )


def some_stream(seed: str) -> Stream:
    choice = random.Random(seed)
    return Stream(
        every=choice.randint(5, 20),
        max_in_flight=choice.randint(20, 60),
        batch=choice.randint(1, 30),
        linger=choice.choice([0.0, 0.005, 0.02]),
    )


def play(
    project: Project,
    stream: Stream,
    victim: Victim,
    seed: str,
    *,
    engine: PrivateEngine | None = None,
    moment: Callable[[], bool] | None = None,
) -> Round:
    """Play a round on `project`, whose state says where its stream goes on.

    `engine` is the one to kill, revived at once. `moment` says when, instead of a random one.
    """
    began = time.monotonic()
    choice = random.Random(seed)
    begin = count = project.stored()
    round_ = Round(victim, project.place.name, seed, resumed=begin > 0)
    while round_.tries < TRIES and round_.unacknowledged <= 0 and not round_.problems:
        round_.tries += 1
        begin = project.stored()
        # After a miss there is more to come behind the moment: the machine may have been too busy to meet it.
        count = max(count, begin + choice.randint(300, 500) * round_.tries)
        at, jitter = choice.randint(begin + 1, count - 1), choice.random() * JITTER_S
        stream.write(project, count)
        run = project.start()
        target = _target(project, run, victim, engine)
        project.until(run, moment or partial(_has_written, project, at), "the moment to kill")
        time.sleep(jitter)  # part of the moment
        written = project.number("written")
        if not run.ended:
            target()
            if engine is not None:
                engine.start()
        done = run.wait()
        if done.status != 0:
            # The store only ever moves on: what is not in it now was unacknowledged at the kill.
            round_.unacknowledged = written - project.stored()
            _judge_failure(project, done, round_)
    if round_.unacknowledged <= 0 and not round_.problems:
        round_.problems.append(f"no record was unacknowledged at any of {TRIES} moments")
    _repeat(project, stream, count, round_)
    round_.seconds = time.monotonic() - began
    return round_


def _has_written(project: Project, number: int) -> bool:
    return project.number("written") >= number


def _target(project: Project, run: Run, victim: Victim, engine: PrivateEngine | None) -> Callable[[], None]:
    """What kills the victim at once: a provider's process is sought beforehand."""
    if engine is not None:
        return engine.kill
    if victim == "orchestrator":
        return run.process.kill
    assert victim != "engine"
    project.until(run, project.file(f"{victim}-up").exists, f"the {victim} runs")
    pid = project.place.pid(project, victim)

    def kill() -> None:
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, signal.SIGKILL)

    return kill


EXPECTED: dict[Victim, tuple[int, list[list[str]]]] = {
    "input": (1, [["provider.died"]]),
    "output": (1, [["provider.died"]]),
    "orchestrator": (-signal.SIGKILL, [[]]),
    "engine": (4, [["engine.lost"], ["engine.unreachable"]]),
}
"""How a killed run ends: the exit code, and the errors that it may report."""


def _judge_failure(project: Project, done: Done, round_: Round) -> None:
    status, errors = EXPECTED[round_.victim]
    if done.status != status or done.errors not in errors:
        round_.problems.append(f"the killed run: {done}")
    if round_.victim != "orchestrator":
        round_.problems += [f"left by the killed run: {what}" for what in project.left_for_good()]


def _repeat(project: Project, stream: Stream, count: int, round_: Round) -> None:
    """Run to the end, and judge what there is then."""
    done = project.run()
    if done.status != 0:
        round_.problems.append(f"the repeated run: {done}")
    if (stored := project.stored()) != count:
        round_.problems.append(f"the store's checkpoint is at {stored}, the end at {count}")
    round_.problems += faults_in(project.sink, count=count, bound=stream.bound)
    round_.problems += [f"left at the end: {what}" for what in project.left_for_good()]
