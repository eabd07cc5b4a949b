"""What the tables look like, and by which capture instances they can be read."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mssql_cdc_provider.names import TableName, matching
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.tsql import Sql

__all__ = [
    "CaptureInstance",
    "Column",
    "Table",
    "TableName",
    "matching",
    "read_instances",
    "read_tables",
    "table_names",
]

_IDS_PER_QUERY = 1000
_WITH_LENGTH = frozenset({"char", "varchar", "nchar", "nvarchar", "binary", "varbinary"})
_LONGEST_OF_OTHERS = 41
"""A decimal as text."""

_WITH_SCALE = frozenset({"datetime2", "datetimeoffset", "time"})
_LEFT_OUT = frozenset({"text", "ntext", "image", "xml", "geography", "geometry"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `type` is the base type's name (`decimal`), `declared` as one declares it (`decimal(18,2)`).

    An alias type (`CREATE TYPE`) is given as what it stands for.
    """

    name: str
    type: str
    declared: str
    nullable: bool = True
    computed: bool = False

    @property
    def is_large(self) -> bool:
        """Whether an update that does not change it may say NULL for it: max types, text, image, xml and such."""
        return self.type in _LEFT_OUT or self.declared.endswith("(max)")

    @property
    def longest(self) -> float:
        """About how many characters or bytes a value may have; infinite where nothing bounds it."""
        if self.is_large:
            return math.inf
        return int(self.declared.rpartition("(")[2][:-1]) if self.type in _WITH_LENGTH else _LONGEST_OF_OTHERS


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is now.

    `key` are the columns of its primary key, else of its first unique index without nullable columns and filter,
    in index order; empty where there is none. `captured` is whether CDC is enabled for it.
    """

    name: TableName
    object_id: int
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    captured: bool


@dataclass(frozen=True, slots=True)
class CaptureInstance:
    """One capture instance of a table. `columns` in order of their bits in the update mask.

    `object_id` is the change table's. A table may have two instances, told apart by `start_lsn`; a name may come
    back with another `object_id` after it was disabled and enabled. `key` is that of the index it was made with.
    """

    name: str
    table: TableName
    table_id: int
    object_id: int
    start_lsn: bytes
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    role: str | None = None


def table_names(session: Session) -> list[TableName]:
    """Every user table that the login may see, but for CDC's own and the histories of temporal tables."""
    rows = session.query(
        "SELECT s.name AS schema_name, t.name AS table_name FROM sys.tables AS t "
        "JOIN sys.schemas AS s ON s.schema_id = t.schema_id "
        "WHERE t.is_ms_shipped = 0 AND t.temporal_type <> 1 AND s.name <> N'cdc' ORDER BY s.name, t.name"
    )
    return [TableName(schema, name) for schema, name in rows]


def read_tables(session: Session, names: Sequence[TableName]) -> list[Table]:
    """These tables as they are now, in the same order; one that is gone is left out."""
    rows = session.query(
        "SELECT s.name AS schema_name, t.name AS table_name, t.object_id, t.is_tracked_by_cdc FROM sys.tables AS t "
        "JOIN sys.schemas AS s ON s.schema_id = t.schema_id"
    )
    found = {TableName(row[0], row[1]): row for row in rows}
    wanted = [(name, found[name][2], bool(found[name][3])) for name in names if name in found]
    ids = [object_id for _, object_id, _ in wanted]
    columns, keys = _columns(session, ids), _keys(session, ids)
    return [Table(name, one, tuple(columns[one]), keys.get(one, ()), captured) for name, one, captured in wanted]


def read_instances(session: Session) -> list[CaptureInstance]:
    """Every capture instance that the login may read, by table, start LSN and age. Raises `Gone` without CDC.

    One that no scan of the log has met yet, and so starts nowhere, is left out.
    """
    rows = session.query(
        "SELECT c.capture_instance, c.object_id, c.source_object_id, c.start_lsn, c.role_name, c.create_date, "
        "s.name AS schema_name, t.name AS table_name FROM cdc.change_tables AS c "
        "JOIN sys.tables AS t ON t.object_id = c.source_object_id JOIN sys.schemas AS s ON s.schema_id = t.schema_id "
        "WHERE c.start_lsn IS NOT NULL"
    )
    # Names, order and what is computed are kept by CDC; types are the change table's own: a retyped column's follows.
    types = _columns(session, sorted(row[1] for row in rows))
    captured: defaultdict[int, list[tuple[str, bool]]] = defaultdict(list)
    for object_id, name, computed in session.query(
        "SELECT object_id, column_name, is_computed FROM cdc.captured_columns ORDER BY object_id, column_ordinal"
    ):
        captured[object_id].append((name, bool(computed)))
    keys: defaultdict[int, list[str]] = defaultdict(list)
    for object_id, name in session.query(
        "SELECT object_id, column_name FROM cdc.index_columns ORDER BY object_id, index_ordinal"
    ):
        keys[object_id].append(name)
    instances = []
    for name, object_id, table_id, start_lsn, role, created, schema, table in rows:
        known = {column.name: column for column in types[object_id]}
        if not known or not captured[object_id]:
            continue  # disabled since the first query, or the second
        columns = tuple(replace(known[column], computed=computed) for column, computed in captured[object_id])
        found = CaptureInstance(
            name, TableName(schema, table), table_id, object_id, start_lsn, columns, tuple(keys[object_id]), role
        )
        instances.append((found.table, start_lsn, created, object_id, found))
    return [found for *_, found in sorted(instances, key=lambda one: one[:4])]


def _columns(session: Session, ids: Sequence[int]) -> defaultdict[int, list[Column]]:
    found: defaultdict[int, list[Column]] = defaultdict(list)
    for some in _portions(ids):
        rows = session.query(
            "SELECT c.object_id, c.name, COALESCE(b.name, y.name) AS type_name, c.max_length, c.precision, c.scale, "
            "c.is_nullable, c.is_computed FROM sys.columns AS c JOIN sys.types AS y ON y.user_type_id = c.user_type_id "
            "LEFT JOIN sys.types AS b ON b.user_type_id = y.system_type_id "
            "WHERE c.object_id IN ({ids}) ORDER BY c.object_id, c.column_id",
            ids=some,
        )
        for object_id, name, base, size, precision, scale, nullable, computed in rows:
            length = size // 2 if base in ("nchar", "nvarchar") and size > 0 else size
            column = Column(name, base, declared(base, length, precision, scale), bool(nullable), bool(computed))
            found[object_id].append(column)
    return found


def _keys(session: Session, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for some in _portions(ids):
        rows = session.query(
            "SELECT i.object_id, i.index_id, c.name, c.is_nullable FROM sys.indexes AS i "
            "JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id "
            "JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id "
            "WHERE i.is_unique = 1 AND i.has_filter = 0 AND i.is_disabled = 0 AND k.key_ordinal > 0 "
            "AND i.object_id IN ({ids}) ORDER BY i.object_id, i.is_primary_key DESC, i.index_id, k.key_ordinal",
            ids=some,
        )
        indexes: defaultdict[tuple[int, int], list[tuple[str, bool]]] = defaultdict(list)
        for object_id, index_id, name, nullable in rows:
            indexes[object_id, index_id].append((name, bool(nullable)))
        for (object_id, _), columns in indexes.items():
            if not any(nullable for _, nullable in columns):
                found.setdefault(object_id, tuple(name for name, _ in columns))
    return found


def declared(base: str, length: int, precision: int, scale: int) -> str:
    """A type as one declares it: `nvarchar(max)`, `decimal(18,2)`, `int`. Lengths in characters, -1 is max."""
    if base in _WITH_LENGTH:
        return f"{base}(max)" if length == -1 else f"{base}({length})"
    if base in ("decimal", "numeric"):
        return f"{base}({precision},{scale})"
    return f"{base}({scale})" if base in _WITH_SCALE else base


def _portions(ids: Sequence[int]) -> Iterator[Sql]:
    for start in range(0, len(ids), _IDS_PER_QUERY):
        yield Sql(", ".join(str(one) for one in ids[start : start + _IDS_PER_QUERY]))
