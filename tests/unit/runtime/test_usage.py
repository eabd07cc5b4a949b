"""What a provider takes of its host."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from orchestrator.runtime.base import Usage
from orchestrator.runtime.usage import container_usage
from tests.streams import read_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.runtime.process import RunningProcess

    Start = Callable[..., RunningProcess]

BURN = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"


def test_a_process_counts_with_its_children_living_and_dead(start: Start) -> None:
    running = start(f"sh -c '{BURN}'; sleep 300 & echo burnt; wait")
    assert read_line(running.stdout) == b"burnt"
    usage = running.usage(1.0)
    assert usage is not None
    assert usage.cpu_s > 0.0
    one = usage.memory
    assert one > os.sysconf("SC_PAGE_SIZE")
    assert usage.memory_limit is None


def test_what_has_ended_takes_nothing(start: Start) -> None:
    running = start("sleep 300")
    running.kill()
    ended = running.wait(60)
    assert ended is not None
    assert ended.signal == signal.SIGKILL
    assert running.usage(1.0) is None


def test_pages_that_could_be_dropped_are_not_a_containers_own() -> None:
    cpu = {"cpu_usage": {"total_usage": 1_500_000_000}}
    newer = {"usage": 100, "limit": 400, "stats": {"inactive_file": 30}}
    older = {"usage": 100, "limit": 400, "stats": {"total_inactive_file": 30}}
    for memory in (newer, older):
        assert container_usage({"cpu_stats": cpu, "memory_stats": memory}) == Usage(1.5, 70, 400)


def test_the_engine_says_nothing_of_a_container_that_has_ended() -> None:
    assert container_usage({"cpu_stats": {"cpu_usage": {"total_usage": 0}}, "memory_stats": {}}) is None
