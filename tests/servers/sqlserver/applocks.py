"""Application locks: "sp_getapplock", "sp_releaseapplock", "APPLOCK_MODE", "APPLOCK_TEST"."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

GRANTED, GRANTED_AFTER_WAITING, TIMED_OUT, CANCELLED, WRONG = 0, 1, -1, -2, -999
_WITH = {  # "Lock compatibility"
    "shared": {"shared", "update", "intentshared"},
    "update": {"shared", "intentshared"},
    "intentshared": {"shared", "update", "intentshared", "intentexclusive"},
    "intentexclusive": {"intentshared", "intentexclusive"},
    "exclusive": set(),
}


@dataclass(frozen=True)
class _Held:
    spid: int
    mode: str
    owner: str  # session or transaction


class ApplicationLocks:
    """The locks of all sessions; a waiter blocks until the lock is granted, its time is up or its client gone."""

    def __init__(self) -> None:
        self._held: dict[str, list[_Held]] = {}
        self._changed = threading.Condition()

    def get(
        self, spid: int, resource: str, mode: str, owner: str, *, timeout: float | None, gone: threading.Event
    ) -> int:
        """The return code of `sp_getapplock`; `timeout` in seconds, None waits for ever."""
        mode, owner = mode.lower(), owner.lower()
        if mode not in _WITH or owner not in ("session", "transaction"):
            return WRONG
        limit = None if timeout is None else time.monotonic() + timeout
        waited = False
        with self._changed:
            while not self._free(spid, resource, mode):
                left = 0.1 if limit is None else min(0.1, limit - time.monotonic())
                if left <= 0:
                    return TIMED_OUT
                if gone.is_set():
                    return CANCELLED
                waited = True
                self._changed.wait(left)
            self._held.setdefault(resource, []).append(_Held(spid, mode, owner))
        return GRANTED_AFTER_WAITING if waited else GRANTED

    def release(self, spid: int, resource: str, owner: str) -> int:
        """The return code of `sp_releaseapplock`."""
        with self._changed:
            for held in self._held.get(resource, []):
                if held.spid == spid and held.owner == owner.lower():
                    self._held[resource].remove(held)
                    self._changed.notify_all()
                    return GRANTED
        return WRONG

    def free(self, spid: int, resource: str, mode: str) -> bool:
        with self._changed:
            return self._free(spid, resource, mode.lower())

    def _free(self, spid: int, resource: str, mode: str) -> bool:
        return all(held.spid == spid or held.mode in _WITH[mode] for held in self._held.get(resource, []))

    def mode(self, spid: int, resource: str, owner: str) -> str:
        with self._changed:
            held = [
                each.mode for each in self._held.get(resource, []) if each.spid == spid and each.owner == owner.lower()
            ]
        return held[-1].capitalize() if held else "NoLock"

    def end_transaction(self, spid: int) -> None:
        self._drop(lambda held: held.spid == spid and held.owner == "transaction")

    def end_session(self, spid: int) -> None:
        self._drop(lambda held: held.spid == spid)

    def _drop(self, which: Callable[[_Held], bool]) -> None:
        with self._changed:
            for resource, held in self._held.items():
                self._held[resource] = [each for each in held if not which(each)]
            self._changed.notify_all()
