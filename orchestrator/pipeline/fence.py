"""What earlier runs left is killed and seen gone, before anything starts beside it."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.runtime.base import Runtime
from orchestrator.state.lock import Locks
from orchestrator.state.names import infrastructure_of, task_of
from orchestrator.state.store import StateStore

FENCE_S = 30.0


def fence(
    held: set[str],
    run_id: str,
    kinds: set[str],
    *,
    state: StateStore,
    locks: Locks,
    runtime: Callable[[str], Runtime],
    others: bool = True,
) -> int:
    """Clean up behind killed runs; the number of things removed.

    `held` are the names whose locks the caller holds; what work on the infrastructure of these tasks left is removed
    where its lock is free, and with `others` so is what runs of other tasks left. Raises `UnavailableError` when
    something stays, or when nobody can tell.
    """
    removed = 0
    left = {run.run_id: run for run in state.open_runs()}
    mine = held | {infrastructure_of(task_of(name)) for name in held}
    for other in sorted(({run.task for run in left.values()} if others else set()) | mine):
        runs = [run for run in left.values() if run.task == other]
        lock = None if other in held else locks.try_acquire(other, run_id, cleaning=True)
        if other not in held and lock is None:
            continue  # it is running
        try:
            for kind in sorted({kind for run in runs for kind in run.kinds} | (kinds if other in mine else set())):
                executor = runtime(kind)
                for leftover in executor.leftovers():
                    if leftover.scope.task == other and leftover.scope.run_id != run_id:
                        executor.remove(leftover, FENCE_S)
                        removed += 1
            for run in runs:
                state.abandon(run.run_id)
        finally:
            if lock is not None:
                lock.release()
    return removed
