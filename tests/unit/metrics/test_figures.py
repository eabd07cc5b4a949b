"""What the figures promise: counters that never fall, and names and numbers of series that stay bounded."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.metrics.collector import RunCollector
from orchestrator.metrics.figures import FIGURES, STATS_NAMED, Figure, Readings
from orchestrator.pipeline.live import Live, LiveCheckpoint
from orchestrator.relay.counters import Counts
from tests.lives import counts, live

BY_NAME = {figure.prometheus_name: figure for figure in FIGURES}

numbers = st.integers(0, 2**63)
unsteady = st.builds(
    Counts,
    emitted=st.none() | numbers,
    relayed=numbers,
    delivered=st.none() | numbers,
    rejected=numbers,
    bytes=numbers,
)


def read(name: str, now: Live, readings: Readings | None = None) -> dict[tuple[str, ...], float]:
    """The values of one figure by its own labels."""
    figure = BY_NAME[name]
    points = (readings or Readings("shop")).points(figure, now)
    return {tuple(labels[label] for label in figure.labels): value for labels, value in points}


@given(st.lists(st.tuples(unsteady, st.integers(0, 1000)), min_size=2))
def test_no_counter_falls_or_goes_away_whatever_a_run_says_of_itself(said: list[tuple[Counts, int]]) -> None:
    readings = Readings("shop")
    before: dict[str, dict[tuple[str, ...], float]] = {}
    for told, restarts in said:
        now = live(counts=told, restarts=restarts)
        for figure in FIGURES:
            if figure.kind == "counter":
                values = read(figure.prometheus_name, now, readings)
                for labels, value in before.get(figure.name, {}).items():
                    assert values[labels] >= value
                before[figure.name] = values


def test_every_point_names_the_project_and_the_task() -> None:
    for figure in FIGURES:
        for labels, _ in Readings("shop").points(figure, live()):
            assert (labels["project"], labels["task"]) == ("shop", "orders")
            assert set(labels) == {"project", "task", *figure.labels}


def test_records_are_told_by_what_became_of_them() -> None:
    now = live(counts=counts(100, 80, rejected=5), in_flight=15)
    told = {name: read(name, now).get(()) for name in BY_NAME if name.endswith("_total") or "in_flight" in name}
    assert told == {
        "dstream_emitted_records_total": None,
        "dstream_relayed_records_total": 100,
        "dstream_relayed_bytes_total": 5000,
        "dstream_acknowledged_records_total": 85,
        "dstream_delivered_records_total": 80,
        "dstream_rejected_records_total": 5,
        "dstream_in_flight_records": 15,
        "dstream_restarts_total": 0,
    }


def test_what_nobody_counts_is_absent_and_not_zero() -> None:
    now = live(counts=counts(100, None), in_flight=None)
    for name in ("dstream_delivered_records_total", "dstream_acknowledged_records_total", "dstream_in_flight_records"):
        assert read(name, now) == {}


def test_exactly_one_state_is_the_runs() -> None:
    states = read("dstream_run_state", live(state="backing off"))
    assert [state for (state,), value in states.items() if value] == ["backing off"]
    assert len(states) == 7


def test_the_age_of_a_checkpoint_is_its_time_until_now_and_never_negative() -> None:
    def age(saved_at: float) -> float:
        mark = LiveCheckpoint(id=1, records=1, saved_at=saved_at, state="{}")
        return read("dstream_checkpoint_age_seconds", live(checkpoint=mark))[()]

    assert age(time.time() - 60) == pytest.approx(60, abs=30)
    assert age(time.time() + 3600) == 0
    assert read("dstream_checkpoint_age_seconds", live()) == {}


def test_numbers_among_the_stats_are_told_and_lag_by_a_name_of_its_own() -> None:
    stats: dict[str, Any] = {"lag_s": 1.5, "queue": 3, "capture": "running", "ok": True, "none": None, "deep": {"a": 1}}
    now = live(stats={"input": stats, "output": {"lag_s": 2}})
    assert read("dstream_provider_stat", now) == {
        ("input", "lag_s"): 1.5,
        ("input", "queue"): 3,
        ("output", "lag_s"): 2,
    }
    assert read("dstream_lag_seconds", now) == {("input",): 1.5, ("output",): 2}


@pytest.mark.parametrize("stat", ["", "1st", 'a"b', "a b", "a\nb", "x" * 65, "ä"])
def test_a_stat_whose_name_is_none_is_left_out(stat: str) -> None:
    assert read("dstream_provider_stat", live(stats={"input": {stat: 1}})) == {}


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), -(10**400)])
def test_a_stat_that_no_monitoring_system_can_hold_is_left_out(value: float) -> None:
    assert read("dstream_provider_stat", live(stats={"input": {"a": value}})) == {}


def test_a_provider_that_makes_up_names_adds_no_more_than_so_many_series() -> None:
    readings = Readings("shop")
    seen: set[tuple[str, ...]] = set()
    for hour in range(10):
        stats = {f"table_{hour}_{number}": number for number in range(20)}
        seen |= set(read("dstream_provider_stat", live(stats={"input": stats}), readings))
    assert len(seen) == STATS_NAMED
    assert read("dstream_provider_stat", live(stats={"output": {"lag_s": 1}}), readings) == {("output", "lag_s"): 1}


@pytest.mark.parametrize(
    ("error", "codes"),
    [
        (None, []),
        ("relay.protocol: the input broke the protocol", [("relay.protocol",)]),
        ("a secret: in words that are no code", []),
    ],
)
def test_of_the_last_error_only_its_code_is_told(error: str | None, codes: list[tuple[str, ...]]) -> None:
    assert list(read("dstream_last_error_info", live(last_error=error))) == codes


def test_names_and_units_are_what_both_systems_expect() -> None:
    for figure in FIGURES:
        assert figure.prometheus_name.endswith("_total") == (figure.kind == "counter")
        assert (figure.unit == "s") == figure.prometheus_name.endswith("_seconds")
        assert not figure.meaning.endswith(".")
    assert len(BY_NAME) == len(FIGURES)
    assert _name("dstream.lag", "s") == "dstream_lag_seconds"


def _name(name: str, unit: str) -> str:
    return Figure(name, "gauge", "", lambda _: [], unit).prometheus_name


def test_one_scrape_is_of_one_moment() -> None:
    asked: list[Live] = []

    def moment() -> Live:
        asked.append(live())
        return asked[-1]

    assert len(list(RunCollector(moment, "shop").collect())) == len(FIGURES)
    assert len(asked) == 1
