"""`datetime2`, `time` and `datetimeoffset`: to 100 ns, which Python and DuckDB do not have.

They are stored as text that sorts as they do: `2024-05-01 08:00:00.1234567`, `08:00:00.1234567`, and a
`datetimeoffset` as its moment in UTC with the minutes of its offset behind, `2024-05-01 06:00:00.1234567 +120`.
"""

from __future__ import annotations

import datetime as dt
import re

TICKS_PER_DAY = 24 * 3600 * 10**7

_DATE = r"(?P<date>\d{4}-?\d{2}-?\d{2})?"
_TIME = r"(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?)?"
_MOMENT = re.compile(rf"{_DATE}[ T]?{_TIME}\s*(?:(?P<sign>[+-])(?P<oh>\d{{2}}):?(?P<om>\d{{2}})?|Z)?")


def moment(text: str) -> tuple[int, int, int]:
    """Day (0001-01-01 is 1), ticks of 100 ns since midnight, and the offset from UTC in minutes; local to the offset.

    Raises ValueError.
    """
    found = _MOMENT.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no date or time")
    day = dt.date.fromisoformat(found["date"]).toordinal() if found["date"] else dt.date(1900, 1, 1).toordinal()
    seconds = (int(found["hour"] or 0) * 60 + int(found["minute"] or 0)) * 60 + int(found["second"] or 0)
    ticks = seconds * 10**7 + int((found["fraction"] or "").ljust(7, "0")[:7])
    offset = int(found["oh"] or 0) * 60 + int(found["om"] or 0)
    return day, ticks, -offset if found["sign"] == "-" else offset


def rounded(ticks: int, scale: int) -> int:
    """Ticks as so many digits of a second can tell them."""
    unit = int(10 ** (7 - scale))
    return (ticks + unit // 2) // unit * unit


def as_datetime2(text: str, scale: int) -> str:
    """The stored form of what is assigned to a `datetime2`."""
    day, ticks, _ = moment(text)
    return _stored(day * TICKS_PER_DAY + rounded(ticks, scale), scale)


def as_time(text: str, scale: int) -> str:
    """The stored form of what is assigned to a `time`; a second that rounds up to midnight stays below it."""
    _, ticks, _ = moment(text)
    return _clock(min(rounded(ticks, scale), TICKS_PER_DAY - int(10 ** (7 - scale))), scale)


def as_datetimeoffset(text: str, scale: int) -> str:
    """The stored form of what is assigned to a `datetimeoffset`, or of one that is stored already."""
    if re.search(r"\d [+-]\d+$", text):
        return text
    day, ticks, offset = moment(text)
    utc = day * TICKS_PER_DAY + rounded(ticks, scale) - offset * 60 * 10**7
    return f"{_stored(utc, scale)} {offset:+d}"


def shown_datetimeoffset(stored: str) -> str:
    """A stored `datetimeoffset` as text: `2024-05-01 08:00:00.1234567 +02:00`."""
    at, _, minutes = stored.rpartition(" ")
    day, ticks, _ = moment(at)
    digits = len(at.partition(".")[2])
    offset = int(minutes)
    sign = "-" if offset < 0 else "+"
    local = _stored(day * TICKS_PER_DAY + ticks + offset * 60 * 10**7, digits)
    return f"{local} {sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"


def _stored(total: int, scale: int) -> str:
    day, ticks = divmod(total, TICKS_PER_DAY)
    return f"{dt.date.fromordinal(day)} {_clock(ticks, scale)}"


def _clock(ticks: int, scale: int) -> str:
    seconds, fraction = divmod(ticks, 10**7)
    digits = f".{fraction:07d}"[: scale + 1] if scale else ""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{digits}"
