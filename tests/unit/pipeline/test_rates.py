"""Rates from samples of totals."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.pipeline.rates import LONGEST_S, SAMPLE_S, Samples

gaps = st.lists(st.floats(0.5, 30.0), min_size=1, max_size=200)


@given(gaps, st.integers(0, 100_000), st.floats(1.0, 10_000.0))
def test_a_steady_stream_has_its_rate_at_every_moment_of_its_life(gaps: list[float], start: int, begin: float) -> None:
    samples, moment = Samples(), begin
    samples.add(moment, start, 0)
    for gap in gaps:
        moment += gap
        if moment - begin >= 1.0:
            at = round((moment - begin) * 1000)
            rates = samples.rates(moment, start + at, 10 * at)
            for found in (rates.records_60, rates.records_300, rates.bytes_60 / 10, rates.bytes_300 / 10):
                assert math.isclose(found, 1000, rel_tol=0.01)
        samples.add(moment, start + round((moment - begin) * 1000), 10 * round((moment - begin) * 1000))


@given(st.lists(st.tuples(st.floats(SAMPLE_S, 20.0), st.integers(0, 10_000)), max_size=300))
def test_a_window_is_as_long_as_it_says_and_no_more_is_kept_than_it_needs(steps: list[tuple[float, int]]) -> None:
    samples, moment, total = Samples(), 0.0, 0
    past = [(moment, total)]
    samples.add(moment, total, total)
    for gap, records in steps:
        moment, total = moment + gap, total + records
        past.append((moment, total))
        samples.add(moment, total, total)
    assert len(samples) <= LONGEST_S / SAMPLE_S + 2
    rates = samples.rates(moment + 1.0, total, total)
    for window, found in ((60.0, rates.records_60), (LONGEST_S, rates.records_300)):
        older = [one for one in past if one[0] <= moment + 1.0 - window] or past[:1]
        began, before = older[-1]
        assert math.isclose(found, (total - before) / (moment + 1.0 - began), abs_tol=1e-9)


def test_what_was_long_ago_does_not_count_any_more() -> None:
    samples = Samples()
    samples.add(0.0, 0, 0)
    samples.add(5.0, 5_000, 5_000)
    assert samples.rates(10.0, 5_000, 5_000).records_60 == 500
    for moment in range(10, 100, 5):
        samples.add(float(moment), 5_000, 5_000)
    rates = samples.rates(100.0, 5_000, 5_000)
    assert (rates.records_60, rates.records_300) == (0.0, 50.0)


def test_in_its_first_second_a_run_is_not_taken_for_faster_than_it_is() -> None:
    samples = Samples()
    assert samples.rates(3.0, 7, 7).records_60 == 0.0
    samples.add(3.0, 0, 0)
    assert samples.rates(3.001, 10, 10).records_60 == 10.0
