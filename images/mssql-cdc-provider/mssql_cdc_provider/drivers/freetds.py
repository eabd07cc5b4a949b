"""pymssql, which stands on FreeTDS."""

from __future__ import annotations

import re
import threading

import pymssql
from pymssql import _mssql

from mssql_cdc_provider import certificates
from mssql_cdc_provider.connection_string import Target
from mssql_cdc_provider.drivers.connection import SETTINGS, Page
from mssql_cdc_provider.sql_errors import LoginFailed, Lost, SqlError, classified

_FAILURES = (pymssql.Error, _mssql.MSSQLException)
"""The driver's errors, and those of its lower half where the upper one lets them through, as it does on the way up."""

_SERVER_SPOKE = "General SQL Server error"
"""The driver's refrain to whatever the server itself says."""

_turn = threading.Lock()
"""Whose rows are being converted. The driver gives up the interpreter at every row: connections that do so at the same
time spend more on passing it around than on rows."""

_TURN_S = 1.0
"""So long at most one waits for another, whose server may have fallen silent."""


class FreeTdsConnection:
    """A `Connection` of pymssql."""

    def __init__(self, target: Target, query_timeout_s: float) -> None:
        if target.verify:
            certificates.demand(target.certificate_host)
        host = f"[{target.host}]" if ":" in target.host else target.host
        try:
            self._connection = pymssql.connect(
                server=f"{host}:{target.port or 1433}" if target.instance is None else f"{host}\\{target.instance}",
                user=target.user,
                password=target.password,
                database=target.database,
                login_timeout=target.connect_timeout_s,
                timeout=max(1, round(query_timeout_s)),
                appname=target.application,
                encryption=target.encrypt,
                read_only=target.read_only,
                # From 7.3 on dates and datetime2 come as such and not as text.
                tds_version="7.4",
                autocommit=True,
                conn_properties=SETTINGS,
            )
        except _FAILURES as error:
            raise _connecting_failed(error, target) from error

    def run(self, sql: str, most: int | None = None) -> Page:
        """As `Connection.run`."""
        try:
            self._cursor = self._connection.cursor()
            self._cursor.execute(sql)
            if self._cursor.description is None:
                return Page((), [])
            return self._fetch(most)
        except _FAILURES as error:
            raise _query_failed(error) from error

    def more(self, most: int) -> Page:
        """As `Connection.more`."""
        try:
            return self._fetch(most)
        except _FAILURES as error:
            raise _query_failed(error) from error

    def close(self) -> None:
        """As `Connection.close`."""
        self._connection.close()

    def _fetch(self, most: int | None) -> Page:
        cursor = self._cursor
        turn = _turn.acquire(timeout=_TURN_S)
        try:
            rows = cursor.fetchall() if most is None else cursor.fetchmany(most)
        finally:
            if turn:
                _turn.release()
        page = Page(tuple(column[0] for column in cursor.description or ()), rows)
        while (most is None or len(rows) < most) and cursor.nextset():
            pass
        return page


def _connecting_failed(error: Exception, target: Target) -> SqlError:
    number, text = _said(error)
    if not any(_SERVER_SPOKE in str(part) for part in error.args):
        # The number is that of an earlier attempt, of whatever connection.
        doubt = "; is its certificate trusted, and made for this name?" if target.verify else ""
        return Lost(f"{target.server} cannot be reached: {text}{doubt}")
    if "Cannot open database" in text:
        return classified(4060, text)
    if number == 18456:
        return LoginFailed(f"login failed for user `{target.user}` at {target.server}", number)
    return classified(number, f"{target.server} refused the connection: {text}")


def _query_failed(error: Exception) -> SqlError:
    return classified(*_said(error))


def _said(error: Exception) -> tuple[int | None, str]:
    """Number and text, out of `(number, bytes)`, `((number, bytes),)` or `(text,)`; without the driver's refrain."""
    arguments = error.args
    if arguments and isinstance(arguments[0], tuple):
        arguments = arguments[0]
    number = next((one for one in arguments if isinstance(one, int)), None)
    words = next((one for one in arguments if isinstance(one, str | bytes)), "")
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    text = re.sub(r"DB-Lib error message \d+, severity \d+:\n(General SQL Server error: .*)?", " ", text)
    return number, " ".join(text.split())
