"""SQL Server's values as JSON's.

Most types come from the driver as what JSON needs. Here are the others: those that lose digits on the way through
a Python type, or take long, are asked for as text, and those that JSON's double would round stay text.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from mssql_cdc_provider.tables import Column
from mssql_cdc_provider.tsql import quoted

Converter = Callable[[Any], Any]

NATIVE = frozenset(
    {"bit", "tinyint", "smallint", "int", "bigint", "float", "real"}
    | {"char", "varchar", "text", "nchar", "nvarchar", "ntext", "sysname", "uniqueidentifier"}
    | {"date", "datetime", "smalldatetime", "binary", "varbinary", "image", "timestamp", "rowversion"}
)
"""Types whose values the driver gives whole."""

_DECIMAL = frozenset({"decimal", "numeric"})
_MONEY = frozenset({"money", "smallmoney"})
_DIGITS_7 = frozenset({"datetime2", "datetimeoffset", "time"})
_SURE_DIGITS = 15
"""A double keeps any number of so many digits."""

_EXACT_INTEGERS = 1e15
_OBJECTS = frozenset({"geography", "geometry"})


def expression(column: Column) -> str:
    """What to SELECT for the column, so that nothing of its value is lost on the way."""
    name = quoted(column.name)
    if column.type in NATIVE:
        return name
    if column.type in _DECIMAL:
        return f"CONVERT(varchar(41), {name})"
    if column.type in _MONEY:
        return f"CONVERT(varchar(41), {name}, 2)"  # with all four digits behind the point
    if column.type in _DIGITS_7:
        # Python's clock stops at microseconds, SQL Server's goes on to 100 ns. Style 121 is the canonical form.
        return f"CONVERT(varchar(34), {name}, 121)"
    if column.type in _OBJECTS:
        return f"CAST({name} AS varbinary(max))"
    return f"CAST({name} AS nvarchar(max))"


def converter(column: Column) -> Converter | None:
    """What makes of the driver's value (never None) what is sent; None where it is sent as it comes.

    Bytes, dates, times and UUIDs go as they come: the host encodes them as base64, RFC 3339 and text.
    """
    match column.type:
        case "decimal" | "numeric" | "money" | "smallmoney":
            return number
        case "real":
            return shortest
        case "datetime2":
            return moment
        case "datetimeoffset":
            return moment_with_offset
        case "time":
            return time_of_day
        case _:
            return None


class Converters:
    """The converters of several columns, applied row by row. `skip` leading values of each row are not theirs."""

    def __init__(self, columns: Sequence[Column], *, skip: int = 0) -> None:
        found = [(column.name, converter(column)) for column in columns]
        self._converters = [(name, convert) for name, convert in found if convert is not None]
        self._names = tuple(column.name for column in columns)
        self._skip = skip

    def values(self, row: Sequence[Any]) -> dict[str, Any]:
        """The row's values by column name, in the order of the columns."""
        values = dict(zip(self._names, row[self._skip :], strict=True))
        for name, convert in self._converters:
            value = values[name]
            if value is not None:
                values[name] = convert(value)
        return values


def number(text: str) -> float | int | str:
    """A decimal as a JSON number where a double keeps every digit, else the digits as text."""
    double = float(text)
    if len(text) > _SURE_DIGITS and Decimal(repr(double)) != Decimal(text):
        return text
    return int(double) if double.is_integer() and abs(double) < _EXACT_INTEGERS else double


def shortest(value: float) -> float:
    """The double with the fewest digits that is still this `real` (which has 24 bits)."""
    for digits in range(6, 9):
        rounded = float(f"{value:.{digits}g}")
        if struct.unpack("<f", struct.pack("<f", rounded)) == (value,):
            return rounded
    return float(f"{value:.9g}")


def moment(text: str) -> str:
    """`2024-05-01 10:00:00.1200000` as RFC 3339 has it, but for the offset that it does not have."""
    return time_of_day(text).replace(" ", "T")


def moment_with_offset(text: str) -> str:
    """`2024-05-01 10:00:00.1200000 +02:00` as RFC 3339 has it."""
    local, _, offset = text.rpartition(" ")
    return moment(local) + offset


def time_of_day(text: str) -> str:
    """`10:00:00.1200000` without the zeros that say nothing."""
    return text.rstrip("0").rstrip(".") if "." in text else text
