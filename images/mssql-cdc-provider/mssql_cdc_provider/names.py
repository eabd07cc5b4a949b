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
        parts = list(_parts(text))
        schema, name = parts if len(parts) == 2 else (_Part("dbo", plain=True), parts[0])
        self.exact = TableName(schema.text, name.text) if schema.plain and name.plain else None
        """The table that it means, where it has neither `*` nor `?`."""
        self._schema, self._name = schema.expression, name.expression

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


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    plain: bool

    @property
    def expression(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.text) if self.plain else _wild(self.text), re.IGNORECASE | re.DOTALL)


def _parts(text: str) -> Iterable[_Part]:
    """One or two."""
    place = 0
    for count in (1, 2):
        part = _PART.match(text, place)
        if part is None:
            break
        in_brackets = part[1] is not None
        name = part[1].replace("]]", "]") if in_brackets else part[2]
        yield _Part(name, plain=in_brackets or not re.search(r"[*?]", name))
        if part.end() == len(text):
            return
        if text[part.end()] != "." or count == 2:
            break
        place = part.end() + 1
    raise ValueError(f"`{text}` is no table: write `table` or `schema.table`, a name that holds a dot in brackets")


def _wild(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
