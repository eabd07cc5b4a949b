"""mssql-python: rows by the thousand in native code, and errors without their numbers."""

from __future__ import annotations

import os
import re
from typing import Any

# Its driver in Rust: the other one needs libraries of the system, and takes a certificate of the server's own name
# where another one is demanded.
os.environ["MSSQL_PYTHON_NATIVE_PROVIDER"] = "mssql-odbc"

import mssql_python

from mssql_cdc_provider.connection_string import Target
from mssql_cdc_provider.drivers.connection import SETTINGS, Page
from mssql_cdc_provider.sql_errors import LoginFailed, Lost, SqlError, classified

# A connection that is closed is closed: what it held at the server must not live on in a pool.
mssql_python.pooling(enabled=False)

_FAILURES = (mssql_python.Error, RuntimeError)
"""The driver's errors, and those of its native half where the upper one lets them through."""

_SERVER_SPOKE = "[SQL Server]"
"""How whatever the server itself says begins, behind who passes it on."""

_REFUSALS = (
    # The first that is in the text: several of these sentences end alike.
    ("Server is in script upgrade mode", 18401),
    ("Cannot open database", 4060),
    ("Cannot open server", 40532),
    ("is not able to access the database", 916),
    ("Login failed", 18456),
)
"""Numbers of what a server says to a client that it does not let in, by its words: there is no one else to ask."""

_ENCRYPT = {"off": "no", "request": "yes", "require": "yes"}
"""Every SQL Server can encrypt: asking whether it does is not worth another login."""


class OdbcConnection:
    """A `Connection` of mssql-python."""

    def __init__(self, target: Target, query_timeout_s: float) -> None:
        try:
            self._connection = mssql_python.connect(
                _connection_string(target), autocommit=True, timeout=target.connect_timeout_s
            )
        except _FAILURES as error:
            raise _connecting_failed(error, target) from error
        self._connection.timeout = max(1, round(query_timeout_s))
        try:
            self._cursor = self._connection.cursor()
            self.run(SETTINGS)
        except SqlError:
            self._connection.close()
            raise

    def run(self, sql: str, most: int | None = None) -> Page:
        """As `Connection.run`."""
        cursor = self._cursor
        try:
            cursor.execute(sql)
            while cursor.description is None:
                if not cursor.nextset():
                    return Page((), [])
            return self._fetch(most)
        except _FAILURES as error:
            raise self._failed(error) from error

    def more(self, most: int) -> Page:
        """As `Connection.more`."""
        try:
            return self._fetch(most)
        except _FAILURES as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """As `Connection.close`."""
        self._connection.close()

    def _fetch(self, most: int | None) -> Page:
        cursor = self._cursor
        columns = tuple(column[0] for column in cursor.description or ())
        rows = cursor.fetchall() if most is None else cursor.fetchmany(most)
        page = Page(columns, list(map(tuple, rows)))
        while (most is None or len(rows) < most) and cursor.nextset():
            pass
        return page

    def _failed(self, error: Exception) -> SqlError:
        """What a failed query means. The driver keeps the error's number to itself; the server still knows it."""
        text = _words(error)
        if _SERVER_SPOKE not in str(error):
            return Lost(text)
        try:
            ((number,),) = self._cursor.execute("SELECT @@ERROR AS number").fetchall()
        except _FAILURES:
            return Lost(text)
        return classified(number, text) if number else SqlError(text)


def _connection_string(target: Target) -> str:
    address = f"{target.host},{target.port or 1433}" if target.instance is None else f"{target.host}\\{target.instance}"
    said: dict[str, Any] = {
        "Server": address,
        "Database": target.database,
        "UID": target.user,
        "PWD": target.password,
        "Encrypt": _ENCRYPT[target.encrypt],
        "TrustServerCertificate": "no" if target.verify else "yes",
        "ApplicationIntent": "ReadOnly" if target.read_only else "ReadWrite",
    }
    if target.certificate_host is not None:
        said["HostnameInCertificate"] = target.certificate_host
    return ";".join(f"{key}={{{str(value).replace('}', '}}')}}}" for key, value in said.items())


def _connecting_failed(error: Exception, target: Target) -> SqlError:
    text = _words(error)
    if _SERVER_SPOKE not in str(error):
        doubt = "; is its certificate trusted, and made for this name?" if target.verify else ""
        return Lost(f"{target.server} cannot be reached: {text}{doubt}")
    number = next((number for words, number in _REFUSALS if words in text), None)
    if number == 4060:
        return classified(number, text)
    if number == 18456:
        return LoginFailed(f"login failed for user `{target.user}` at {target.server}", number)
    return classified(number, f"{target.server} refused the connection: {text}")


def _words(error: Exception) -> str:
    """What went wrong, without the names of those who pass it on."""
    said = error.ddbc_error or error.driver_error if isinstance(error, mssql_python.Error) else str(error)
    return " ".join(re.sub(r"^(\[[^]]*\])+", "", said).split())
