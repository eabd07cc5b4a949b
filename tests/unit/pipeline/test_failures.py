"""Runs that go wrong: each end has its own error, and whatever was acknowledged stays acknowledged."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import Any

import pytest

from orchestrator.config.model import Restart
from orchestrator.errors import DstreamError
from orchestrator.pipeline import attempt, watch
from orchestrator.pipeline.conversation import Party
from orchestrator.pipeline.observe import RunFailed
from orchestrator.pipeline.watch import Forced
from orchestrator.runtime.pipes import PipeSink
from orchestrator.state import sqlite
from orchestrator.state.sqlite import SqliteState
from tests.unit.pipeline.conftest import Stage
from tests.unit.pipeline.test_run import DATA, ack, checkpoint, end, lines

KEEP = [["keep", "/dev/null"], ["say", end(0)]]
NOTHING = [["say", end(0)], ["eof"]]


def failure(stage: Stage, source: list[Any], output: list[Any], **options: Any) -> DstreamError:
    with pytest.raises(DstreamError) as failed:
        stage.play(source, output, **options)
    return failed.value


class TestHandshake:
    def test_a_first_line_that_is_no_handshake_is_shown(self, stage: Stage) -> None:
        stage.handshakes["output"] = "Hello, world!"
        error = failure(stage, NOTHING, [["eof"]])
        assert error.code == "provider.handshake"
        assert "Hello, world!" in error.message

    def test_death_before_the_handshake_comes_with_the_last_words(self, stage: Stage) -> None:
        stage.handshakes["output"] = None
        error = failure(stage, NOTHING, [["log", "cannot find libodbc"], ["exit", 3]])
        assert error.code == "provider.died"
        assert "exited 3" in error.message
        assert error.where.last_words == ("cannot find libodbc",)

    def test_silence_is_an_error_after_the_ready_timeout(self, stage: Stage) -> None:
        stage.handshakes["output"] = None
        error = failure(stage, NOTHING, [["sleep", 60]], ready_timeout=0.5)
        assert error.code == "provider.handshake_timeout"

    def test_a_refusal_carries_the_providers_message_and_hint(self, stage: Stage) -> None:
        stage.handshakes["input"] = '{"status":"error","message":"login failed","hint":"grant it"}'
        error = failure(stage, [], KEEP)
        assert (error.code, error.hint) == ("provider.refused", "grant it")
        assert "login failed" in error.message

    def test_the_input_never_starts_when_the_output_refuses(self, stage: Stage) -> None:
        notes = stage.folder / "notes"
        stage.handshakes["output"] = '{"status":"error","message":"no"}'
        failure(stage, [["note", str(notes)]], [])
        assert not notes.exists()

    @pytest.mark.parametrize("protocol", ["2", "null"])
    def test_another_protocol_than_the_announced_one_is_refused(self, stage: Stage, protocol: str) -> None:
        stage.handshakes["output"] = '{"status":"ready","protocol":%s}' % protocol
        assert failure(stage, NOTHING, [["eof"]]).code == "provider.protocol"


class TestCounts:
    def test_a_line_that_was_lost_stops_the_run(self, stage: Stage) -> None:
        error = failure(stage, [["repeat", 9, DATA], ["say", checkpoint(1, 10)], ["eof"]], [["on_term", []], *KEEP])
        assert (error.code, error.exit_code) == ("relay.count_mismatch", 1)

    def test_an_end_that_counts_otherwise_stops_the_run(self, stage: Stage) -> None:
        error = failure(stage, [["repeat", 9, DATA], ["say", end(10)], ["eof"]], [["on_term", []], *KEEP])
        assert error.code == "relay.count_mismatch"

    def test_an_ack_that_counts_otherwise_stops_the_run_and_moves_no_state(self, stage: Stage) -> None:
        error = failure(
            stage,
            [["repeat", 10, DATA], ["say", checkpoint(1, 10)], ["eof"]],
            [["read", 11], ["say", ack(1, 9)], ["eof"]],
        )
        assert error.code == "relay.count_mismatch"
        assert stage.stored is None

    def test_an_output_that_ends_with_another_count_fails(self, stage: Stage) -> None:
        error = failure(
            stage, [["repeat", 10, DATA], ["say", end(10)], ["eof"]], [["keep", "/dev/null"], ["say", end(9)]]
        )
        assert error.code == "relay.count_mismatch"


class TestControlLines:
    @pytest.mark.parametrize(
        "line", ['{"checkpoint":{}}', '{"checkpoint":', '{"dstream":{}}', '{"end":7}', '{"stats":1}'], ids=str
    )
    def test_a_broken_control_line_of_the_input_stops_the_run_with_its_offset(self, stage: Stage, line: str) -> None:
        error = failure(stage, [["repeat", 1, DATA], ["say", line], ["eof"]], [["on_term", []], *KEEP])
        assert error.code == "relay.protocol"
        assert "offset" in error.message

    def test_a_checkpoint_id_that_no_store_can_keep_stops_the_run(self, stage: Stage) -> None:
        error = failure(stage, [["say", checkpoint(2**63, 0), end(0)], ["eof"]], [["on_term", []], *KEEP])
        assert error.code == "relay.protocol"

    def test_a_reject_without_its_record_stops_the_run(self, stage: Stage) -> None:
        reject = '{"reject":{"record":1,"code":"too_large"}}'
        error = failure(
            stage,
            [["repeat", 1, DATA], ["say", end(1)], ["eof"]],
            [["keep", "/dev/null"], ["say", reject, end(1, 1)], ["eof"]],
        )
        assert error.code == "relay.protocol"
        assert stage.state.dead_letters("play") == 0

    @pytest.mark.parametrize(
        "line",
        ['{"ack":{}}', '{"reject":{"record":1}}', '{"end":{}}', '{"ack":{"id":1,"records":1}}', '{"end":' + "[" * 5000],
    )
    def test_a_wrong_control_line_of_the_output_stops_the_run(self, stage: Stage, line: str) -> None:
        error = failure(stage, [["eof"]], [["say", line], ["eof"]])
        assert error.code == "relay.protocol"

    def test_a_control_line_of_the_input_that_is_nested_too_deep_stops_the_run(self, stage: Stage) -> None:
        error = failure(stage, [["say", '{"end":' + "[" * 5000], ["eof"]], [["on_term", []], *KEEP])
        assert error.code == "relay.protocol"

    def test_a_checkpoint_that_was_not_declared_stops_the_run(self, stage: Stage) -> None:
        stage.handshakes["input"] = '{"status":"ready","protocol":1}'
        error = failure(stage, [["say", checkpoint(1, 0)], ["eof"]], [["on_term", []], *KEEP])
        assert error.code == "relay.protocol"

    def test_figures_that_were_not_declared_stop_the_run(self, stage: Stage) -> None:
        figures = ["say", '{"stats":{"lag_s":1}}']
        assert failure(stage, [["eof"]], [figures, ["eof"]]).code == "relay.protocol"
        stage.handshakes["input"] = '{"status":"ready","protocol":1,"capabilities":["checkpoint"]}'
        assert failure(stage, [figures, ["eof"]], [["on_term", []], *KEEP]).code == "relay.protocol"

    def test_anything_behind_the_end_stops_the_run(self, stage: Stage) -> None:
        error = failure(stage, [["say", end(0), DATA], ["eof"]], [["on_term", []], ["keep", "/dev/null"], ["sleep", 5]])
        assert error.code == "relay.protocol"


class TestDeath:
    def test_an_input_that_leaves_without_end_has_crashed_whatever_its_exit_status(self, stage: Stage) -> None:
        error = failure(stage, [["repeat", 10, DATA], ["exit", 0]], [["on_term", []], *KEEP])
        assert error.code == "provider.died"
        assert "exited 0 before its `end`" in error.message

    def test_acks_that_the_output_writes_after_the_inputs_death_still_count(self, stage: Stage) -> None:
        failure(
            stage,
            [["repeat", 10, DATA], ["say", checkpoint(1, 10)], ["sleep", 0.3], ["exit", 1]],
            [["on_term", [["say", ack(1, 10)]]], ["keep", "/dev/null"]],
        )
        assert stage.stored == {"n": 10}

    def test_records_that_no_ack_will_cover_are_dead_letters_at_once(self, stage: Stage) -> None:
        reject = '{"reject":{"record":3,"code":"too_large","envelope":{"data":{}}}}'
        rejected = stage.folder / "rejected"
        failure(
            stage,
            [["repeat", 10, DATA], ["wait_for", str(rejected)], ["exit", 1]],
            [["on_term", []], ["read", 3], ["say", reject], ["once", str(rejected), [["keep", "/dev/null"]]]],
            announced=(False, True),
        )
        assert stage.state.dead_letters("play") == 1

    def test_a_legacy_output_keeps_what_it_was_given_when_the_input_dies(self, stage: Stage) -> None:
        kept = stage.folder / "kept"
        error = failure(
            stage,
            [["repeat", 500, DATA], ["exit", 1]],
            [["say", '{"status":"ready"}'], ["sleep", 0.5], ["keep", str(kept)]],
            announced=(False, False),
        )
        assert error.code == "provider.died"
        assert len(lines(kept)) == 500

    def test_the_death_of_the_output_stops_the_input_and_is_what_is_reported(self, stage: Stage) -> None:
        error = failure(
            stage,
            [["repeat", 1_000_000, DATA], ["say", end(1_000_000)], ["eof"]],
            [["read", 5], ["log", "out of disk"], ["exit", 7]],
        )
        assert "output" in error.message
        assert "exited 7" in error.message
        assert "out of disk" in error.where.last_words

    def test_an_output_that_exits_0_before_its_end_has_failed(self, stage: Stage) -> None:
        error = failure(stage, [["repeat", 10, DATA], ["say", end(10)], ["eof"]], [["keep", "/dev/null"], ["exit", 0]])
        assert error.code == "provider.died"

    def test_acks_written_right_before_the_outputs_death_count(self, stage: Stage) -> None:
        failure(
            stage,
            [["repeat", 10, DATA], ["say", checkpoint(1, 10)], ["eof"]],
            [["read", 11], ["say", ack(1, 10)], ["exit", 9]],
        )
        assert stage.stored == {"n": 10}

    def test_a_child_that_holds_the_inputs_stdout_does_not_freeze_the_run(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watch, "EXIT_S", 0.5)
        error = failure(stage, [["hold_stdout"], ["repeat", 3, DATA], ["exit", 0]], [["on_term", []], *KEEP])
        assert "holds its stdout open" in error.message

    def test_a_legacy_input_that_fails_fails_the_run(self, stage: Stage) -> None:
        error = failure(
            stage,
            [["repeat", 3, DATA], ["exit", 4]],
            [["say", '{"status":"ready"}'], ["eof"]],
            announced=(False, False),
        )
        assert "exited 4" in error.message


class TestStanding:
    def test_an_output_that_owes_an_ack_for_too_long_is_named(self, stage: Stage) -> None:
        error = failure(
            stage,
            [["repeat", 10, DATA], ["say", checkpoint(1, 10)], ["eof"]],
            [["read", 11], ["sleep", 60]],
            ack_timeout=0.5,
        )
        assert error.code == "provider.stalled"
        assert "output" in error.message

    def test_an_output_that_never_reads_is_named(self, stage: Stage) -> None:
        error = failure(
            stage,
            [["repeat", 500_000, DATA], ["eof"]],
            [["sleep", 60]],
            ack_timeout=0.5,
        )
        assert error.code == "provider.stalled"

    def test_an_output_that_does_not_take_the_last_line_of_a_legacy_input_is_named(self, stage: Stage) -> None:
        error = failure(
            stage,
            # A pipe holds 1 MiB: what is left of it is less than what the relay has held back.
            [["say", '{"status":"ready"}'], ["long", 1_000_000], ["say_raw", "x" * 100_000]],
            [["say", '{"status":"ready"}'], ["sleep", 60]],
            announced=(False, False),
            ack_timeout=0.5,
        )
        assert error.code == "provider.stalled"

    def test_an_output_that_acknowledges_heartbeats_is_alive_though_no_count_moves(self, stage: Stage) -> None:
        beats = [["say", checkpoint(beat, 0)] for beat in range(1, 11)]
        acks = [step for beat in range(1, 11) for step in (["read", 1], ["sleep", 0.5], ["say", ack(beat, 0)])]
        summary = stage.play([*beats, ["say", end(0)], ["eof"]], [*acks, ["read", 1], ["say", end(0)]], ack_timeout=4.0)
        assert summary.outcome == "ended"

    def test_a_store_that_never_answers_ends_the_run(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        for module, name in ((watch, "SETTLE_S"), (attempt, "SETTLE_S"), (sqlite, "BUSY_TIMEOUT_S")):
            monkeypatch.setattr(module, name, 0.3)
        answer = threading.Event()

        class Hung(SqliteState):
            def commit(self, *arguments: Any, **options: Any) -> None:
                with self._locked():
                    answer.wait(60)

        stage.state = Hung(stage.state_dir / "state.db")
        try:
            error = failure(
                stage,
                [["repeat", 10, DATA], ["say", checkpoint(1, 10)], ["sleep", 60]],
                [["read", 11], ["say", ack(1, 10)], ["sleep", 60]],
            )
        finally:
            answer.set()
        assert error.code == "state.unavailable"

    def test_no_more_than_max_in_flight_and_one_checkpoint_is_relayed_ahead_of_the_acks(self, stage: Stage) -> None:
        steps = []
        for number in range(1, 40):
            steps += [["repeat", 10, DATA], ["say", checkpoint(number, number * 10)]]
        error = failure(
            stage,
            [*steps, ["eof"]],
            [["slowly", 0, 0]],
            max_in_flight=95,
            ack_timeout=0.5,
        )
        assert error.code == "provider.stalled"
        assert isinstance(error, RunFailed)
        assert error.summary.counts.relayed <= 105 + 390  # the chunk that was read counts as relayed up to its end


class TestStopping:
    def drain_when_running(self, stage: Stage) -> None:
        stage.observer.on_phase = lambda phase: stage.control.drain() if phase == "running" else None

    def test_a_drain_signals_the_input_alone_and_everything_relayed_is_acknowledged(self, stage: Stage) -> None:
        self.drain_when_running(stage)
        summary = stage.play(
            [["on_term", [["repeat", 10, DATA], ["say", checkpoint(1, 10), end(10)], ["eof"]]], ["sleep", 60]],
            [["keep", "/dev/null"], ["say", ack(1, 10), end(10)]],
        )
        assert summary.outcome == "drained"
        assert (summary.counts.relayed, summary.counts.delivered) == (10, 10)

    def test_a_legacy_input_that_dies_of_the_signal_has_drained(self, stage: Stage) -> None:
        kept = stage.folder / "kept"
        go = stage.folder / "go"

        def drain_once_written() -> None:
            while not (go.exists() and "running" in stage.observer.phases):
                time.sleep(0.01)
            stage.control.drain()

        threading.Thread(target=drain_once_written).start()
        summary = stage.play(
            [["repeat", 880, DATA], ["keep", str(go)], ["sleep", 60]],
            [["say", '{"status":"ready"}'], ["keep", str(kept)]],
            announced=(False, False),
        )
        assert (summary.outcome, summary.counts.relayed) == ("drained", 880)
        assert len(lines(kept)) == 880

    def test_an_input_that_ignores_the_signal_is_an_error_after_the_grace(self, stage: Stage) -> None:
        self.drain_when_running(stage)
        error = failure(stage, [["on_term", [["sleep", 60]]], ["sleep", 60]], KEEP, grace=0.5)
        assert error.code == "provider.drain_timeout"

    def test_a_second_request_ends_at_once(self, stage: Stage) -> None:
        def twice(phase: str) -> None:
            if phase == "draining":
                stage.control.kill()

        stage.observer.on_phase = lambda phase: stage.control.drain() if phase == "running" else twice(phase)
        with pytest.raises(Forced):
            stage.play([["on_term", [["sleep", 60]]], ["sleep", 60]], KEEP)

    def test_a_request_during_the_handshake_ends_the_run_before_a_record_flows(self, stage: Stage) -> None:
        stage.handshakes["output"] = None
        begun = stage.folder / "begun"

        def drain_once_begun() -> None:
            while not begun.exists():
                time.sleep(0.01)
            stage.control.drain()

        threading.Thread(target=drain_once_begun).start()
        summary = stage.play(NOTHING, [["note", str(begun)], ["sleep", 60]])
        assert (summary.outcome, summary.counts.relayed) == ("drained", 0)

    def test_a_timeout_drains(self, stage: Stage) -> None:
        summary = stage.play(
            [["on_term", [["say", end(0)], ["eof"]]], ["sleep", 60]],
            [["keep", "/dev/null"], ["say", end(0)]],
            timeout=0.3,
        )
        assert summary.outcome == "drained"

    def test_enough_records_drain(self, stage: Stage) -> None:
        summary = stage.play(
            [["on_term", [["say", end(50)], ["eof"]]], ["repeat", 50, DATA], ["sleep", 60]],
            [["keep", "/dev/null"], ["say", end(50)]],
            max_records=20,
        )
        assert (summary.outcome, summary.counts.relayed) == ("drained", 50)


def test_a_failed_attempt_is_followed_by_one_that_resumes(stage: Stage) -> None:
    notes = stage.folder / "notes"
    first = stage.folder / "first"
    summary = stage.play(
        [["note", str(notes)], ["repeat", 10, DATA], ["say", checkpoint(1, 10), end(10)], ["eof"]],
        [["keep", str(first)], ["say", ack(1, 10)], ["once", str(first) + ".done", [["exit", 1]]], ["say", end(10)]],
        restart=Restart(policy="on-failure", backoff=0.1),
    )
    assert summary.restarts == 1
    assert [json.loads(line).get("state") for line in lines(notes)] == [None, {"n": 10}]
    assert summary.counts.relayed == 20


def test_a_restart_policy_gives_up_after_its_retries(stage: Stage) -> None:
    error = failure(stage, NOTHING, [["exit", 1]], restart=Restart(policy="on-failure", max_retries=2, backoff=0.05))
    assert error.code == "provider.died"
    assert sum("trying again" in warning for warning in stage.observer.warnings) == 2


def test_the_timeout_bounds_a_run_however_often_it_restarts(stage: Stage) -> None:
    too_late = threading.Timer(60, stage.control.kill)
    too_late.start()
    try:
        error = failure(
            stage,
            [["sleep", 0.3], ["exit", 1]],
            KEEP,
            timeout=4.0,
            restart=Restart(policy="on-failure", backoff=0.05, max_backoff=0.05),
        )
    finally:
        too_late.cancel()
    assert error.code == "provider.died"
    assert any("trying again" in warning for warning in stage.observer.warnings)


def test_enough_records_are_counted_over_all_attempts(stage: Stage) -> None:
    once = str(stage.folder / "once")
    first = [["repeat", 30, DATA], ["say", checkpoint(1, 30)], ["read", 1], ["exit", 1]]
    summary = stage.play(
        [
            ["on_term", [["say", checkpoint(2, 25), end(25)], ["eof"]]],
            ["once", once, first],
            ["repeat", 25, DATA],
            ["sleep", 60],
        ],
        [
            ["on_term", []],
            ["once", once + ".output", [["read", 31], ["say", ack(1, 30)], ["eof"]]],
            ["keep", "/dev/null"],
            ["say", end(25)],
        ],
        max_records=50,
        restart=Restart(policy="on-failure", backoff=0.05),
    )
    assert (summary.outcome, summary.restarts, summary.counts.delivered) == ("drained", 1, 55)


def test_no_stream_is_closed_under_a_thread_that_writes_to_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    writing: list[int] = []  # the descriptors that some thread is about to write to
    closed_under_it: list[list[int]] = []
    write, dispose = PipeSink.write, Party.dispose

    def held_up(sink: PipeSink, data: memoryview | bytes) -> int:
        writing.append(sink.fileno())
        time.sleep(0.2)  # what a busy machine does
        writing.pop()
        return write(sink, data)

    def note(party: Party, deadline: float) -> None:
        closed_under_it.append(list(writing))
        dispose(party, deadline)

    monkeypatch.setattr(PipeSink, "write", held_up)
    monkeypatch.setattr(Party, "dispose", note)
    failure(stage, [["repeat", 1_000_000, DATA], ["eof"]], [["say", '{"ack":{}}'], *KEEP])
    assert closed_under_it == [[], []]


def test_nothing_of_a_failed_run_is_left(stage: Stage) -> None:
    pids = stage.folder / "pids"
    failure(
        stage, [["pid", str(pids)], ["repeat", 10, DATA], ["sleep", 60]], [["pid", str(pids)], ["read", 3], ["exit", 1]]
    )
    for pid in map(int, lines(pids)):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
