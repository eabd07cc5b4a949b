"""What can go wrong at the server, by what is to be done about it."""

from __future__ import annotations


class Stopping(Exception):
    """The run should wind down; the query that was waited for is given up, its connection with it."""


class SqlError(Exception):
    """A statement failed. The base of the classes below, and itself what none of them describes.

    `number` is the server's error number, or the driver's; None where there is none.
    """

    def __init__(self, message: str, number: int | None = None) -> None:
        super().__init__(message if number is None else f"{message} (error {number})")
        self.message = message
        self.number = number


class Transient(SqlError):
    """Worth another try, of the whole unit of work: what was under way is rolled back."""


class Lost(Transient):
    """The connection is gone, timed out or never came to be. The session connects anew at its next query."""


class Unavailable(Transient):
    """The server answers but cannot serve: failing over, starting, a database offline, throttled."""


class Deadlock(Transient):
    """Chosen as deadlock victim (1205), or a lock wait or a snapshot update conflict. The connection lives."""


class OutOfRange(SqlError):
    """The LSN window of a change function is not within the capture instance's validity (313)."""


class Gone(SqlError):
    """An object is not there (208, 2812, 22901…): a table, a capture instance or all of CDC was removed."""


class Changed(SqlError):
    """A column is not there (207): the table's shape is not what it was."""


class Denied(SqlError):
    """The login may not do this."""


class LoginFailed(SqlError):
    """The server refused the login."""


_CLASSES: dict[type[SqlError], frozenset[int]] = {
    # From Microsoft's "Database engine events and errors" and "Transient connection errors".
    Deadlock: frozenset({1204, 1205, 1222, 3960, 3961}),
    Unavailable: frozenset(
        {596, 701, 802, 921, 922, 924, 942, 945, 976, 978, 979, 982, 983, 4060, 6005, 8645, 8651, 9001, 9002}
        | {10053, 10054, 10060, 10928, 10929, 17142, 18401, 40143, 40166, 40197, 40501, 40540, 40613, 42108, 42109}
        | {49918, 49919, 49920}
    ),
    OutOfRange: frozenset({313}),
    Gone: frozenset({208, 2812, 22901, 22920, 22931, 22960, 22981}),
    Changed: frozenset({207}),
    Denied: frozenset({229, 230, 262, 297, 300, 371, 916, 15151, 15247, 22902, 22903, 22904}),
    LoginFailed: frozenset({18450, 18452, 18456, 18470, 18486, 18487, 18488, 40532, 40615}),
}
_BY_NUMBER = {number: one for one, numbers in _CLASSES.items() for number in numbers}


def classified(number: int | None, message: str) -> SqlError:
    """The error that a failed query means. Without a number, or with a number of the driver's: `Lost`."""
    if number is None or 20001 <= number <= 20299:
        return Lost(message, number)
    return _BY_NUMBER.get(number, SqlError)(message, number)
