"""`dstream peek`: the first records of a task's input, without an output and without moving any state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from dstream_sdk.protocol import CommandOptions
from orchestrator.config.model import Task
from orchestrator.errors import UnavailableError
from orchestrator.pipeline.conversation import Party, broken, envelope, greet, start
from orchestrator.pipeline.observe import Observer, RunControl
from orchestrator.pipeline.provider import Prepared
from orchestrator.pipeline.resuming import identity_of, refuse_foreign
from orchestrator.pipeline.services import RunOptions, Services, Session
from orchestrator.relay.channel import Halt, Halted
from orchestrator.relay.control import Piece
from orchestrator.runtime.base import StreamBroken

DISPOSE_S = 30.0


def peek_task(
    task: Task,
    services: Services,
    options: RunOptions,
    observer: Observer,
    control: RunControl,
    *,
    show: Callable[[bytes], None],
) -> int:
    """Start the input where the task would resume, and give `show` its first `options.max_records` lines; how many.

    Blocks until it has them, the input ends, `options.timeout` has passed, or `control` is asked to stop. Nothing is
    ever acknowledged, so that the input's source forgets nothing, and nothing is stored. Afterwards the input is told
    to go, and killed after `options.grace` seconds. Raises as `run_task` does before it runs, and `RunError` where the
    input refuses or dies.
    """
    with Session(task, services, options, observer, control) as session:
        source = session.prepare("input")
        session.fence({source.spec.kind})
        fields = _fields(session, source)
        halt = Halt()
        control.listen(halt.set)
        try:
            party = start(source, session.runtime(source.spec.kind), halt, session.outbox.log, services.ca_bundle)
            try:
                line = envelope(source, "run", fields)
                greet(party, line, close_stdin=not source.announced, timeout=session.ready_timeout(source))
                return _show(party, options, show)
            except Halted:
                return 0
            finally:
                _see_off(party, options.grace, halt)
        finally:
            control.listen(None)
            halt.close()


def _fields(session: Session, source: Prepared) -> dict[str, Any]:
    state, task = session.services.state, session.task
    stored = state.checkpoint(task.name)
    refuse_foreign(stored, identity_of(task, source, None), task)
    fields: dict[str, Any] = {"task": task.name, "run_id": session.run_id, "delivery": "at-least-once"}
    fields["options"] = CommandOptions(project=state.owner(task.name))
    if stored is not None:
        fields["state"] = msgspec.Raw(stored.state)
    return fields


def _show(party: Party, options: RunOptions, show: Callable[[bytes], None]) -> int:
    shown = 0
    until = None if options.timeout is None else time.monotonic() + options.timeout
    for line in _lines(party, until):
        show(line)
        shown += 1
        if shown == options.max_records:
            break
    return shown


def _lines(party: Party, until: float | None) -> Iterator[bytes]:
    """The input's data lines, up to its end or to `until` (monotonic)."""
    reader, unfinished = party.reader, bytearray()

    def cut(pieces: list[Piece]) -> Iterator[bytes | None]:
        for piece in pieces:
            content = bytes(reader.view[piece.start : piece.end])
            if piece.kind == "control":
                if content.startswith(b'{"end":'):
                    yield None
                continue
            for line in content.splitlines(keepends=True):
                unfinished.extend(line)
                if line.endswith(b"\n"):
                    yield bytes(unfinished)
                    unfinished.clear()

    pieces = reader.pieces_held()
    while True:
        for line in cut(pieces):
            if line is None:
                return
            yield line
        try:
            count = party.inlet.read_into(reader.room(), until)
        except StreamBroken as error:
            raise broken(party, error) from error
        if count is None:
            return
        if count == 0:
            ended = party.wait(5.0)
            if party.prepared.announced or ended is None or not ended.clean:
                raise party.died(ended, "before its `end`")
            if reader.held:
                yield reader.held
            return
        pieces = reader.filled(count)


def _see_off(party: Party, grace: float, halt: Halt) -> None:
    """Tell the input to go, and read on so that nothing holds it up; killed where it stays."""
    until = time.monotonic() + grace
    try:
        party.outlet.close()
        party.running.terminate()
        nowhere = memoryview(bytearray(256 * 1024))
        while party.inlet.read_into(nowhere, until):
            pass
    except (Halted, StreamBroken, UnavailableError):
        pass  # it is killed below, whatever it does
    finally:
        halt.set()
        party.dispose(DISPOSE_S)
