"""Waiting for one's turn to read, and stopping before it is somebody else's."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from dstream_sdk import Checkpoint, Context, Envelope, ProviderError
from mssql_cdc_provider.locks.lock import HARD_END, Lock, Lost, Taken, Unreachable

EPOCHS = "locks"
"""The key of a stored state under which the epochs of the locks are."""

ASKED_AGAIN_S = 2.5
_TRY_AGAIN_S = 0.5

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps


class LockLost(ProviderError):
    """Another host may read these tables now, or soon."""


@contextmanager
def take_turn(locks: Sequence[Lock], context: Context) -> Iterator[Turn | None]:
    """Wait until all `locks` are held, and hold them until the end of the block.

    Gives None when the run should wind down before that. Raises `ProviderError` for what only the user can mend.
    Locks are taken in the order of their names, and all given back while one of them is somebody else's.
    """
    ordered = sorted(locks, key=lambda lock: lock.name)
    turn: Turn | None = None
    try:
        while turn is None:
            turn = _take(ordered, context)
            if turn is None and context.wait(ASKED_AGAIN_S):
                break
        if turn is not None and context.wait(max((lock.settles_s for lock in ordered), default=0.0)):
            turn.end()
            turn = None
        yield turn
    finally:
        if turn is not None:
            turn.end()


class Turn:
    """All locks held, each renewed by a thread of its own."""

    def __init__(self, held: Sequence[tuple[Lock, int | None, float]], context: Context) -> None:
        """`held` are locks, how often each was taken by now, and when it was asked for."""
        self._log = context.logger
        self._epochs = {lock.name: epoch for lock, epoch, _ in held if epoch is not None}
        self._stop = context.stop
        self._why = "it could not be renewed in time"
        self._over = threading.Event()
        self._until = {lock.name: asked + lock.sure_for_s for lock, _, asked in held}
        self._locks = [lock for lock, _, _ in held]
        self._threads = [threading.Thread(target=self._keep, args=(lock,), daemon=True) for lock in self._locks]
        for thread in self._threads:
            thread.start()
        self._say_who_was_between(context.state)

    @property
    def sure(self) -> bool:
        """Whether nobody else can hold one of the locks, nor will soon."""
        return not self._over.is_set() and _now() < min(self._until.values(), default=math.inf)

    def items(self, items: Iterator[Envelope | Checkpoint]) -> Iterator[Envelope | Checkpoint]:
        """`items` for as long as it is our turn; the locks' epochs go into every state. Raises `LockLost`."""
        for item in items:
            if not self.sure:
                break
            if isinstance(item, Checkpoint) and self._epochs:
                item = replace(item, state={**item.state, EPOCHS: self._epochs})  # noqa: PLW2901
            yield item
        if not self.sure:
            raise LockLost(
                f"the lock was lost: {self._why}", hint="a run that is started again, or restarts, waits for its turn"
            )

    def end(self) -> None:
        """Give all locks back. Idempotent."""
        self._over.set()
        for thread in self._threads:
            thread.join(5.0)
        while self._locks:
            self._locks.pop().release()

    def _keep(self, lock: Lock) -> None:
        pause = lock.renew_every_s
        while not self._over.wait(min(pause, max(0.0, self._until[lock.name] - _now()))):
            asked = _now()
            if asked >= self._until[lock.name]:
                return self._lose(lock)
            try:
                lock.renew()
            except Lost as error:
                self._why = str(error)
                return self._lose(lock)
            except Unreachable as error:
                self._why = str(error)
                pause = _TRY_AGAIN_S
            else:
                self._until[lock.name] = asked + lock.sure_for_s
                pause = lock.renew_every_s
        return None

    def _lose(self, lock: Lock) -> None:
        self._until[lock.name] = -math.inf
        self._log.error("lock `%s` was lost: %s", lock.name, self._why)
        self._stop.request("its lock was lost")
        if not self._over.wait(lock.sure_for_s * (HARD_END - 1)):
            # The reader stands still in a query or in a write, and nobody may wait for it.
            logging.shutdown()
            os._exit(1)

    def _say_who_was_between(self, state: Any) -> None:
        """A state that was stored under an older epoch lies before what another holder has read since."""
        known = state.get(EPOCHS, {}) if isinstance(state, dict) else {}
        for name, epoch in self._epochs.items():
            if name in known and epoch > known[name] + 1:
                self._log.warning(
                    "lock `%s` was held by others since this state was stored: what they sent is sent again, unless"
                    " the hosts share their state (`state` in dstream.hcl)",
                    name,
                )


def _take(locks: Sequence[Lock], context: Context) -> Turn | None:
    """Every lock, or none."""
    held: list[tuple[Lock, int | None, float]] = []
    try:
        for lock in locks:
            asked = _now()
            held.append((lock, lock.acquire(), asked))
        return Turn(held, context)
    except (Taken, Unreachable) as error:
        context.logger.info("waiting for lock `%s`: %s", lock.name, error)
        context.stats(waiting_for_lock=lock.name)
    except BaseException:
        _release(held)
        raise
    _release(held)
    return None


def _release(held: Sequence[tuple[Lock, int | None, float]]) -> None:
    for lock, _, _ in held:
        lock.release()


def _now() -> float:
    return time.clock_gettime(_CLOCK)
