"""What the SDK's host does for an input: a real process on either side of every test."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import PATIENCE_S, Running, Start


def data(lines: list[dict[str, Any]]) -> list[int]:
    return [line["data"]["value"] for line in lines if "data" in line]


def to_end(running: Running) -> list[dict[str, Any]]:
    lines = [running.read()]
    while "end" not in lines[-1]:
        lines.append(running.read())
    return lines


def test_stream_is_records_checkpoints_and_end(start: Start) -> None:
    with start("source", {"count": 7}) as source:
        assert source.read() == {"status": "ready", "protocol": 1, "capabilities": ["checkpoint", "stats", "signal"]}
        lines = to_end(source)
        assert data(lines) == [1, 2, 3, 4, 5, 6, 7]
        assert lines[5] == {"checkpoint": {"id": 1, "records": 5, "state": {"value": 5}}}
        assert lines[-1] == {"end": {"records": 7}}
        source.process.close_stdin()
        assert source.status() == 0


def test_stray_prints_of_provider_and_children_go_to_stderr(start: Start) -> None:
    with start("source", {"count": 2, "noisy": True}) as source:
        source.read()
        assert data(to_end(source)) == [1, 2]
        source.process.close_stdin()
        assert source.status() == 0
        assert source.process.stderr.count('{"data":"stray"}') == 2
        assert source.process.stderr.count('{"end":{}}') == 2
        assert "a library warns" in source.process.stderr


def test_records_are_sent_while_the_source_is_idle(start: Start) -> None:
    with start("source", {"count": 0, "every": 0, "pause_s": 3600}) as source:
        source.read()
        assert source.read()["data"] == {"value": 1}


def test_older_orchestrator_gets_data_alone_and_its_eof_means_nothing(start: Start) -> None:
    with start("source", {"count": 6}, protocol=None) as source:
        source.process.close_stdin()
        assert source.read() == {"status": "ready"}
        assert data(lines := source.rest()) == [1, 2, 3, 4, 5, 6]
        assert len(lines) == 6
        assert source.status() == 0


def test_later_protocol_is_answered_with_the_highest_known(start: Start) -> None:
    with start("source", {"count": 1}, protocol=7) as source:
        assert source.read()["protocol"] == 1


def test_bare_config_means_run(spawn: Running) -> None:
    spawn.send({"count": 2, "every": 0})
    assert spawn.read() == {"status": "ready"}
    assert data(spawn.rest()) == [1, 2]


def test_run_resumes_from_state(start: Start) -> None:
    with start("source", {"count": 8}, state={"value": 6}) as source:
        source.read()
        lines = to_end(source)
        assert data(lines) == [7, 8]
        assert lines[-1] == {"end": {"records": 2}}


def test_acknowledged_is_called_after_the_ack_and_with_the_newest(start: Start, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with start("source", {"count": 20, "journal": str(journal)}) as source:
        source.read()
        to_end(source)
        assert journal.read_text() == "open\n"
        source.process.send(
            b'{"ack":{"id":1,"records":5}}\n{"ack":{"id":3,"records":15}}\r\n{"signal":{"kind":"snapshot"}}\n{"ack"',
            PATIENCE_S,
        )
        source.process.send(b':{"id":4,"records":20}}\n', PATIENCE_S)
        source.process.close_stdin()
        assert source.status() == 0
        calls = journal.read_text().splitlines()
        assert [call for call in calls if call != "acknowledged 15"] == [
            "open",
            "signal snapshot",
            "acknowledged 20",
            "close",
        ]


def test_failing_acknowledged_ends_the_run(start: Start) -> None:
    with start("source", {"count": 20, "ack_error": True}) as source:
        source.read()
        to_end(source)
        source.send({"ack": {"id": 1, "records": 5}})
        assert source.status() == 1
        assert "the slot is gone" in source.process.stderr


def test_sigterm_drains_up_to_a_checkpoint(start: Start) -> None:
    with start("source", {"count": 0, "stubborn": True, "pause_s": 0.001}) as source:
        source.read()
        source.read()
        source.process.terminate()
        lines = to_end(source)
        assert "checkpoint" in lines[-2]
        source.process.close_stdin()
        assert source.status() == 0


def test_second_signal_ends_at_once(start: Start) -> None:
    with start("source", {"count": 0, "every": 0, "stubborn": True, "pause_s": 1}) as source:
        source.read()
        source.read()
        source.process.terminate()
        for _ in range(100):  # no longer waiting between records: the first signal has been seen
            source.read()
        source.process.terminate()
        assert source.status() == -signal.SIGTERM


def test_signal_that_comes_while_the_process_exits_changes_nothing(start: Start) -> None:
    with start("source", {"count": 0, "pause_s": 3600, "late_signal": True}) as source:
        source.read()
        source.read()
        source.process.terminate()
        to_end(source)
        source.process.close_stdin()
        assert source.status() == 0


def test_wait_returns_at_once_when_the_run_should_stop(start: Start) -> None:
    with start("source", {"count": 0, "pause_s": 3600}) as source:
        source.read()
        source.read()
        source.process.terminate()
        assert to_end(source)[-1] == {"end": {"records": 1}}


def test_eof_before_the_end_cancels_without_an_end(start: Start) -> None:
    with start("source", {"count": 0, "pause_s": 3600}) as source:
        source.read()
        source.read()
        source.process.close_stdin()
        assert source.rest() == []
        assert source.status() == 1


def test_closed_stdout_ends_without_a_traceback(start: Start) -> None:
    with start("source", {"count": 0, "pause_s": 0.01}) as source:
        source.read()
        source.process.close_stdout()
        assert source.status() == 1
        assert "Traceback" not in source.process.stderr


def test_failing_source_sends_what_it_had_and_no_end(start: Start) -> None:
    with start("source", {"fail_at": 4}) as source:
        source.read()
        assert data(lines := source.rest()) == [1, 2, 3]
        assert len(lines) == 3
        assert source.status() == 1
        assert "the source is broken" in source.process.stderr
        assert "Traceback" not in source.process.stderr


def test_traceback_is_shown_at_level_debug(start: Start) -> None:
    with start("source", {"fail_at": 1}, env={"DSTREAM_LOG_LEVEL": "debug"}) as source:
        assert source.status() == 1
        assert "Traceback" in source.process.stderr


def test_failing_open_is_the_handshakes_error(start: Start, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with start("source", {"open_error": "login failed", "journal": str(journal)}) as source:
        assert source.read() == {"status": "error", "message": "login failed", "hint": "ask the owner"}
        assert source.status() == 1
    assert journal.read_text() == "open\nclose\n"


def test_bad_config_names_every_field_and_no_value(start: Start) -> None:
    config = {"count": "many-secrets", "evry": 3, "password": ["hunter2"]}
    with start("source", config) as source:
        handshake = source.read()
        assert handshake["status"] == "error"
        for part in ("`count`", "`evry` is not known, did you mean `every`?", "`password`"):
            assert part in handshake["message"]
        assert "many-secrets" not in json.dumps(handshake) + source.process.stderr
        assert "hunter2" not in json.dumps(handshake) + source.process.stderr
        assert source.status() == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"\n", "no command"),
        (b"hello\n", "no command envelope"),
        (b"[1]\n", "no command envelope"),
        (b'{"command":1}\n', "no command envelope"),
        (b'{"command":"frobnicate"}\n', "does not know the command `frobnicate`"),
        (b'{"command":"plan"}\n', "does not have the command `plan`"),
        (b'{"command":"run","role":"output"}\n', "is no output"),
        (b'{"config":"' + b"x" * (8 << 20) + b'"}\n', "longer than"),
    ],
)
def test_first_line_that_cannot_be_served_is_refused(line: bytes, message: str, spawn: Running) -> None:
    spawn.process.send(line, PATIENCE_S)
    handshake = spawn.read()
    assert handshake["status"] == "error"
    assert message in handshake["message"]
    assert spawn.status() == 1


def test_first_line_may_begin_with_a_bom_and_end_without_a_newline(spawn: Running) -> None:
    spawn.process.send(b'\xef\xbb\xbf{"command":"describe"}', PATIENCE_S)
    spawn.process.close_stdin()
    assert spawn.read() == {"status": "ready"}
    assert spawn.read()["version"] == "1.2.3"
    assert spawn.status() == 0
