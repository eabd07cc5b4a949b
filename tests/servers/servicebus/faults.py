"""What a test lets go wrong."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import dataclass
from enum import Enum, auto

from tests.servers.servicebus.errors import BUSY, ServiceError


class Cut(Enum):
    """How a transfer can end without an answer."""

    DETACH = auto()
    DROP = auto()
    DROP_AFTER_STORING = auto()


@dataclass(frozen=True)
class _Busy:
    until: float
    queue: str | None


class Faults:
    """Each fault hits the next transfers to a queue, or the next requests over HTTP, in the order in which it was set.

    Thread-safe. A transfer is what one call of a client sends: a message, or a batch.
    """

    def __init__(self) -> None:
        self._transfers: dict[str, deque[str | Cut]] = defaultdict(deque)
        self._requests: deque[ServiceError] = deque()
        self._busy: tuple[_Busy, ...] = ()

    def refuse(self, queue: str, condition: str, times: int = 1) -> None:
        """Reject the next transfers with this AMQP condition (the constants of errors.py)."""
        self._transfers[queue.lower()].extend([condition] * times)

    def busy(self, seconds: float, queue: str | None = None) -> None:
        """Answer `server-busy` for so long, to every transfer to this queue, or to any."""
        self._busy += (_Busy(time.monotonic() + seconds, None if queue is None else queue.lower()),)

    def detach(self, queue: str, times: int = 1) -> None:
        """Detach the link instead of answering."""
        self._transfers[queue.lower()].extend([Cut.DETACH] * times)

    def drop(self, queue: str, times: int = 1, *, stored: bool = False) -> None:
        """Break the connection instead of answering; with `stored` after the messages were stored."""
        self._transfers[queue.lower()].extend([Cut.DROP_AFTER_STORING if stored else Cut.DROP] * times)

    def http(self, status: int, text: str = "set by the test", times: int = 1, *, subcode: int | None = None) -> None:
        """Refuse the next requests to the administration API."""
        error = ServiceError("", text, status=status, subcode=status * 100 if subcode is None else subcode)
        self._requests.extend([error] * times)

    def clear(self) -> None:
        self._transfers.clear()
        self._requests.clear()
        self._busy = ()

    def of_transfer(self, queue: str) -> Cut | None:
        """How this transfer is cut, if it is. Raises ServiceError to refuse it."""
        now = time.monotonic()
        self._busy = tuple(busy for busy in self._busy if busy.until > now)
        if any(busy.queue in (None, queue.lower()) for busy in self._busy):
            raise ServiceError(BUSY, "The service is busy: set by the test.")
        waiting = self._transfers.get(queue.lower())
        fault = waiting.popleft() if waiting else None
        if isinstance(fault, str):
            raise ServiceError(fault, f"Refused with {fault}: set by the test.")
        return fault

    def of_request(self) -> ServiceError | None:
        return self._requests.popleft() if self._requests else None
