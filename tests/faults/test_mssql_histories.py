"""Random histories of a database, read through kills, faults and changes of shape: the sink has it all, in order.

Most are played with the provider alone, in a process that is killed, and a small driver in place of the orchestrator;
every twenty-fifth goes through `dstream run` with the process runtime, whose input and orchestrator are killed.
A history that fails is played again by its seed: `DSTREAM_FAULT_SEED` gives the same writes, kills and faults, if not
to the microsecond.
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import FULL
from tests.faults.conftest import TOLD
from tests.faults.mssql.broken import BROKEN
from tests.faults.mssql.histories import play_direct, play_orchestrated
from tests.faults.mssql.nursery import Nursery
from tests.faults.places import Processes

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.project import Project

DIRECT = 4800 if FULL else 96
ORCHESTRATED = 200 if FULL else 4
SIDE_BY_SIDE = 2
MOST_TRIES = 60
"""Histories until a broken provider must have been noticed: not each one meets each fault."""

pytestmark = [pytest.mark.full, pytest.mark.timeout(6 * 3600 if FULL else 600)]


def play_some(seeds: list[str], folder: Path) -> dict[str, list[str]]:
    """Play histories in this process; what was wrong with those that failed."""
    failed = {}
    with Nursery() as nursery:
        for number, seed in enumerate(seeds):
            place = folder / str(number)
            place.mkdir(parents=True)
            faults = play_direct(seed, nursery, place)
            if faults:
                failed[seed] = faults
    return failed


def test_whatever_happens_the_sink_has_the_database(tmp_path: Path, seed: int, request: pytest.FixtureRequest) -> None:
    began = time.monotonic()
    seeds = [f"{seed}/direct-{number}" for number in range(DIRECT)]
    shares = [seeds[at::SIDE_BY_SIDE] for at in range(SIDE_BY_SIDE)]
    failed: dict[str, list[str]] = {}
    with ProcessPoolExecutor(SIDE_BY_SIDE, mp_context=multiprocessing.get_context("spawn")) as pool:
        for found in pool.map(play_some, shares, [tmp_path / str(at) for at in range(SIDE_BY_SIDE)]):
            failed |= found
    told = f"mssql: {DIRECT} histories of the provider alone in {time.monotonic() - began:.0f} s"
    request.config.stash[TOLD] = [*request.config.stash.get(TOLD, []), told]
    assert not failed, _told(failed)


def test_whatever_happens_under_the_orchestrator_the_sink_has_the_database(
    project_at: Callable[..., Project], seed: int, request: pytest.FixtureRequest
) -> None:
    began = time.monotonic()
    failed = {}
    for number in range(ORCHESTRATED):
        one = f"{seed}/orchestrated-{number}"
        project = project_at(Processes())
        faults = play_orchestrated(one, project)
        project.sweep()
        if faults:
            failed[one] = faults
    told = f"mssql: {ORCHESTRATED} histories under the orchestrator in {time.monotonic() - began:.0f} s"
    request.config.stash[TOLD] = [*request.config.stash.get(TOLD, []), told]
    assert not failed, _told(failed)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_provider_with_a_fault_is_noticed(tmp_path: Path, broken: str) -> None:
    with Nursery() as nursery:
        for number in range(MOST_TRIES):
            place = tmp_path / str(number)
            place.mkdir()
            if play_direct(f"broken/{number}", nursery, place, broken=broken):
                return
    raise AssertionError(f"{MOST_TRIES} histories with `{broken}` went well")


def _told(failed: dict[str, list[str]]) -> str:
    return "\n\n".join(f"seed {seed!r}:\n" + "\n".join(faults) for seed, faults in failed.items())
