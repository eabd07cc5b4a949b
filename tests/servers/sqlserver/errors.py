"""The errors SQL Server raises, with the numbers a client tells them by.

messages.txt has the number, severity and words of each as in `sys.messages` ("Database Engine events and errors" in
Microsoft's documentation).
"""

from __future__ import annotations

import re
from importlib import resources

import duckdb
from pysqlbridge.tds.result import QueryError

__all__ = ["QueryError", "error", "translated"]

_MESSAGES = {
    int(number): (int(severity), words)
    for number, severity, words in (
        line.split(" ", 2) for line in (resources.files(__package__) / "messages.txt").read_text().splitlines()
    )
}


def error(number: int, *words: object, state: int = 1) -> QueryError:
    """The error of that number, its message filled with `words`."""
    severity, message = _MESSAGES[number]
    return QueryError(message.format(*words), number=number, severity=severity, state=state)


def translated(failure: duckdb.Error) -> QueryError:
    """The SQL Server error that says what DuckDB's says."""
    words = str(failure)
    if found := re.search(
        r"(?:Table|Function)\b[^\n]*? with name \"?([^\n\"!]+?)\"? does not exist", words, re.IGNORECASE
    ):
        return error(208, found[1])
    if found := re.search(
        r"column \"([^\"]+)\" not found|Referenced column \"([^\"]+)\"|does not have a column with"
        r" name \"([^\"]+)\"",
        words,
    ):
        return error(207, next(filter(None, found.groups())))
    if found := re.search(r"NOT NULL constraint failed: (\S+)\.(\S+)", words):
        return error(515, found[2], found[1], "INSERT")
    if isinstance(failure, duckdb.TransactionException):
        return error(1205, 0)
    if isinstance(failure, duckdb.ConversionException | duckdb.OutOfRangeException):
        return error(245, words)
    if isinstance(failure, duckdb.ParserException):
        return error(102, words)
    return QueryError(words)
