"""`dstream run --replay`: a record fed to the task's output, in the input's place."""

from __future__ import annotations

from pathlib import Path

from orchestrator.config.model import Task
from orchestrator.errors import ConfigError
from orchestrator.pipeline.feeding import Fodder, replay
from orchestrator.pipeline.observe import Observer, RunControl, RunSummary
from orchestrator.pipeline.provider import source_of
from orchestrator.pipeline.services import RunOptions, Services, Session
from orchestrator.relay.counters import Settled
from orchestrator.relay.record import Header, Record

SHOWN = 5
"""Rejected records that are told one by one."""


def replay_record(
    task: Task, services: Services, options: RunOptions, observer: Observer, control: RunControl, *, folder: Path
) -> RunSummary:
    """Feed the record in `folder` to the task's output. The input is not started, nor even pulled.

    The task's state stays where it is, and what the output rejects is told and kept nowhere else than in the record.
    Raises `ConfigError` (`record.missing`, `record.damaged`, `record.foreign`), and as `run_task`.
    """
    record = Record(folder)
    refuse_foreign(record.header, task)
    rejected = 0

    def settled(what: Settled) -> None:
        nonlocal rejected
        for one in what.rejects:
            rejected += 1
            if rejected <= SHOWN:
                observer.warning(f"the output rejects record {one.record} with `{one.code}`: {one.reason}")

    with Session(task, services, options, observer, control) as session:
        output = session.prepare("output")
        session.fence({output.spec.kind})
        claim = services.state.claim(task.name, session.run_id)
        fodder = Fodder(lambda _: iter(record), f"record {folder}", record.header.position_keys, record.header.streams)
        return replay(session, claim, output, fodder, settled)


def refuse_foreign(header: Header, task: Task) -> None:
    """Raises `ConfigError` (`record.foreign`) for a record of another input than the task's.

    Its positions mean nothing to this one, and an output that knows repeats by them would take records for others'.
    """
    mine = source_of(task.input)
    if header.source != mine:
        raise ConfigError(
            "record.foreign",
            f"the record is of input `{header.source}`, and task `{task.name}` reads `{mine}`",
            hint=f"replay it with a task that has that input, as `{header.task}` had",
            where=task.input.where,
        )
