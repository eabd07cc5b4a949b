"""The rule of the ack: durable first, acknowledged after, and never in anybody's way."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator

import msgspec
import pytest

from dstream_sdk.protocol import Ack, CheckpointMark, SignalLine
from orchestrator.relay import settle
from orchestrator.relay.channel import Halt, Outlet
from orchestrator.relay.counters import Rejected, Settled
from orchestrator.relay.settle import InputWriter, Settler
from orchestrator.runtime.pipes import PipeSink


def settled(number: int, *letters: int) -> Settled:
    return Settled(
        CheckpointMark(number, number * 10, msgspec.Raw(b"{}")),
        tuple(Rejected(record, "bad", "", b"{}") for record in letters),
    )


def number(what: Settled) -> int | None:
    return what.mark.id if what.mark else None


@pytest.fixture
def pipe() -> Iterator[tuple[int, Outlet]]:
    read, write = os.pipe()
    os.set_blocking(write, False)
    halt = Halt()
    yield read, Outlet(PipeSink(write), halt)
    halt.set()
    os.close(read)


def test_the_ack_follows_the_commit() -> None:
    order: list[str] = []
    settler = Settler(
        lambda what: order.append(f"commit {number(what)}"),
        lambda ack: order.append(f"ack {ack.id}"),
        lambda error: order.append(repr(error)),
    )
    settler.settle(settled(1))
    assert settler.close(60)
    assert order == ["commit 1", "ack 1"]


def test_nothing_is_acknowledged_once_a_commit_failed() -> None:
    failures: list[Exception] = []
    acks: list[Ack] = []

    def commit(_: Settled) -> None:
        raise OSError("disk full")

    settler = Settler(commit, acks.append, failures.append)
    settler.settle(settled(1))
    settler.settle(settled(2))
    assert settler.close(60)
    assert (acks, [str(error) for error in failures]) == ([], ["disk full"])


def test_a_slow_disk_commits_the_newest_and_every_dead_letter() -> None:
    entered, proceed = threading.Event(), threading.Event()
    commits: list[Settled] = []

    def commit(what: Settled) -> None:
        commits.append(what)
        entered.set()
        assert proceed.wait(60)

    settler = Settler(commit, lambda ack: None, lambda error: None)
    settler.settle(settled(1))
    assert entered.wait(60)
    for point in range(2, 50):
        settler.settle(settled(point, point))
    proceed.set()
    assert settler.close(60)
    assert [number(what) for what in commits] == [1, 49]
    assert [one.record for one in commits[1].rejects] == list(range(2, 50))


def test_an_input_that_never_reads_gets_whole_lines_and_the_newest_ack_when_it_does(pipe: tuple[int, Outlet]) -> None:
    read, outlet = pipe
    writer = InputWriter(outlet)
    for point in range(200_000):
        writer.put_ack(Ack(point, point))
    writer.put_signal(SignalLine({"kind": "snapshot"}))
    writer.close()
    content = b""
    while chunk := os.read(read, 65536):
        content += chunk
    assert writer.join(60)
    lines = [json.loads(line) for line in content.splitlines()]
    acks = [line["ack"]["id"] for line in lines if "ack" in line]
    assert acks == sorted(set(acks))
    assert acks[-1] == 199_999
    assert {"signal": {"kind": "snapshot"}} in lines


def test_an_input_that_never_reads_gets_its_end_all_the_same(
    pipe: tuple[int, Outlet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "LAST_LINES_S", 0.0)
    read, outlet = pipe
    writer = InputWriter(outlet)
    content = b""
    for _ in range(200_000):  # more than the pipe holds
        writer.put_signal(SignalLine({"kind": "snapshot"}))
    writer.close()
    assert writer.join(60)
    while chunk := os.read(read, 65536):
        content += chunk
    assert 0 < content.count(b"\n") < 200_000
