"""Two hosts, one lease, one shared state: whatever becomes of the holder, the other goes on, and never beside it.

With `--full` there are ten campaigns of the rounds that are played otherwise: `-k 'campaign-7'` plays one of them by
itself, and `DSTREAM_FAULT_SEED` the same writes to its databases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import FULL
from tests.faults.conftest import TOLD
from tests.faults.mssql.standing import Database
from tests.faults.sources import Numbers
from tests.faults.standby import FAULTS, Pair, play_together

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.sources import Source
    from tests.servers.azurite import Azurite

CAMPAIGNS = range(10 if FULL else 1)
PAIRS = 5
DATABASES = 2
"""So many of the pairs read a SQL Server."""

ROUNDS = 4
"""Of each pair."""

RESTARTS = ("", 'policy = "on-failure"\n    backoff = "1s"')
"""A run that lost its lease ends, or stands by for the next."""

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids="campaign-{}".format)
def test_a_holder_killed_frozen_or_cut_off_is_replaced_and_writes_nothing_beside_its_successor(
    *, campaign: int, azurite: Azurite, tmp_path: Path, cache: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    sources: list[Source] = [
        Database(f"{seed}/standby-{campaign}-{number}") if number < DATABASES else Numbers() for number in range(PAIRS)
    ]
    pairs = [
        Pair(tmp_path / str(number), source, azurite, cache, RESTARTS[(campaign + number) % 2])
        for number, source in enumerate(sources)
    ]
    faults = [[FAULTS[(campaign + number + turn) % 3] for turn in range(ROUNDS)] for number in range(PAIRS)]
    found = play_together(pairs, faults)
    told = []
    for fault in FAULTS:
        seconds = sorted(one.seconds for pair in pairs for one in pair.takeovers if one.fault == fault)
        if seconds:
            told.append(f"standby: {len(seconds)} times {fault}, taken over in {seconds[0]:.0f} to {seconds[-1]:.0f} s")
    request.config.stash[TOLD] = [*request.config.stash.get(TOLD, []), *told]
    wrong = [f"pair {number}: {what}" for number, whats in enumerate(found) for what in whats]
    assert not wrong, "\n".join(wrong)
    assert sum(len(pair.takeovers) for pair in pairs) == PAIRS * ROUNDS
