"""Which queue a table's records go to. Pure: the run and the infrastructure program must agree."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

DEFAULT_TEMPLATE = "{TableName}_cdc_events"
MOST_CHARACTERS = 260

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_REFUSED = re.compile(r"[^A-Za-z0-9._/-]")
_EDGES = "._/-"
_MARK = re.compile(r"-[0-9a-f]{12}")
UNSAID = ("", "dbo", "public")
"""Schemas that are there by default: their tables go by their names alone."""


class Table(NamedTuple):
    """A table as records name it; `schema` is empty where the input knows none."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


class QueueNames:
    """A queue's name for every table, no two the same in whatever case: Service Bus ignores case.

    A name is the template with the table filled in. Where the template has no `{SchemaName}`, a table of a schema
    other than `dbo` and `public` is filled in as `schema.table`. A name that Service Bus refuses, or that two of
    `tables` would share, gets those characters replaced and a hash of the table behind it. So a name depends on
    nothing but the template and its table, unless two of them would share one.
    """

    def __init__(self, template: str, tables: Iterable[Table] = ()) -> None:
        self._template = template
        plain = {table: filled(template, table) for table in tables}
        shared = Counter(name.lower() for name in plain.values())
        self._names = {
            table: _legal(name, table, shared=shared[name.lower()] > 1) for table, name in sorted(plain.items())
        }
        self._taken = {name.lower() for name in self._names.values()}

    @property
    def known(self) -> Mapping[Table, str]:
        """Of all tables so far, in order of the tables."""
        return MappingProxyType(self._names)

    def of(self, table: Table) -> str:
        """The table's queue. One that is not known yet never takes the name of another."""
        if found := self._names.get(table):
            return found
        name = filled(self._template, table)
        name = _legal(name, table, shared=name.lower() in self._taken)
        self._names[table] = name
        self._taken.add(name.lower())
        return name


def filled(template: str, table: Table) -> str:
    """The template with the table in it, legal or not."""
    with_schema = "{SchemaName}" not in template and table.schema not in UNSAID
    values = {"TableName": str(table) if with_schema else table.name, "SchemaName": table.schema}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def checked_template(text: str) -> str:
    """The text itself. Raises ValueError where it cannot be a template of queue names."""
    unknown = [found[1] for found in _PLACEHOLDER.finditer(text) if found[1] not in ("TableName", "SchemaName")]
    if unknown:
        raise ValueError(f"`{{{unknown[0]}}}` is not known here, `{{TableName}}` and `{{SchemaName}}` are")
    if "{TableName}" not in text:
        raise ValueError("`{TableName}` must be in it: every table has its own queue")
    literal = _PLACEHOLDER.sub("", text)
    if refused := _REFUSED.search(literal):
        raise ValueError(f"Service Bus takes no `{refused.group()}` in a queue's name")
    if len(literal) > MOST_CHARACTERS // 2:
        raise ValueError(f"it leaves too little of the {MOST_CHARACTERS} characters that a queue's name may have")
    return text


def _legal(name: str, table: Table, *, shared: bool) -> str:
    """The name as Service Bus takes it. What looks like a marked name is marked, so that no two can meet."""
    kept = _REFUSED.sub("_", name).strip(_EDGES) or "queue"
    if kept == name and len(name) <= MOST_CHARACTERS and not shared and not _MARK.fullmatch(name[-13:]):
        return name
    mark = "-" + hashlib.sha256(f"{table.schema}\0{table.name}".encode()).hexdigest()[:12]
    return kept[: MOST_CHARACTERS - len(mark)] + mark
