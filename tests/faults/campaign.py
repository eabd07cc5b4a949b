"""Which rounds are played, on which projects, and what of it runs side by side."""

from __future__ import annotations

import itertools
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.places import Containers, Processes
from tests.faults.project import Project
from tests.faults.rounds import VICTIMS, Round, Victim, play, some_stream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.places import Place
    from tests.servers.engine import PrivateEngine

SIDE_BY_SIDE = 2


@dataclass(frozen=True)
class Chain:
    """Rounds on one project: the first on an empty state, each further one on what the last one left."""

    place: str
    number: int
    victims: tuple[Victim, ...]


def chains(rounds: int) -> list[Chain]:
    """The rounds, `rounds` of them, every victim equally often and half of them on an empty state.

    An engine has only containers to lose; the others are spread over both runtimes.
    """
    each, rest = divmod(rounds, len(VICTIMS))
    assert rest == 0, f"{rounds} rounds cannot be shared out to {len(VICTIMS)} victims"
    others = list(itertools.islice(itertools.cycle(VICTIMS[:3]), 3 * each))
    half = (len(others) + 1) // 2
    lanes: dict[str, list[Victim]] = {
        "process": others[:half],
        "container": others[half:],
        "engine": ["engine"] * each,
    }
    made: list[Chain] = []
    fresh = resumed = 0
    for place, lane in lanes.items():
        pairs = [tuple(lane[at : at + 2]) for at in range(0, len(lane), 2)]
        if len(pairs[-1]) == 1 and len(pairs) > 1 and fresh >= resumed:
            # One left over: it goes on where the pair before it ended, to even the score.
            pairs[-2:] = [pairs[-2] + pairs[-1]]
        fresh += len(pairs)
        resumed += len(lane) - len(pairs)
        made += [Chain(place, number, victims) for number, victims in enumerate(pairs)]
    return made


class Campaign:
    """Plays chains, two at a time. The engine that is killed has one at a time."""

    def __init__(self, folder: Path, seed: int, *, host: str, mortal: PrivateEngine) -> None:
        self._folder = folder
        self._seed = seed
        self._mortal = mortal
        self._places: dict[str, Place] = {
            "process": Processes(),
            "container": Containers(host),
            "engine": Containers(mortal.host),
        }

    def play(self, planned: list[Chain]) -> list[Round]:
        """Play them all; a failure of a round is in it, not raised."""
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            futures: list[Future[list[Round]]] = []
            deadly = [chain for chain in planned if chain.place == "engine"]
            futures.append(pool.submit(lambda: [round_ for chain in deadly for round_ in self._chain(chain)]))
            futures += [pool.submit(self._chain, chain) for chain in planned if chain.place != "engine"]
            return [round_ for future in futures for round_ in future.result()]

    def _chain(self, chain: Chain) -> list[Round]:
        name = f"{chain.place}-{chain.number}"
        project = Project(self._folder / name, self._places[chain.place], cache=self._folder / "cache")
        stream = some_stream(f"{self._seed}/{name}")
        played = []
        for number, victim in enumerate(chain.victims):
            seed = f"{self._seed}/{name}/{number}"
            try:
                engine = self._mortal if victim == "engine" else None
                played.append(play(project, stream, victim, seed, engine=engine))
            except Exception:  # noqa: BLE001 - whatever it was, the other rounds are still worth playing
                resumed = number > 0
                played.append(Round(victim, project.place.name, seed, resumed, problems=[traceback.format_exc()]))
        project.sweep()
        return played
