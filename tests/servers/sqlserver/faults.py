"""What a test may let go wrong at the server. Each says what the client then sees."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.servers.sqlserver.errors import QueryError, error


@dataclass
class _Fault:
    pattern: re.Pattern[str]
    act: Callable[[], None]
    times: int


@dataclass
class Faults:
    """Faults of requests whose text has `pattern` in it, `times` of them; and of the connections themselves."""

    cut_after: int | None = None
    """The next answer longer than this many bytes ends there: 20017 in the middle of the rows."""
    log: list[str] = field(default_factory=list)
    """Every request, in order."""
    _faults: list[_Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, pattern: str, number: int = 1205, *words: object, times: int = 1) -> None:
        """Answer with the error of that number; 1205 ends the transaction."""

        def act() -> None:
            raise error(number, *(words or (0,)))

        self._add(pattern, act, times)

    def delay(self, pattern: str, seconds: float, times: int = 1) -> None:
        """Answer so much later; a client that waits for less sees 20003 as 20047."""
        self._add(pattern, lambda: time.sleep(seconds), times)

    def hang_up(self, pattern: str, times: int = 1) -> None:
        """Close the connection instead of answering: 20017, then 20047."""

        def act() -> None:
            raise HungUp

        self._add(pattern, act, times)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()
            self.cut_after = None

    def meet(self, sql: str) -> None:
        """Note a request and let happen what it is in for."""
        with self._lock:
            self.log.append(sql)
            fault = next((each for each in self._faults if each.pattern.search(sql)), None)
            if fault is not None:
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
        if fault is not None:
            fault.act()

    def _add(self, pattern: str, act: Callable[[], None], times: int) -> None:
        with self._lock:
            self._faults.append(_Fault(re.compile(pattern, re.IGNORECASE), act, times))


class HungUp(Exception):
    """The connection ends here."""


__all__ = ["Faults", "HungUp", "QueryError"]
