"""Waiting for a task that another host works on."""

from __future__ import annotations

import random
from collections.abc import Callable

from orchestrator.errors import UnavailableError
from orchestrator.pipeline.observe import RunControl
from orchestrator.relay.channel import Halted
from orchestrator.state.store import Claim, TaskHeld


def claim_in_turn(claim: Callable[[], Claim], control: RunControl, waiting: Callable[[str], None]) -> Claim:
    """What `claim` returns, asked again while it raises `TaskHeld`. Blocks for as long as another host works.

    Raises `Halted` when asked to stop, and what else `claim` raises at first. Later a store that does not answer is
    waited for: this host is there for when it answers again. `waiting` is told what for, whenever that changes.
    """
    pause: float | None = None
    last = ""
    while True:
        try:
            return claim()
        except TaskHeld as held:
            pause = held.retry_s
            said = held.message
        except UnavailableError as error:
            if pause is None or error.code != "state.unavailable":
                raise
            said = str(error)
        if said != last:
            waiting(said)
            last = said
        if control.wait(pause * random.uniform(0.75, 1.0)):  # noqa: S311  # hosts that do not ask all at once
            raise Halted
