"""Names of tables, and the patterns by which a config means them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mssql_cdc_provider.tsql import Name

V = TypeVar("V")

_PART = re.compile(r"\[((?:[^\]]|\]\])+)\]|([^.\[\]]+)")


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table by schema and name, as the server spells them."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> Name:
        """`[schema].[name]`."""
        return Name((self.schema, self.name))


class Pattern:
    """`table` (of schema `dbo`) or `schema.table`, with `*` and `?` in either part.

    In brackets a part is taken as it stands: `[a.b].[c*]`. Letters match in either case.
    """

    def __init__(self, text: str) -> None:
        """Raises ValueError for text that is no pattern."""
        self.text = text
        parts = list(_parts(text))
        if len(parts) == 1:
            parts.insert(0, "dbo")
        self._schema, self._name = (re.compile(part, re.IGNORECASE | re.DOTALL) for part in parts)

    def matches(self, table: TableName) -> bool:
        return bool(self._schema.fullmatch(table.schema) and self._name.fullmatch(table.name))


def matching(names: Iterable[TableName], patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[TableName]:
    """Those that some pattern of `patterns` and none of `exclude` means, in order of `names`."""
    wanted, unwanted = [Pattern(text) for text in patterns], [Pattern(text) for text in exclude]
    return [
        name
        for name in names
        if any(pattern.matches(name) for pattern in wanted) and not any(pattern.matches(name) for pattern in unwanted)
    ]


def picked(by_pattern: Mapping[str, V], table: TableName) -> V | None:
    """The value of the first pattern that means the table; None where none does."""
    return next((value for text, value in by_pattern.items() if Pattern(text).matches(table)), None)


def like(text: str, patterns: Sequence[str]) -> bool:
    """Whether a plain name is like one of the patterns (`*` and `?`), or there are none."""
    return not patterns or any(re.fullmatch(_wild(pattern), text, re.IGNORECASE) for pattern in patterns)


def _parts(text: str) -> Iterable[str]:
    """One or two regular expressions."""
    place = 0
    for count in (1, 2):
        part = _PART.match(text, place)
        if part is None:
            break
        yield re.escape(part[1].replace("]]", "]")) if part[1] is not None else _wild(part[2])
        if part.end() == len(text):
            return
        if text[part.end()] != "." or count == 2:
            break
        place = part.end() + 1
    raise ValueError(f"`{text}` is no table: write `table` or `schema.table`, a name that holds a dot in brackets")


def _wild(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
