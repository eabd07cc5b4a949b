"""Rates drawn small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli.views.sparks import BARS, PLAIN_BARS, POINTS, History, bars_for, spark
from orchestrator.pipeline.live import Live
from orchestrator.pipeline.survey import TaskStatus
from orchestrator.relay.counters import Counts


@given(st.lists(st.floats(0, 1e9), max_size=POINTS))
def test_a_bar_for_every_rate_and_the_higher_the_rate_the_higher_the_bar(rates: list[float]) -> None:
    drawn = [BARS.index(bar) for bar in spark(rates)]
    assert len(drawn) == len(rates)
    for one, bar in zip(rates, drawn, strict=True):
        assert (bar == 0) == (one == 0)
        assert all(bar <= other for rate, other in zip(rates, drawn, strict=True) if one <= rate)
    if any(rates):
        assert max(drawn) == len(BARS) - 1


def running(relayed: int, run_id: str = "R1") -> TaskStatus:
    counts = Counts(relayed=relayed)
    live = Live(task="orders", run_id=run_id, pid=1, state="running", since=0, started_at=0, counts=counts)
    return TaskStatus("orders", "running", live=live)


def test_rates_are_those_between_two_looks_and_another_run_begins_anew() -> None:
    history = History()
    for moment, status in enumerate([running(10), running(30), running(5, "R2"), running(8, "R2")]):
        history.add([status], float(moment))
    assert history.rates("orders") == (20.0, 0.0, 3.0)
    history.add([TaskStatus("orders", "stopped")], 9.0)
    assert history.rates("orders")[-1] == 0.0
    for moment in range(10, 200):
        history.add([running(moment)], float(moment))
    assert len(history.rates("orders")) == POINTS


def test_a_terminal_of_few_characters_gets_plain_bars() -> None:
    assert (bars_for("utf-8"), bars_for("latin-1"), bars_for("no such thing")) == (BARS, PLAIN_BARS, PLAIN_BARS)
