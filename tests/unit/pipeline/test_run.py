"""Runs that go well, and what they leave behind."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from dstream_sdk.protocol import End
from orchestrator.config.model import Restart
from orchestrator.errors import ConfigError, DstreamError
from orchestrator.pipeline import conversation, watch
from orchestrator.pipeline.observe import RunFailed
from orchestrator.relay.counters import Ledger, Settled
from orchestrator.relay.settle import Settler
from orchestrator.state.lock import Locks
from orchestrator.state.store import Checkpoint, Identity
from tests.differences import first_difference
from tests.unit.pipeline.conftest import Stage

DATA = '{"data":{"n":{n}},"metadata":{}}'


def checkpoint(number: int, records: int) -> str:
    return json.dumps(
        {"checkpoint": {"id": number, "records": records, "state": {"n": records}}}, separators=(",", ":")
    )


def ack(number: int, records: int, rejected: int = 0) -> str:
    return json.dumps({"ack": {"id": number, "records": records, "rejected": rejected}}, separators=(",", ":"))


def end(records: int, rejected: int = 0) -> str:
    return json.dumps({"end": {"records": records, "rejected": rejected}}, separators=(",", ":"))


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def test_what_the_input_wrote_the_output_read_and_acknowledged(stage: Stage) -> None:
    kept = stage.folder / "kept"
    summary = stage.play(
        [["repeat", 5000, DATA], ["say", checkpoint(1, 5000), end(5000)], ["eof"]],
        [["keep", str(kept)], ["say", ack(1, 5000), end(5000)]],
    )
    assert summary.outcome == "ended"
    assert summary.delivery == "at-least-once"
    counts = summary.counts
    assert (counts.emitted, counts.relayed, counts.delivered, counts.unconfirmed) == (5000, 5000, 5000, 0)
    written = [DATA.replace("{n}", str(n)).encode() for n in range(1, 5001)]
    assert first_difference(lines(kept), written) is None
    assert stage.stored == {"n": 5000}


def test_a_state_is_stored_as_it_was_written_whatever_was_relayed_before_its_ack(stage: Stage) -> None:
    stage.play(
        [["repeat", 10, DATA], ["say", checkpoint(1, 10)], ["repeat", 100_000, DATA], ["say", end(100_010)], ["eof"]],
        [["keep", "/dev/null"], ["say", end(100_010)]],
    )
    assert stage.stored == {"n": 10}


def test_the_next_run_resumes_from_the_acknowledged_state(stage: Stage) -> None:
    notes = stage.folder / "notes"
    steps = [["note", str(notes)], ["repeat", 10, DATA], ["say", checkpoint(1, 10), end(10)], ["eof"]]
    for _ in range(2):
        stage.play(steps, [["keep", "/dev/null"], ["say", ack(1, 10), end(10)]])
    first, second = (json.loads(line) for line in lines(notes))
    assert "state" not in first
    assert second["state"] == {"n": 10}
    assert (second["task"], second["delivery"], second["protocol"], second["role"]) == (
        "play",
        "at-least-once",
        1,
        "input",
    )


def test_the_end_settles_a_checkpoint_that_was_never_acknowledged(stage: Stage) -> None:
    stage.play(
        [["repeat", 10, DATA], ["say", checkpoint(1, 10), end(10)], ["eof"]],
        [["keep", "/dev/null"], ["say", end(10)]],
    )
    assert stage.stored == {"n": 10}


def test_the_input_hears_the_last_ack_before_its_stdin_closes(stage: Stage) -> None:
    heard = stage.folder / "heard"
    stage.play(
        [["repeat", 10, DATA], ["say", checkpoint(1, 10), end(10)], ["keep", str(heard)]],
        [["keep", "/dev/null"], ["say", end(10)]],
    )
    assert [json.loads(line) for line in lines(heard)][-1] == {"ack": {"id": 1, "records": 10}}


def test_rejected_records_become_dead_letters_and_are_counted(stage: Stage) -> None:
    reject = '{"reject":{"record":%d,"code":"too_large","reason":"4 MB","envelope":{"data":{}}}}'
    summary = stage.play(
        [["repeat", 10, DATA], ["say", checkpoint(1, 10), end(10)], ["eof"]],
        [["keep", "/dev/null"], ["say", reject % 3, reject % 7, ack(1, 10, 2), end(10, 2)]],
    )
    assert (summary.counts.delivered, summary.counts.rejected) == (8, 2)
    assert stage.state.dead_letters("play") == 2


def test_what_the_outputs_end_settles_is_stored_however_late_it_is_handed_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_in, closed = Ledger.finish, threading.Event()

    def held_up(ledger: Ledger, end: End, offset: int) -> Settled:
        settled = taken_in(ledger, end, offset)
        closed.wait(2 * watch.TICK_S)
        return settled

    def close(settler: Settler, timeout: float) -> bool:
        done = closing(settler, timeout)
        closed.set()
        return done

    closing = Settler.close
    monkeypatch.setattr(Ledger, "finish", held_up)
    monkeypatch.setattr(Settler, "close", close)
    reject = '{"reject":{"record":3,"code":"too_large","reason":"4 MB","envelope":{"data":{}}}}'
    stage.play(
        [["repeat", 10, DATA], ["say", checkpoint(1, 10), end(10)], ["eof"]],
        [["keep", "/dev/null"], ["say", reject, end(10, 1)]],
    )
    assert stage.stored == {"n": 10}
    assert stage.state.dead_letters("play") == 1


def test_an_outputs_other_lines_are_text_for_the_user(stage: Stage) -> None:
    stage.play(
        [["say", end(0)], ["eof"]],
        [["say", "hello", ' {"ack":1}'], ["keep", "/dev/null"], ["say", end(0)]],
    )
    assert b"".join(stage.observer.texts) == b'hello\n {"ack":1}\n'


def test_half_a_line_is_never_forwarded(stage: Stage) -> None:
    kept = stage.folder / "kept"
    with pytest.raises(RunFailed):
        stage.play(
            [["repeat", 3, DATA], ["say_raw", '{"data":{"n":4'], ["exit", 0]],
            [["on_term", []], ["keep", str(kept)]],
        )
    assert len(lines(kept)) <= 3
    assert b"4" not in kept.read_bytes()


def test_lines_of_any_length_up_to_the_limit_pass(stage: Stage) -> None:
    kept = stage.folder / "kept"
    stage.play(
        [["long", 20_000_000], ["say", end(1)], ["eof"]],
        [["keep", str(kept)], ["say", end(1)]],
    )
    assert kept.stat().st_size == 20_000_000
    assert len(lines(kept)) == 1


def test_a_state_of_another_provider_is_refused_with_the_way_out(stage: Stage) -> None:
    claim = stage.state.claim("play", "earlier")
    stage.state.commit(claim, Checkpoint(Identity("play", "other/image", "other", 1), "earlier", 1, 1, b"{}", 0.0))
    with pytest.raises(DstreamError) as refused:
        stage.play([["say", end(0)]], [["say", end(0)]])
    assert refused.value.code == "state.identity"
    assert "dstream state reset play" in (refused.value.hint or "")


def test_a_second_run_of_a_running_task_is_refused(stage: Stage) -> None:
    with Locks(stage.state_dir).acquire("play", "other"), pytest.raises(DstreamError, match="task.running"):
        stage.play([["say", end(0)]], [["say", end(0)]])


class TestBestEffort:
    def test_a_legacy_pair_speaks_as_the_original_does(self, stage: Stage) -> None:
        kept, notes = stage.folder / "kept", stage.folder / "notes"
        summary = stage.play(
            [["note", str(notes)], ["eof"], ["say", '{"status":"ready"}'], ["repeat", 2000, DATA]],
            [["note", str(notes)], ["say", '{"status":"ready"}'], ["keep", str(kept)]],
            announced=(False, False),
        )
        assert len(lines(kept)) == 2000
        assert (summary.delivery, summary.counts.relayed, summary.counts.delivered) == ("best-effort", 2000, None)
        assert all(set(json.loads(line)) == {"command", "config"} for line in lines(notes))
        assert any("best effort" in warning for warning in stage.observer.warnings)

    def test_a_first_line_that_is_no_handshake_is_data_or_text(self, stage: Stage) -> None:
        kept = stage.folder / "kept"
        stage.play(
            [["say", '{"status":"ready","extra":1}'], ["say_raw", "last line without newline"]],
            [["say", "hello"], ["keep", str(kept)]],
            announced=(False, False),
        )
        assert lines(kept) == [b'{"status":"ready","extra":1}', b"last line without newline"]
        assert b"".join(stage.observer.texts) == b"hello\n"

    def test_control_lines_of_a_legacy_input_are_data(self, stage: Stage) -> None:
        kept = stage.folder / "kept"
        stage.play(
            [["say", checkpoint(1, 0), end(0)]],
            [["say", '{"status":"ready"}'], ["eof"]],
            announced=(False, False),
        )
        stage.play(
            [["say", '{"stats":{}}', DATA]],
            [["say", '{"status":"ready"}'], ["keep", str(kept)]],
            announced=(False, False),
        )
        assert lines(kept) == [b'{"stats":{}}', DATA.encode()]

    def test_a_silent_legacy_output_counts_as_ready_and_may_still_refuse(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(conversation, "LEGACY_SILENCE_S", 0.3)
        with pytest.raises(DstreamError) as refused:
            stage.play(
                [["sleep", 0.2], ["repeat", 5, DATA], ["sleep", 20]],
                [["sleep", 0.8], ["say", '{"status":"error","message":"no such queue"}'], ["eof"]],
                announced=(False, False),
            )
        assert refused.value.code == "provider.refused"
        assert "no such queue" in refused.value.message

    def test_a_checkpoint_counts_once_everything_before_it_was_written(self, stage: Stage) -> None:
        heard = stage.folder / "heard"
        stage.play(
            [["repeat", 10, DATA], ["say", checkpoint(1, 10)], ["read", 1], ["say", end(10)], ["keep", str(heard)]],
            [["say", '{"status":"ready"}'], ["eof"]],
            announced=(True, False),
        )
        assert stage.stored == {"n": 10}

    def test_a_legacy_output_sees_no_control_lines(self, stage: Stage) -> None:
        kept = stage.folder / "kept"
        stage.play(
            [["repeat", 10, DATA], ["say", checkpoint(1, 10), '{"stats":{"lag_s":1}}', end(10)], ["eof"]],
            [["say", '{"status":"ready"}'], ["keep", str(kept)]],
            announced=(True, False),
        )
        assert len(lines(kept)) == 10

    def test_an_output_of_protocol_1_gets_the_end_that_a_legacy_input_never_writes(self, stage: Stage) -> None:
        kept = stage.folder / "kept"
        summary = stage.play(
            [["say", '{"status":"ready"}'], ["repeat", 10, DATA], ["say_raw", "the last without newline"]],
            [["keep", str(kept)], ["say", end(11)]],
            announced=(False, True),
        )
        assert lines(kept)[-1] == b"the last without newline"
        assert (summary.outcome, summary.counts.relayed) == ("ended", 11)

    def test_an_unannounced_protocol_is_an_error_that_holds_the_missing_line(self, stage: Stage) -> None:
        with pytest.raises(DstreamError) as refused:
            stage.play(
                [["say", '{"status":"ready","protocol":1}']],
                [["say", '{"status":"ready"}'], ["eof"]],
                announced=(False, False),
            )
        assert refused.value.code == "provider.unannounced"
        assert "protocol = 1" in (refused.value.hint or "")


def test_an_error_of_the_config_is_not_retried(stage: Stage) -> None:
    with pytest.raises(DstreamError) as refused:
        stage.play(
            [["say", '{"status":"ready","protocol":1}']],
            [["say", '{"status":"ready"}'], ["eof"]],
            announced=(False, False),
            restart=Restart(policy="on-failure"),
        )
    assert refused.value.exit_code == ConfigError.exit_code
    assert not any("trying again" in warning for warning in stage.observer.warnings)


def test_a_task_that_always_restarts_begins_again_behind_its_end_until_it_is_asked_to_stop(stage: Stage) -> None:
    summary = stage.play(
        [["on_term", []], ["say_raw", '{"data":{}}\n{"end":{"records":1}}\n'], ["eof"]],
        [["read", 2], ["say", '{"end":{"records":1,"rejected":0}}']],
        restart=Restart(policy="always", backoff=0.01, max_backoff=0.01),
        max_records=3,
    )
    assert (summary.outcome, summary.counts.relayed, summary.restarts) == ("drained", 3, 2)
    assert stage.observer.phases.count("backing off") == 2
    assert stage.observer.warnings == []
