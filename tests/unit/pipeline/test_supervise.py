"""Whether, and when, an attempt is followed by another."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from orchestrator.config.model import Restart, RestartPolicy
from orchestrator.errors import ConfigError, DstreamError, RunError
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.supervise import supervise

DIED = RunError("provider.died", "it died")


@dataclass
class Script:
    """Attempts that end as told, the last of them drained; and what was said before each further one."""

    ends: list[DstreamError | None]
    control: RunControl = field(default_factory=RunControl)
    restarts: list[tuple[DstreamError | None, int]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def attempt(self) -> None:
        end = self.ends.pop(0)
        if not self.ends:
            self.control.drain()
        if end is not None:
            raise end

    def restarting(self, error: DstreamError | None, pause: float, in_a_row: int) -> None:
        self.restarts.append((error, in_a_row))
        self.pauses.append(pause)

    def play(self, policy: Restart) -> int:
        return supervise(self.attempt, policy, self.control, self.restarting)


def quick(policy: RestartPolicy, *, reset_after: float = 300.0, max_retries: int | None = None) -> Restart:
    return Restart(policy, max_retries, backoff=0.001, max_backoff=0.004, reset_after=reset_after)


def test_a_task_that_fails_for_days_is_still_tried_again() -> None:
    script = Script([DIED] * 1102)
    policy = Restart(policy="on-failure", max_retries=1100, backoff=1e-9, max_backoff=1e-6)
    with pytest.raises(RunError):
        script.play(policy)
    assert len(script.pauses) == 1100
    assert max(script.pauses) <= 1e-6


def test_the_pause_doubles_with_every_failure_up_to_its_longest_and_is_jittered() -> None:
    script = Script([DIED] * 40 + [None])
    script.play(quick("on-failure"))
    for pause, longest in zip(script.pauses, [0.001, 0.002, *[0.004] * 38], strict=True):
        assert longest / 2 <= pause <= longest
    assert len(set(script.pauses)) == 40


@pytest.mark.parametrize(("policy", "restarts"), [("no", []), ("on-failure", []), ("always", [(None, 0)] * 3)])
def test_a_run_that_ended_is_only_followed_by_another_where_the_policy_is_always(
    policy: RestartPolicy, restarts: list[tuple[None, int]]
) -> None:
    script = Script([None] * 4)
    assert script.play(quick(policy)) == len(restarts)
    assert script.restarts == restarts


def test_an_end_between_failures_begins_their_count_anew() -> None:
    script = Script([DIED, DIED, None, DIED, None])
    assert script.play(quick("always", max_retries=2)) == 4
    assert script.restarts == [(DIED, 1), (DIED, 2), (None, 0), (DIED, 1)]


def test_a_good_while_between_failures_begins_their_count_anew() -> None:
    script = Script([DIED] * 10 + [None])
    script.play(quick("on-failure", reset_after=0.0, max_retries=1))
    assert script.restarts == [(DIED, 1)] * 10


@pytest.mark.parametrize("policy", ["on-failure", "always"])
def test_what_is_wrong_with_the_configuration_is_not_tried_again(policy: RestartPolicy) -> None:
    script = Script([ConfigError("config.type", "no"), None])
    with pytest.raises(ConfigError):
        script.play(quick(policy))
    assert script.restarts == []


def test_without_a_policy_the_first_failure_is_the_last() -> None:
    script = Script([DIED, None])
    with pytest.raises(RunError):
        script.play(quick("no"))
    assert script.restarts == []
