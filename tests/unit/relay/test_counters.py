"""What the ledger accepts, and what it stops a run for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dstream_sdk.protocol import PENDING_CHECKPOINTS, Ack, CheckpointMark, End
from orchestrator.errors import RunError
from orchestrator.relay.channel import Halted
from orchestrator.relay.counters import REJECTS_HELD, Ledger, Rejected


def ledger(relayed: int = 0, *, max_in_flight: int = 10**9) -> Ledger:
    made = Ledger(confirming=True, max_in_flight=max_in_flight)
    made.relayed = relayed
    return made


def mark(number: int, records: int, state: bytes = b"{}") -> CheckpointMark:
    return CheckpointMark(number, records, msgspec.Raw(state))


def letter(record: int, content: bytes = b"{}") -> Rejected:
    return Rejected(record, "too_large", "", content)


def test_an_ack_settles_its_checkpoint_and_those_before_it() -> None:
    books = ledger(relayed=10)
    assert books.checkpoint(mark(1, 10), 0)
    books.relayed = 25
    assert books.checkpoint(mark(2, 25), 0)
    settled = books.ack(Ack(2, 25), 0)
    assert settled.mark is not None
    assert settled.mark.id == 2
    assert (books.acked, books.awaiting_ack) == (25, False)


@pytest.mark.parametrize(
    ("ack", "code"),
    [
        (Ack(7, 10), "relay.protocol"),
        (Ack(0, 10), "relay.protocol"),
        (Ack(1, 9), "relay.count_mismatch"),
        (Ack(1, 10, rejected=1), "relay.count_mismatch"),
    ],
    ids=["unknown id", "id before the first", "wrong records", "rejects that never came"],
)
def test_an_ack_that_does_not_fit_stops_the_run(ack: Ack, code: str) -> None:
    books = ledger(relayed=10)
    books.checkpoint(mark(1, 10), 0)
    with pytest.raises(RunError) as stopped:
        books.ack(ack, 4711)
    assert stopped.value.code == code
    assert "4,711" in stopped.value.message


def test_the_same_ack_twice_stops_the_run() -> None:
    books = ledger(relayed=10)
    books.checkpoint(mark(1, 10), 0)
    books.ack(Ack(1, 10), 0)
    with pytest.raises(RunError, match="relay.protocol"):
        books.ack(Ack(1, 10), 0)


def test_a_checkpoint_must_count_what_the_relay_counted() -> None:
    with pytest.raises(RunError, match="relay.count_mismatch"):
        ledger(relayed=10).checkpoint(mark(1, 11), 0)


def test_checkpoint_ids_must_increase() -> None:
    books = ledger()
    books.checkpoint(mark(3, 0), 0)
    with pytest.raises(RunError, match="relay.protocol"):
        books.checkpoint(mark(3, 0), 0)


def test_checkpoints_beyond_the_bound_are_left_out_and_the_end_still_settles_the_newest() -> None:
    books = ledger()
    forwarded = [books.checkpoint(mark(number, 0), 0) for number in range(PENDING_CHECKPOINTS + 5)]
    assert forwarded == [True] * PENDING_CHECKPOINTS + [False] * 5
    books.end(End(0), 0)
    settled = books.finish(End(0), 0)
    assert settled.mark is not None
    assert settled.mark.id == PENDING_CHECKPOINTS + 4


def test_state_beyond_the_bound_is_left_out() -> None:
    books = ledger()
    state = b'"' + b"s" * (1024 * 1024 - 2) + b'"'
    forwarded = [books.checkpoint(mark(number, 0, state), 0) for number in range(20)]
    assert forwarded.count(True) == 16


def test_a_state_past_its_limit_stops_the_run() -> None:
    with pytest.raises(RunError, match="relay.protocol"):
        ledger().checkpoint(mark(1, 0, b'"' + b"s" * 1024 * 1024 + b'"'), 0)


def test_rejects_settle_with_the_ack_that_covers_them_in_whatever_order_they_came() -> None:
    books = ledger(relayed=10)
    books.checkpoint(mark(1, 10), 0)
    books.relayed = 20
    books.checkpoint(mark(2, 20), 0)
    for record in (9, 3, 15):
        assert books.reject(letter(record), 0) is None
    assert [one.record for one in books.ack(Ack(1, 10, rejected=2), 0).rejects] == [3, 9]
    assert [one.record for one in books.ack(Ack(2, 20, rejected=3), 0).rejects] == [15]
    counts = books.counts()
    assert (counts.relayed, counts.delivered, counts.rejected, counts.unconfirmed) == (20, 17, 3, 0)


@pytest.mark.parametrize("record", [0, 11, 4], ids=["before the first", "never relayed", "twice"])
def test_a_reject_of_no_open_record_stops_the_run(record: int) -> None:
    books = ledger(relayed=10)
    books.reject(letter(4), 0)
    with pytest.raises(RunError, match="relay.protocol"):
        books.reject(letter(record), 0)


def test_many_rejects_are_stored_ahead_of_their_ack_and_counted_once() -> None:
    books = ledger(relayed=3)
    books.checkpoint(mark(1, 3), 0)
    big = b"x" * (REJECTS_HELD // 2 + 1)
    assert books.reject(letter(1, big), 0) is None
    early = books.reject(letter(2, big), 0)
    assert early is not None
    assert early.mark is None
    assert [one.record for one in early.rejects] == [1, 2]
    assert books.ack(Ack(1, 3, rejected=2), 0).rejects == ()
    assert books.rejected == 2


def test_an_end_must_count_what_the_relay_counted() -> None:
    with pytest.raises(RunError, match="relay.count_mismatch"):
        ledger(relayed=5).end(End(4), 0)
    books = ledger(relayed=5)
    books.end(End(5), 0)
    with pytest.raises(RunError, match="relay.count_mismatch"):
        books.finish(End(6), 0)


def test_an_output_cannot_end_before_the_input() -> None:
    with pytest.raises(RunError, match="relay.protocol"):
        ledger(relayed=5).finish(End(5), 0)


def test_whoever_waits_for_room_goes_on_once_the_ack_is_durable() -> None:
    books = ledger(relayed=10, max_in_flight=5)
    books.checkpoint(mark(1, 10), 0)
    assert books.must_wait()
    waiter = threading.Thread(target=books.wait_for_room)
    waiter.start()
    settled = books.ack(Ack(1, 10), 0)
    assert books.must_wait()
    books.stored(settled)
    waiter.join(60)
    assert not waiter.is_alive()


def test_whoever_waits_for_room_is_halted_when_all_is_stopped() -> None:
    books = ledger(relayed=10, max_in_flight=5)
    books.checkpoint(mark(1, 10), 0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(books.wait_for_room)
        books.stop()
        with pytest.raises(Halted):  # what is still held would only be repeated
            waiting.result(60)


def test_without_acks_nothing_is_known_of_what_was_delivered() -> None:
    books = Ledger(confirming=False, max_in_flight=1)
    books.relayed = 5
    assert not books.checkpoint(mark(1, 5), 0)
    counts = books.counts()
    assert (counts.delivered, counts.unconfirmed) == (None, None)


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans(), st.lists(st.integers(1, 1000), max_size=3)), max_size=40))
def test_relayed_is_always_delivered_plus_rejected_plus_unconfirmed(steps: list[tuple[int, bool, list[int]]]) -> None:
    books = ledger()
    sent: list[CheckpointMark] = []
    rejected: set[int] = set()
    for number, (records, acked, rejects) in enumerate(steps):
        books.relayed += records
        point = mark(number, books.relayed)
        assert books.checkpoint(point, 0)
        sent.append(point)
        for record in rejects:
            if books.acked < record <= books.relayed and record not in rejected:
                books.reject(letter(record), 0)
                rejected.add(record)
        if acked:
            covered = len([record for record in rejected if record <= point.records])
            books.ack(Ack(point.id, point.records, covered), 0)
            sent.clear()
        counts = books.counts()
        assert counts.delivered is not None
        assert counts.unconfirmed is not None
        assert counts.relayed == counts.delivered + counts.rejected + counts.unconfirmed
