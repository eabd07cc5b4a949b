"""What other shells may ask of a run."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from dstream_sdk.protocol import Stream
from orchestrator.errors import ConfigError, DstreamError, RunError
from orchestrator.pipeline.control import Controls
from orchestrator.pipeline.requests import snapshot_signal
from orchestrator.pipeline.watch import Forced
from tests.unit.pipeline.conftest import READY_INPUT, Stage

STREAMS = [Stream("Orders", "dbo"), Stream("Orders", "sales"), Stream("Persons", "dbo"), Stream("topic")]
READY_FOR_SIGNALS = READY_INPUT.replace('"stats"', '"stats","signal"')
END = ["say", '{"end":{"records":0}}']


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("sales.Orders", "sales.Orders"),
        ("SALES.orders", "sales.Orders"),
        ("persons", "dbo.Persons"),
        ("topic", "topic"),
    ],
)
def test_a_table_is_known_with_and_without_its_schema(asked: str, meant: str) -> None:
    assert snapshot_signal({"tables": [asked, meant]}, STREAMS) == {"kind": "snapshot", "tables": [meant]}


def test_a_table_that_the_task_does_not_read_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError) as refused:
        snapshot_signal({"tables": ["Person"]}, STREAMS)
    assert refused.value.hint == "did you mean `dbo.Persons`?"


def test_a_name_in_two_schemas_is_refused_with_both() -> None:
    with pytest.raises(ConfigError, match="`dbo.Orders` and `sales.Orders`"):
        snapshot_signal({"tables": ["orders"]}, STREAMS)


def test_an_input_that_does_not_tell_what_it_reads_judges_the_names_itself() -> None:
    assert snapshot_signal({"tables": ["x"], "filter": "Id > 1"}, None) == {
        "kind": "snapshot", "tables": ["x"], "filter": "Id > 1",
    }  # fmt: skip


class Shell:
    """Asks a run for something as soon as it runs: for a snapshot, unless it is told for what."""

    def __init__(self, stage: Stage, request: str = "snapshot", **fields: Any) -> None:
        self._request = request
        self._fields = fields or {"tables": ["dbo.Orders"], "filter": None}
        self._controls = Controls(stage.state_dir)
        self._thread: threading.Thread | None = None
        self.answer: Any = None
        stage.observer.on_phase = self._asked_when_running
        self._stage = stage

    def _asked_when_running(self, phase: str) -> None:
        if phase == "running":
            self._thread = threading.Thread(target=self._ask)
            self._thread.start()
        if phase == "stopping" and self._thread is not None:
            self._thread.join()

    def _ask(self) -> None:
        try:
            self.answer = self._controls.ask("play", self._request, **self._fields)
        except RunError as error:
            self.answer = error
        (self._stage.folder / "asked").touch()


def test_the_running_input_gets_the_signal_on_its_stdin(stage: Stage) -> None:
    stage.handshakes["input"] = READY_FOR_SIGNALS
    shell = Shell(stage)
    notes = stage.folder / "notes"
    summary = stage.play(
        [["keep_line", str(notes)], END, ["eof"]],
        [["keep", "/dev/null"], END],
    )
    assert json.loads(notes.read_bytes()) == {"signal": {"kind": "snapshot", "tables": ["dbo.Orders"]}}
    assert shell.answer == {"run_id": summary.run_id, "tables": ["dbo.Orders"], "filter": None}


def test_an_input_that_takes_no_signals_is_named(stage: Stage) -> None:
    shell = Shell(stage)
    stage.play([["wait_for", str(stage.folder / "asked")], END, ["eof"]], [["keep", "/dev/null"], END])
    assert isinstance(shell.answer, RunError)
    assert shell.answer.code == "input.no_signals"
    assert "puppet" in shell.answer.message


def test_a_run_that_other_shells_cannot_reach_goes_on_with_a_warning(stage: Stage) -> None:
    (stage.state_dir / "control").write_text("a file")
    stage.play([END, ["eof"]], [["keep", "/dev/null"], END])
    assert any("other shells cannot reach this run" in warning for warning in stage.observer.warnings)


ENDS_ON_TERM = ["on_term", [END, ["eof"]]]


def test_a_run_that_is_asked_to_stop_drains(stage: Stage) -> None:
    shell = Shell(stage, "stop", grace=None)
    summary = stage.play([ENDS_ON_TERM, ["sleep", 60]], [["keep", "/dev/null"], END])
    assert summary.outcome == "drained"
    assert shell.answer["state"] == "running"


def test_whoever_asks_a_run_to_stop_says_how_long_that_may_take(stage: Stage) -> None:
    shell = Shell(stage, "stop", grace=0.2)
    with pytest.raises(DstreamError, match=r"did not end within 0\.2 s of SIGTERM"):
        stage.play([["on_term", [["sleep", 60]]], ["sleep", 60]], [["keep", "/dev/null"], END])
    assert shell.answer["grace"] == 0.2


def test_a_run_that_is_asked_to_stop_without_grace_ends_at_once(stage: Stage) -> None:
    Shell(stage, "stop", grace=0)
    with pytest.raises(Forced):
        stage.play([["sleep", 60]], [["keep", "/dev/null"], END])
