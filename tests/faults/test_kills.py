"""Whatever is killed whenever: nothing is lost, the order stays, little is repeated, and nothing is left running."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.conftest import FULL
from tests.faults.campaign import Campaign, chains
from tests.faults.conftest import TOLD
from tests.faults.rounds import VICTIMS, Round

if TYPE_CHECKING:
    from tests.faults.places import Containers
    from tests.servers.engine import PrivateEngine

ROUNDS = 1000 if FULL else 60
COMBINATIONS = [(victim, place) for victim in VICTIMS for place in ("process", "container")]
COMBINATIONS.remove(("engine", "process"))

pytestmark = [pytest.mark.engine, pytest.mark.full, pytest.mark.timeout(6 * 3600 if FULL else 1200)]


@pytest.fixture(scope="module")
def played(
    request: pytest.FixtureRequest,
    seed: int,
    containers: Containers,
    mortal_engine: PrivateEngine,
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Round]:
    began = time.monotonic()
    campaign = Campaign(tmp_path_factory.mktemp("kills"), seed, host=containers.host, mortal=mortal_engine)
    rounds = campaign.play(chains(ROUNDS))
    told = [f"faults: {len(rounds)} rounds in {time.monotonic() - began:.0f} s"]
    for victim, place in COMBINATIONS:
        some = [round_ for round_ in rounds if (round_.victim, round_.place) == (victim, place)]
        tries, seconds = sum(round_.tries for round_ in some), sum(round_.seconds for round_ in some)
        told.append(f"  {victim} killed, {place}: {len(some)} rounds, {tries} kills, {seconds / len(some):.1f} s each")
    request.config.stash[TOLD] = told
    return rounds


@pytest.mark.parametrize(("victim", "place"), COMBINATIONS)
def test_a_kill_loses_nothing_and_leaves_nothing(played: list[Round], victim: str, place: str) -> None:
    rounds = [round_ for round_ in played if (round_.victim, round_.place) == (victim, place)]
    assert rounds
    failed = [str(round_) for round_ in rounds if round_.problems]
    assert not failed, f"{len(failed)} of {len(rounds)} rounds:\n\n" + "\n\n".join(failed)


def test_every_victim_was_killed_equally_often_and_half_the_rounds_resumed(played: list[Round]) -> None:
    assert len(played) == ROUNDS
    assert {victim: sum(round_.victim == victim for round_ in played) for victim in VICTIMS} == dict.fromkeys(
        VICTIMS, ROUNDS // len(VICTIMS)
    )
    assert sum(round_.resumed for round_ in played) == ROUNDS // 2
    assert all(round_.unacknowledged > 0 for round_ in played)
