"""Locks as application locks of the source database, held by one connection of their own."""

from __future__ import annotations

from collections.abc import Sequence

from dstream_sdk import ProviderError
from mssql_cdc_provider.locks.lock import HARD_END, Lost, Taken, Unreachable
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import Denied, LoginFailed, SqlError

PING_S = 1.0
"""Between two looks at whether the connection, and with it the lock, is still there."""

PATIENCE_S = 2.0
"""The query timeout of a lock's session."""

_GRANTED = (0, 1)


class ApplicationLock:
    """See `Lock`. The server releases it as soon as it knows that the connection is gone, which the holder learns
    with its next look: so whoever acquires it waits that long before the lock counts.
    """

    renew_every_s = PING_S
    sure_for_s = PING_S + PATIENCE_S
    settles_s = sure_for_s * HARD_END

    def __init__(self, session: Session, names: Sequence[str]) -> None:
        """All `names` are locked together. `session` is their own, with a query timeout of `PATIENCE_S`."""
        self.name = ", ".join(names)
        self._session = session
        self._resources = [f"dstream:{name}"[:255] for name in names]
        self._generation = 0

    def acquire(self) -> None:
        try:
            for resource in self._resources:
                ((granted,),) = self._session.query(
                    "DECLARE @granted int; EXEC @granted = sp_getapplock @Resource = {resource}, "
                    "@LockMode = N'Exclusive', @LockOwner = N'Session', @LockTimeout = 0; SELECT @granted AS granted",
                    resource=resource,
                )
                if granted not in _GRANTED:
                    self.release()
                    raise Taken("another connection to the database holds it")
        except Denied as error:
            raise ProviderError(str(error), hint="USE master; GRANT EXECUTE ON sys.sp_getapplock TO public;") from error
        except LoginFailed as error:
            raise ProviderError(str(error), hint="`dstream check` looks at everything that is needed") from error
        except SqlError as error:
            raise Unreachable(str(error)) from error
        self._generation = self._session.generation

    def renew(self) -> None:
        try:
            ((mode,),) = self._session.query(
                "SELECT APPLOCK_MODE(N'public', {resource}, N'Session') AS mode", resource=self._resources[0]
            )
        except SqlError as error:
            # With the connection the lock is gone, whatever the next one answers.
            raise Lost(str(error)) from error
        if self._session.generation != self._generation or mode != "Exclusive":
            raise Lost("the connection that held it was lost")

    def look(self) -> str:
        try:
            self.acquire()
        except Taken:
            return "is held by another connection to the database"
        self.release()
        return "is free"

    def release(self) -> None:
        self._session.close()
