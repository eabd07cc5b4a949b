"""Values and names as T-SQL text.

The driver's own interpolation is not used: it sends bytes as text where they happen to be ASCII, and cuts
datetimes to milliseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID


class Sql(str):
    """Text that is T-SQL already and is put in as it stands."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """An identifier of any number of parts: `Name(("dbo", "Orders"))`."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        """As T-SQL, every part in brackets."""
        return ".".join(quoted(part) for part in self.parts)


def quoted(identifier: str) -> str:
    """One identifier in brackets, as `QUOTENAME` writes it."""
    return f"[{identifier.replace(']', ']]')}]"


def literal(value: object) -> str:
    """The value as a T-SQL constant of the same value; `Sql` and `Name` as they are.

    Raises TypeError for a type that has no exact constant: write a date or time as text and CAST it.
    """
    match value:
        case None:
            return "NULL"
        case Sql() | Name():
            return str(value)
        case bool():
            return "1" if value else "0"
        case int() | Decimal():
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
        case float() if math.isfinite(value):
            return f"{value!r}E0" if "e" not in repr(value) else repr(value)
        case bytes():
            return f"0x{value.hex()}"
        case str():
            return "N'" + value.replace("'", "''") + "'"
        case UUID():
            return f"'{value}'"
        case _:
            raise TypeError(f"no T-SQL constant for {type(value).__name__}")


def fill(sql: str, values: dict[str, object]) -> str:
    """`sql` with each `{name}` replaced by that value as a constant, or as what `Sql` and `Name` say."""
    return sql.format_map({key: literal(value) for key, value in values.items()}) if values else sql
