"""Columns of random types, and values for them: as T-SQL has them and as a record does."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

TYPES = (
    *("int", "bigint", "bit", "decimal(9,2)", "date", "uniqueidentifier"),
    *("nvarchar(40)", "varbinary(16)", "nvarchar(max)", "varchar(max)"),
)
WIDER = {"int": "bigint", "nvarchar(40)": "nvarchar(80)"}
"""What `ALTER COLUMN` may make of a type, so that no value changes."""

LETTERS = "abc xyz'\"{}[]%;\\\n\tÄéß漢字😀"


@dataclass(frozen=True)
class Column:
    """`since` is the stamp from which on every row that was written has the column's value in its change."""

    name: str
    type: str
    since: int = 0

    @property
    def is_large(self) -> bool:
        return self.type.endswith("(max)")


def some_column(choice: random.Random, name: str, since: int = 0) -> Column:
    return Column(name, choice.choice(TYPES), since)


def some_value(choice: random.Random, column: Column) -> Any:
    """A value as JSON has it, NULL among them."""
    if choice.random() < 0.15:
        return None
    match column.type:
        case "int":
            return choice.randint(-(2**31), 2**31 - 1)
        case "bigint":
            return choice.randint(-(2**63), 2**63 - 1)
        case "bit":
            return choice.random() < 0.5
        case "decimal(9,2)":
            return choice.randint(-999_999_999, 999_999_999) / 100
        case "date":
            return str(dt.date(1900, 1, 1) + dt.timedelta(choice.randrange(60_000)))
        case "uniqueidentifier":
            return str(uuid.UUID(int=choice.getrandbits(128)))
        case "varbinary(16)":
            return choice.randbytes(choice.randint(1, 16))
        case "varchar(max)":
            return "".join(choice.choices("abc xyz'", k=choice.choice([0, 5, 300])))
        case _:
            most = 1000 if column.is_large else 15
            return "".join(choice.choices(LETTERS, k=choice.randint(1, most)))


def constant(column: Column, value: Any) -> str:
    """The value in T-SQL."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(int(value))
        case float():
            return f"{value:.2f}"
        case int():
            return str(value)
        case bytes():
            return f"0x{value.hex()}"
    text = "'" + str(value).replace("'", "''") + "'"
    return text if column.type == "varchar(max)" else f"N{text}"
