"""Whether the relay knows that it stood still when it did, and only then."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from orchestrator.relay import pump
from orchestrator.relay.channel import Halt, Inlet, Outlet
from orchestrator.relay.control import LineReader
from orchestrator.relay.counters import Ledger
from orchestrator.relay.pump import Pump
from orchestrator.runtime.pipes import PipeSink, PipeSource

BLOCK = b"line\n" * 40_000  # more than a pipe holds


@dataclass
class Rig:
    """A pump between two pipes: `source` is written to, `output` is read."""

    pump: Pump
    outlet: Outlet
    source: int
    output: int


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(pump, "LOOK_UP_S", 0.05)
    monkeypatch.setattr(pump, "STOOD_STILL_S", 0.2)
    read_source, source = os.pipe()
    output, write_output = os.pipe()
    halt = Halt()
    outlet = Outlet(PipeSink(write_output), halt)
    made = Pump(
        inlet=Inlet(PipeSource(read_source), halt),
        outlet=outlet,
        reader=LineReader("input", ()),
        ledger=Ledger(confirming=False, max_in_flight=1),
        capabilities=frozenset(),
        forward_control=False,
        settled=lambda _: None,
        on_end=lambda: None,
    )
    yield Rig(made, outlet, source, output)
    halt.set()
    os.close(read_source)
    os.close(output)


def feed(rig: Rig, *, after: float = 0.0, wait: float = 0.0) -> bool:
    """Pump one block whose writer waits `after` seconds and whose reader `wait`; is the tail doubtful?"""

    def write() -> None:
        threading.Event().wait(after)
        with os.fdopen(rig.source, "wb") as source:
            source.write(BLOCK)

    def read() -> None:
        threading.Event().wait(wait)
        while os.read(rig.output, 65536):
            pass

    threads = [threading.Thread(target=write), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    rig.pump.run()
    rig.outlet.close()
    for thread in threads:
        thread.join(60)
    return rig.pump.tail_doubtful


def test_a_relay_that_waited_for_its_output_stood_still(rig: Rig) -> None:
    assert feed(rig, wait=0.6)


def test_a_relay_that_waited_for_its_input_did_not(rig: Rig) -> None:
    assert not feed(rig, after=0.6)
