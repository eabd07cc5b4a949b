"""What can go wrong at the server, by what is to be done about it.

Only `session.py` makes these from the driver's exceptions.
"""

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
    """An object is not there (208, 2812, 22983…): a table, a capture instance or all of CDC was removed."""


class Changed(SqlError):
    """A column is not there (207): the table's shape is not what it was."""


class Denied(SqlError):
    """The login may not do this."""


class LoginFailed(SqlError):
    """The server refused user, password or database."""
