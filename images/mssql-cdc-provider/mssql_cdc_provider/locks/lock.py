"""What a lock is, wherever it is kept."""

from __future__ import annotations

from typing import Protocol

HARD_END = 1.25
"""When a reader that does not stop is ended, in times of what its lock was sure for."""


class Taken(Exception):
    """Somebody else holds the lock. The text says who, where that is known."""


class Lost(Exception):
    """The lock is somebody else's, or nobody's any more."""


class Unreachable(Exception):
    """Whoever keeps the lock does not answer: nobody knows what became of the request."""


class Lock(Protocol):
    """One lock. For one thread at a time; every method blocks for `patience_s` of its maker's at most."""

    @property
    def name(self) -> str:
        """What it locks, as logs and states call it."""

    @property
    def settles_s(self) -> float:
        """How long after it was acquired an earlier holder may still believe to hold it."""

    @property
    def renew_every_s(self) -> float: ...

    @property
    def sure_for_s(self) -> float:
        """How long after a renewal was asked for nobody else can hold it, with time to stop."""

    def acquire(self) -> int | None:
        """Take the lock without waiting; how often it was taken by now, where that is counted.

        Raises `Taken`, `Unreachable`, and `ProviderError` for what only the user can mend.
        """

    def renew(self) -> None:
        """See that it is still held, and that it stays so. Raises `Lost` and `Unreachable`."""

    def look(self) -> str:
        """Whether it could be taken, and who holds it, to put behind its name. Leaves it as it is: a holder stays one.

        Raises `Unreachable` and `ProviderError`, as `acquire`.
        """

    def release(self) -> None:
        """Let others have it. Never raises: a lock that cannot be released ends by itself."""
