"""What a run tells of itself while it goes on."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from orchestrator.config.model import Restart
from orchestrator.errors import DstreamError
from orchestrator.pipeline.control import Controls
from orchestrator.pipeline.live import STATE_SHOWN, Live
from orchestrator.pipeline.observe import RunFailed
from orchestrator.pipeline.totals import Totals
from orchestrator.pipeline.vitals import STATS_LIMIT, Vitals
from orchestrator.relay.counters import Counts, Ledger
from orchestrator.state.store import Checkpoint, Identity
from tests.unit.pipeline.test_run import DATA, ack, checkpoint, end

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.pipeline.attempt import Attempt
    from tests.unit.pipeline.conftest import Stage

PATIENCE_S = 60.0


class Asking:
    """Plays a run on the main thread, which processes want, and asks it on another one."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.found: Live | None = None

    def until(self, wanted: Callable[[Live], bool], then: Callable[[], Any]) -> None:
        """Ask until an answer is as wanted, and do `then`."""
        self._thread = threading.Thread(target=self._ask, args=(wanted, then))
        self._thread.start()

    def answer(self) -> Live:
        self._thread.join()
        assert self.found is not None
        return self.found

    def _ask(self, wanted: Callable[[Live], bool], then: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        controls = Controls(self._stage.state_dir)
        try:
            while time.monotonic() < deadline:
                try:
                    live = msgspec.convert(controls.ask("play", "status"), Live)
                except DstreamError:
                    live = None
                if live is not None and wanted(live):
                    self.found = live
                    return
                time.sleep(0.01)
        finally:
            then()


@pytest.fixture
def asking(stage: Stage) -> Asking:
    return Asking(stage)


def test_a_run_tells_all_that_is_known_of_it(stage: Stage, asking: Asking) -> None:
    go = stage.folder / "go"
    stats = ['{"stats":{"lag_s":9.5}}', '{"stats":{"lag_s":0.5,"tables":3}}']
    reject = '{"reject":{"record":2,"code":"bad","reason":"no key","raw":"eA=="}}'

    def told(live: Live) -> bool:
        newest = "tables" in live.stats.get("input", {})
        return live.state == "running" and live.checkpoint is not None and newest and "input" in live.last_words

    asking.until(told, go.touch)
    source = [["log", "hello"], ["repeat", 3, DATA], ["say", checkpoint(7, 3), *stats], ["wait_for", str(go)]]
    stage.play(
        [*source, ["say", end(3)], ["eof"]],
        [["read", 4], ["say", reject, ack(7, 3, 1)], ["keep", "/dev/null"], ["say", end(3, 1)]],
    )
    live = asking.answer()
    assert (live.task, live.state, live.delivery, live.restarts) == ("play", "running", "at-least-once", 0)
    assert live.started_at <= live.since <= time.time()
    size = live.counts.bytes
    assert live.counts == Counts(emitted=None, relayed=3, delivered=2, rejected=1, unconfirmed=0, bytes=size)
    assert size > 0
    assert live.in_flight == 0
    assert live.rates.records_60 > 0
    assert live.checkpoint is not None
    assert (live.checkpoint.id, live.checkpoint.records, live.checkpoint.state) == (7, 3, '{"n":3}')
    assert live.stats == {"input": {"lag_s": 0.5, "tables": 3}}
    assert live.last_words["input"] == ["hello"]
    assert live.dead_letters == 1
    for provider in live.providers.values():
        assert provider.program.endswith("puppet.py")
        assert (provider.identity or "").startswith("pid ")


def test_a_run_that_backs_off_says_why_and_until_when(stage: Stage, asking: Asking) -> None:
    asking.until(lambda live: live.state == "backing off", stage.control.drain)
    policy = Restart("on-failure", backoff=600.0, max_backoff=600.0)
    with pytest.raises(RunFailed):
        stage.play([["eof"]], [["log", "no more room"], ["exit", 1]], restart=policy)
    live = asking.answer()
    assert (live.failures_in_a_row, live.restarts) == (1, 0)
    assert live.next_attempt_at is not None
    assert 299 < live.next_attempt_at - live.since <= 600
    assert "provider.died" in (live.last_error or "")
    assert live.last_words["output"] == ["no more room"]
    assert {provider.identity for provider in live.providers.values()} == {None}


def test_the_figures_of_an_earlier_attempt_count_and_its_failure_is_kept(stage: Stage, asking: Asking) -> None:
    go, failed = stage.folder / "go", stage.folder / "failed"
    asking.until(lambda live: live.state == "running" and live.counts.relayed == 4, go.touch)
    stage.play(
        [["repeat", 2, DATA], ["say", checkpoint(1, 2)], ["wait_for", str(go)], ["say", end(2)], ["eof"]],
        [
            ["once", str(failed), [["read", 3], ["log", "no more room"], ["exit", 1]]],
            ["read", 3],
            ["say", ack(1, 2)],
            ["keep", "/dev/null"],
            ["say", end(2)],
        ],
        restart=Restart("on-failure", backoff=0.01, max_backoff=0.01),
    )
    live = asking.answer()
    assert (live.restarts, live.failures_in_a_row, live.next_attempt_at) == (1, 1, None)
    assert "provider.died" in (live.last_error or "")
    assert live.last_words == {"output": ["no more room"]}


def test_stats_without_measure_are_cut(stage: Stage, asking: Asking) -> None:
    go = stage.folder / "go"
    asking.until(lambda live: bool(live.stats), go.touch)
    stats = {"lag_s": 1.5, **{f"table {number}": "x" * 1000 for number in range(50)}}
    line = json.dumps({"stats": stats}, separators=(",", ":"))
    stage.play(
        [["say", line], ["wait_for", str(go)], ["say", end(0)], ["eof"]], [["keep", "/dev/null"], ["say", end(0)]]
    )
    told = asking.answer().stats["input"]
    assert told["lag_s"] == 1.5
    assert 1 < len(told) < len(stats)
    assert len(json.dumps(told)) <= STATS_LIMIT * 1.1


def test_a_secret_of_digits_within_a_number_of_the_stats_leaves_the_run_readable(stage: Stage, asking: Asking) -> None:
    go = stage.folder / "go"
    stage.redact = lambda text: text.replace("5432", "[secret]")
    asking.until(lambda live: bool(live.stats), go.touch)
    stats = {"position": 1795432001, "server": "db:5432", "seen": ["5432"]}
    line = json.dumps({"stats": stats}, separators=(",", ":"))
    stage.play(
        [["say", line], ["wait_for", str(go)], ["say", end(0)], ["eof"]], [["keep", "/dev/null"], ["say", end(0)]]
    )
    told = asking.answer().stats["input"]
    assert told == {"position": 1795432001, "server": "db:[secret]", "seen": ["[secret]"]}


def vitals(redact: Callable[[str], str] = str, reset_after: float = 60.0) -> Vitals:
    return Vitals("play", "R1", totals=Totals(), redact=redact, reset_after=reset_after)


def test_a_provider_may_tell_its_first_stats_while_the_run_is_read() -> None:
    ledger = Ledger(confirming=True, max_in_flight=10)
    ledger.stats["input"] = {"table": "Orders"}

    def redact(text: str) -> str:
        ledger.stats["output"] = {"queue": "orders"}  # as its reader does on a thread of its own
        return text

    one = vitals(redact)
    one.began(cast("Attempt", SimpleNamespace(ledger=ledger, parties={}, delivery="at-least-once")))
    assert one.live().stats == {"input": {"table": "Orders"}}
    assert set(one.live().stats) == {"input", "output"}


def test_a_state_is_told_without_its_secrets_and_cut() -> None:
    one = vitals(lambda text: text.replace("hunter2", "[secret]"))
    state = json.dumps({"password": "hunter2", "rest": "x" * 2 * STATE_SHOWN}).encode()
    one.stored(Checkpoint(Identity("play", "source", "source", 1), "R1", 1, 10, state, 5.0))
    told = one.live().checkpoint
    assert told is not None
    assert told.state.startswith('{"password": "[secret]"')
    assert len(told.state) == STATE_SHOWN + 1


def test_an_attempt_is_never_counted_twice_whenever_it_is_asked() -> None:
    totals = Totals()
    ledger = Ledger(confirming=True, max_in_flight=10)
    ledger.relayed = 5
    totals.counting(ledger)
    assert totals.counts().relayed == 5
    totals.next_attempt()
    assert totals.counts().relayed == 5
    assert totals.in_flight is None
    totals.counting(Ledger(confirming=True, max_in_flight=10))
    assert (totals.counts().relayed, totals.earlier.relayed) == (5, 5)
