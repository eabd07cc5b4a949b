"""What the SDK's host does for an output: a real process on either side of every test."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import PATIENCE_S, Start


def record(value: int) -> dict[str, Any]:
    return {"data": {"value": value}, "metadata": {"seq": value}}


def checkpoint(number: int, records: int) -> dict[str, Any]:
    return {"checkpoint": {"id": number, "records": records, "state": {}}}


def ack(number: int, records: int, **more: int) -> dict[str, Any]:
    return {"ack": {"id": number, "records": records, **more}}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_ack_follows_write_and_flush(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal)}) as sink:
        assert sink.read() == {"status": "ready", "protocol": 1, "capabilities": ["ack", "reject", "stats"]}
        sink.send(record(1), record(2), checkpoint(1, 2))
        assert sink.read() == ack(1, 2)
        assert journal.read_text() == "write [1, 2]\nflush\n"
        sink.send(record(3), checkpoint(2, 3), {"end": {"records": 3}})
        assert sink.read() == ack(2, 3)
        assert sink.read() == {"end": {"records": 3}}
        assert sink.status() == 0
    assert journal.read_text().splitlines()[-3:] == ["write [3]", "flush", "close"]


def test_only_the_newest_of_several_checkpoints_is_acknowledged(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal)}) as sink:
        sink.read()
        sink.send(record(1), checkpoint(1, 1), record(2), checkpoint(2, 2), {"end": {"records": 2}})
        assert sink.rest() in ([ack(2, 2), {"end": {"records": 2}}], [ack(1, 1), ack(2, 2), {"end": {"records": 2}}])


def test_checkpoint_without_records_is_acknowledged_without_a_flush(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal)}) as sink:
        sink.read()
        sink.send(checkpoint(4, 0))
        assert sink.read() == ack(4, 0)
    assert not journal.exists()


def test_batches_are_bounded_by_count(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal), "batch_records": 2}) as sink:
        sink.read()
        lines = b"".join(b'{"data":{"value":%d}}\n' % value for value in range(1, 6))
        sink.process.send(lines + b'{"end":{"records":5}}\n', PATIENCE_S)
        assert sink.rest() == [{"end": {"records": 5}}]
    assert journal.read_text().splitlines() == ["write [1, 2]", "write [3, 4]", "write [5]", "close"]


def test_records_without_a_checkpoint_are_written_within_the_linger(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal), "show": "shown"}) as sink:
        sink.read()
        sink.send(record(1))
        assert sink.process.line(PATIENCE_S) == b"shown"


def test_waiting_for_an_ack_ends_a_long_linger(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal), "linger_s": 3600}) as sink:
        sink.read()
        sink.send(record(1), checkpoint(1, 1))
        assert sink.read() == ack(1, 1)


def test_returned_rejections_are_reported_before_the_ack(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal), "returns": [2, 4]}) as sink:
        sink.read()
        sink.send(*map(record, (1, 2, 3)), checkpoint(1, 3), record(4), {"end": {"records": 4}})
        found = sink.rest()
    assert [line["reject"]["record"] for line in found if "reject" in line] == [2, 4]
    assert found[0] == {"reject": {"record": 2, "code": "bad_value", "envelope": record(2)}}
    assert ack(1, 3, rejected=1) in found
    assert found[-1] == {"end": {"records": 4, "rejected": 2}}


def test_raised_rejection_has_the_rest_of_the_batch_tried_again(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal), "raises": [2, 3]}) as sink:
        sink.read()
        lines = b"".join(b'{"data":{"value":%d}}\n' % value for value in range(1, 5))
        sink.process.send(lines + b'{"end":{"records":4}}\n', PATIENCE_S)
        found = sink.rest()
    assert [line["reject"]["record"] for line in found[:-1]] == [2, 3]
    assert journal.read_text().splitlines() == ["write [1]", "write []", "write [4]", "close"]


def test_line_that_is_no_envelope_becomes_a_reject(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal)}) as sink:
        sink.read()
        bad = [b"", b"hello", b'{"metadata":{}}', b'{"data":"\xff"}', b'{"data":1}{"data":2}']
        lines = [b'{"data":{"value":1}}', *bad, b'{"data":{"value":7}}']
        sink.process.send(b"\n".join([*lines, b'{"checkpoint":{"id":1,"records":7,"state":null}}', b""]), PATIENCE_S)
        rejects = [sink.read()["reject"] for _ in bad]
        assert [reject["record"] for reject in rejects] == [2, 3, 4, 5, 6]
        assert [base64.b64decode(reject["raw"]) for reject in rejects] == bad
        assert sink.read() == ack(1, 7, rejected=5)
    assert journal.read_text().splitlines()[:2] == ["write [1]", "write [7]"]


def test_failing_write_ends_the_run_with_nothing_acknowledged(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal), "fail_at": 2}) as sink:
        sink.read()
        sink.send(record(1), record(2), checkpoint(1, 2))
        assert sink.rest() == []
        assert sink.status() == 1
        assert "the far side is down (hint: start it)" in sink.process.stderr
        assert "Traceback" not in sink.process.stderr


@pytest.mark.parametrize(("fault", "message"), [("flush_error", "disk full"), ("close_error", "close failed")])
def test_failing_flush_or_close_ends_the_run_without_an_end(
    fault: str, message: str, start: Start, journal: Path
) -> None:
    with start("sink", {"journal": str(journal), fault: True}) as sink:
        sink.read()
        sink.send(record(1), checkpoint(1, 1), {"end": {"records": 1}})
        assert {"end": {"records": 1}} not in sink.rest()
        assert sink.status() == 1
        assert message in sink.process.stderr


@pytest.mark.parametrize("line", [checkpoint(1, 3), {"end": {"records": 3}}])
def test_count_that_is_not_its_own_ends_the_run(line: dict[str, Any], start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal)}) as sink:
        sink.read()
        sink.send(record(1), record(2), line)
        assert sink.rest() == []
        assert sink.status() == 1
        assert "2 records arrived" in sink.process.stderr


def test_sigterm_writes_and_acknowledges_what_arrived(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal), "show": "shown", "batch_records": 3}) as sink:
        sink.read()
        sink.send(*map(record, (1, 2, 3)), checkpoint(1, 3))
        assert sink.process.line(PATIENCE_S) == b"shown"
        sink.process.terminate()
        assert sink.rest() == [ack(1, 3)]
        assert sink.status() == 1
    assert journal.read_text().splitlines()[-1] == "close"


def test_eof_without_an_end_keeps_what_arrived_and_fails(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal)}) as sink:
        sink.read()
        sink.send(record(1))
        sink.process.send(b'{"data":{"value":2}', PATIENCE_S)
        sink.process.close_stdin()
        assert sink.rest() == []
        assert sink.status() == 1
        assert "discarded 19 bytes" in sink.process.stderr
    assert journal.read_text().splitlines()[0] == "write [1]"


def test_older_orchestrator_ends_the_stream_by_eof(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal)}, protocol=None) as sink:
        assert sink.read() == {"status": "ready"}
        sink.send(record(1), record(2))
        sink.process.close_stdin()
        assert sink.rest() == []
        assert sink.status() == 0
    assert journal.read_text().splitlines()[-1] == "close"


def test_older_orchestrator_has_no_place_for_rejects(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal)}, protocol=None) as sink:
        sink.read()
        sink.process.send(b"hello\n", PATIENCE_S)
        assert sink.status() == 1
        assert "record 1 cannot be written: not_an_envelope" in sink.process.stderr


@pytest.mark.parametrize("text", ['{"ack":{"id":9,"records":9}}', 'fine\n{"end":{"records":1}}'])
def test_text_for_the_user_is_never_taken_for_control(text: str, start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal), "show": text}) as sink:
        sink.read()
        sink.send(record(1))
        lines = [sink.process.line(PATIENCE_S) for _ in text.splitlines()]
        assert lines[-1] == b" " + text.splitlines()[-1].encode()


def test_check_and_discover_reply_in_one_line(start: Start, journal: Path) -> None:
    with start("sink", {"journal": str(journal)}, command="check") as sink:
        assert sink.read() == {"status": "ready", "protocol": 1}
        assert sink.rest() == [
            {
                "status": "Success",
                "findings": [{"check": "journal", "ok": True, "remedy": "mkdir -p", "field": "journal"}],
            }
        ]
        assert sink.status() == 0
    with start("sink", {"journal": "/no/such/folder/journal"}, command="check") as sink:
        sink.read()
        assert sink.read()["status"] == "Failed"
        assert sink.status() == 1
    with start("sink", {"journal": str(journal)}, command="discover") as sink:
        sink.read()
        assert sink.rest() == [{"status": "Success", "streams": [{"name": "journal"}]}]


def test_lifecycle_commands_reply_in_one_line(start: Start) -> None:
    with start("queues", command="plan", streams=[{"name": "orders"}]) as queues:
        queues.read()
        planned = [{"type": "queue", "name": "orders_cdc_events", "action": "create"}]
        assert queues.rest() == [{"status": "Success", "resources": planned}]
        assert queues.status() == 0
    with start("queues", command="init") as queues:
        queues.read()
        assert queues.rest() == [{"status": "Failed", "error": "RuntimeError: quota exceeded"}]
        assert queues.status() == 1


def test_eof_asks_a_lifecycle_command_to_stop(start: Start) -> None:
    with start("queues", command="destroy") as queues:
        queues.read()
        queues.process.close_stdin()
        assert queues.rest() == [{"status": "Success", "message": "stopped"}]


def test_provider_without_config_does_not_import_pydantic(start: Start) -> None:
    with start("bare") as bare:
        bare.read()
        bare.send(record(1), {"end": {"records": 1}})
        assert bare.process.line(PATIENCE_S) == b"1 records, pydantic False"
