"""Going through a table in the order of its key, page by page: what is asked for, and what is kept of a key.

Only the server compares keys: it alone knows the order of its collations and of `uniqueidentifier`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from mssql_cdc_provider.tables import Column
from mssql_cdc_provider.tsql import Sql, literal, quoted

WHOLE_NUMBERS = frozenset({"tinyint", "smallint", "int", "bigint"})

_EXACT = WHOLE_NUMBERS | {"decimal", "numeric", "money", "smallmoney", "bit"}
_FLOATS = frozenset({"float", "real"})
_TEXTS = frozenset({"char", "varchar", "nchar", "nvarchar", "uniqueidentifier"})
_BYTES = frozenset({"binary", "varbinary", "timestamp", "rowversion"})
_TIMES = frozenset({"date", "time", "datetime", "smalldatetime", "datetime2", "datetimeoffset"})

Key = list[int | float | str]
"""A key as JSON: what `Keyset.kept` makes of the values of its columns."""


class Keyset:
    """The order of one table's key. Only for a key that `is_ordered`."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._names = [quoted(column.name) for column in columns]

    @property
    def names(self) -> list[str]:
        """Of the key's columns."""
        return [column.name for column in self._columns]

    @property
    def leading(self) -> Column:
        return self._columns[0]

    @property
    def order(self) -> str:
        """What stands behind ORDER BY. The table's alias is `t`, here and in all that follows."""
        return ", ".join(f"t.{name}" for name in self._names)

    @property
    def expressions(self) -> list[str]:
        """What to SELECT of the key, so that nothing of it is lost on the way."""
        return [
            # Style 121 has every digit that any of these types has, and does not depend on the session's language.
            f"CONVERT(varchar(40), t.{name}, 121)" if column.type in _TIMES else f"t.{name}"
            for column, name in zip(self._columns, self._names, strict=True)
        ]

    def kept(self, values: Sequence[Any]) -> Key:
        """The values of `expressions` as JSON."""
        return [_kept(value) for value in values]

    def behind(self, key: Key) -> str:
        """The condition that a row's key is above this one."""
        values = [_constant(column, value) for column, value in zip(self._columns, key, strict=True)]
        tests = []
        for at, (name, value) in enumerate(zip(self._names, values, strict=True)):
            equal = [f"t.{name} = {value}" for name, value in zip(self._names[:at], values[:at], strict=True)]
            tests.append(" AND ".join([*equal, f"t.{name} > {value}"]))
        if len(tests) == 1:
            return tests[0]
        # The first part says nothing new: it is what the server can seek by.
        return f"t.{self._names[0]} >= {values[0]} AND (({') OR ('.join(tests)}))"

    def between(self, lower: int | None, upper: int | None) -> list[str]:
        """Conditions that the leading column, a whole number, is at least `lower` and below `upper`."""
        name = f"t.{self._names[0]}"
        return [f"{name} {sign} {bound}" for sign, bound in ((">=", lower), ("<", upper)) if bound is not None]


def is_ordered(columns: Sequence[Column]) -> bool:
    """Whether one can go through a table by a key of these columns."""
    known = _EXACT | _FLOATS | _TEXTS | _BYTES | _TIMES
    return bool(columns) and all(column.type in known and not column.nullable for column in columns)


def _kept(value: Any) -> int | float | str:
    match value:
        case bool():
            return int(value)
        case int() | float() | str():
            return value
        case bytes():
            return value.hex()
        case Decimal():
            return format(value, "f")
        case UUID():
            return str(value)
        case _:
            raise TypeError(f"no part of a key: {type(value).__name__}")


def _constant(column: Column, value: int | float | str) -> str:
    """The value in the column's own type: in another one, the server might compare in another order, or not seek."""
    if column.type in _BYTES:
        return f"CAST({literal(bytes.fromhex(str(value)))} AS {_castable(column)})"
    if column.type in _TIMES:
        return f"CONVERT({column.declared}, {literal(str(value))}, 121)"
    return f"CAST({literal(Sql(value) if column.type in _EXACT else value)} AS {column.declared})"


def _castable(column: Column) -> str:
    return "binary(8)" if column.type in ("timestamp", "rowversion") else column.declared
