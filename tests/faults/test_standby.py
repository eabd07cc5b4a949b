"""Two hosts, one lease, one shared state: whatever becomes of the holder, the other goes on, and never beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import FULL
from tests.faults.conftest import TOLD
from tests.faults.standby import FAULTS, Pair, play_together

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.azurite import Azurite

PAIRS = 10
ROUNDS = 20 if FULL else 2
"""Of each pair."""

RESTARTS = ("", 'policy = "on-failure"\n    backoff = "1s"')
"""A run that lost its lease ends, or stands by for the next."""

pytestmark = [pytest.mark.full, pytest.mark.timeout(3600 if FULL else 300)]


def test_a_holder_killed_frozen_or_cut_off_is_replaced_and_writes_nothing_beside_its_successor(
    azurite: Azurite, tmp_path: Path, cache: Path, request: pytest.FixtureRequest
) -> None:
    pairs = [Pair(tmp_path / str(number), azurite, cache, RESTARTS[number % 2]) for number in range(PAIRS)]
    faults = [[FAULTS[(number + turn) % 3] for turn in range(ROUNDS)] for number in range(PAIRS)]
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
