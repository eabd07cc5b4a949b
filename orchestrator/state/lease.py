"""A blob that only this process may write, for as long as it keeps saying so.

A term has four parts. At a third of it the lease is renewed. What was not renewed by two thirds is given up: the
run stops, whoever's fault it is. By five sixths the guard has killed what a process that stands still could not
stop. At the end of the term another host may have the blob.

All of it counts from the moment before a renewal was asked for, which is never later than when the store began.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from orchestrator.errors import UnavailableError
from orchestrator.runtime import clock
from orchestrator.state.blobs import Blob, Missing, NotOurs

_RENEWED_AT = 1 / 3
_SURE_FOR = 2 / 3
_GONE_BY = 5 / 6

_TRY_AGAIN_S = 0.5
_LEAVES_WITHIN = 5.0


class Lease:
    """Held from its making until `give_up`, or until it is lost. Thread-safe.

    `renewed` is told, at once and at every renewal, when everything that needs the lease must be gone (a moment of
    `orchestrator.runtime.clock`). Making one blocks for a request and raises `NotOurs`, `Missing` and
    `UnavailableError`.
    """

    def __init__(self, blob: Blob, key: str, term: float, renewed: Callable[[float], None]) -> None:
        self.key = key
        self._blob = blob
        self._term = term
        self._renewed = renewed
        self._over = threading.Event()
        self._given_up = False
        asked = clock.now()
        blob.acquire(key, term)
        self._extend(asked)
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    @property
    def sure(self) -> bool:
        """Whether nobody else can have the blob, nor will soon. Once false it stays so."""
        if clock.now() >= self._sure_until:
            self._over.set()
        return not self._over.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait while the lease is sure; whether it still is."""
        self._over.wait(seconds)
        return self.sure

    def give_up(self) -> None:
        """Let another host have the blob at once. Idempotent; blocks for a request or two."""
        if self._given_up:
            return
        self._given_up = True
        self._over.set()
        self._thread.join(_LEAVES_WITHIN)
        try:
            self._blob.release(self.key)
        except (NotOurs, Missing, UnavailableError):
            return  # it ends by itself

    def _extend(self, asked: float) -> None:
        self._sure_until = asked + _SURE_FOR * self._term
        self._renewed(asked + _GONE_BY * self._term)

    def _keep(self) -> None:
        pause = _RENEWED_AT * self._term
        while self.wait(pause):
            asked = clock.now()
            try:
                self._blob.renew(self.key)
            except (NotOurs, Missing):
                self._over.set()
            except UnavailableError:
                pause = _TRY_AGAIN_S
            else:
                self._extend(asked)
                pause = _RENEWED_AT * self._term
