"""What a test may let go wrong at the server, and what the client then sees."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.servers.sqlserver.errors import error

_LOOK_S = 0.05
"""How often a held request is looked after: its client may have gone."""


class HungUp(BaseException):
    """The connection ends here. No `Exception`: of those the protocol's library makes answers."""


@dataclass
class _Fault:
    pattern: re.Pattern[str]
    act: Callable[[threading.Event], None]
    times: int


class Faults:
    """Faults of the next requests whose text has a pattern in it. May be used by several threads.

    `requests` is the text of every request, in order. With `cut_after` set, the next answer longer than so many bytes
    ends there and the connection with it: 20017 in the middle of the rows.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.cut_after: int | None = None
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()

    def fail(self, pattern: str, number: int = 1205, *words: object, times: int = 1) -> None:
        """Answer with the error of that number, its message filled with `words`; the transaction is rolled back."""

        def act(_: threading.Event) -> None:
            raise error(number, *(words or [0] * 5))

        self._add(pattern, act, times)

    def delay(self, pattern: str, seconds: float, times: int = 1) -> None:
        """Answer so much later; to a client that waits for less this is 20003, as 20047."""

        def act(gone: threading.Event) -> None:
            gone.wait(seconds)

        self._add(pattern, act, times)

    def hold(self, pattern: str, times: int = 1) -> threading.Event:
        """Answer once the event is set that this returns."""
        released = threading.Event()

        def act(gone: threading.Event) -> None:
            while not gone.is_set() and not released.wait(_LOOK_S):
                pass

        self._add(pattern, act, times)
        return released

    def hang_up(self, pattern: str, times: int = 1) -> None:
        """End the connection instead of answering: 20017, then 20047."""

        def act(_: threading.Event) -> None:
            raise HungUp

        self._add(pattern, act, times)

    def clear(self) -> None:
        """Let nothing more go wrong."""
        with self._lock:
            self._faults.clear()
            self.cut_after = None

    def meet(self, sql: str, gone: threading.Event) -> None:
        """Note a request, and let happen what it is in for."""
        with self._lock:
            self.requests.append(sql)
            fault = next((each for each in self._faults if each.pattern.search(sql)), None)
            if fault is not None:
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
        if fault is not None:
            fault.act(gone)

    def cut(self, answer: bytes) -> bytes | None:
        """What of an answer is sent before the connection ends, if it is cut."""
        with self._lock:
            if self.cut_after is None or len(answer) <= self.cut_after:
                return None
            kept, self.cut_after = answer[: self.cut_after], None
            return kept

    def _add(self, pattern: str, act: Callable[[threading.Event], None], times: int) -> None:
        with self._lock:
            self._faults.append(_Fault(re.compile(pattern, re.IGNORECASE), act, times))
