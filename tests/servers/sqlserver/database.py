"""The database: DuckDB holds the rows, and tables that describe what it holds."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from tests.servers.sqlserver import clocks
from tests.servers.sqlserver.datatypes import DataType, data_type, type_rows

_FIRST_LSN = 0x27 << 48 | 0x110 << 16 | 1


@dataclass(frozen=True)
class Column:
    id: int
    name: str
    type: DataType
    nullable: bool
    identity: bool
    computed: bool
    default: str | None


@dataclass(frozen=True)
class Index:
    id: int
    name: str
    primary: bool
    unique: bool
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """What the catalog says of one table."""

    id: int
    schema: str
    name: str
    tracked: bool
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...]

    @property
    def quoted(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def primary_key(self) -> Index | None:
        return next((index for index in self.indexes if index.primary), None)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)


class Database:
    """One database, in memory or in the file `data`.

    `lock` is held by who commits or captures, so that LSNs are in the order of commits.
    """

    def __init__(self, name: str, data: Path | None = None) -> None:
        self.name = name
        self.lock = threading.RLock()
        self.utc_offset = dt.timedelta(0)
        self.epoch = 0  # of the schema
        self.version = 0  # of the data
        self._tables: dict[tuple[int, str, str], Table | None] = {}
        self._lsn = _FIRST_LSN
        self._object_id = 901578250
        self.duck = duckdb.connect(data or ":memory:", config={"threads": 1})
        self._install()

    def _install(self) -> None:
        self.duck.execute("SET TimeZone = 'UTC'")
        create: Callable[..., object] = self.duck.create_function  # whose stubs know no `BLOB[]`
        create("lsn_plus", _lsn_plus, ["BLOB", "BIGINT"], "BLOB")
        create("bit_is_set", _bit_is_set, ["INTEGER", "BLOB"], "BOOLEAN")
        create("any_bit", _any_bit, ["BLOB[]"], "BLOB")
        for clock in (clocks.as_datetime2, clocks.as_time, clocks.as_datetimeoffset):
            create(clock.__name__, clock, ["VARCHAR", "INTEGER"], "VARCHAR")
        create("shown_datetimeoffset", clocks.shown_datetimeoffset, ["VARCHAR"], "VARCHAR")
        self.duck.execute(f"CREATE MACRO current_database_name() AS '{self.name}'")
        folder = resources.files(__package__)
        for name in ("catalog.sql", "functions.sql", "views.sql"):
            self.duck.execute((folder / name).read_text())
        insert(self.duck, "sys.types", type_rows())
        self.duck.execute("INSERT INTO catalog.databases VALUES (?, 5, false, 0, false, false, 0)", [self.name])

    def next_lsn(self) -> bytes:
        """The next place in the log."""
        with self.lock:
            self._lsn += 1 << 16
            return self._lsn.to_bytes(10, "big")

    def reserve_lsns(self, count: int) -> int:
        """So many places in the log, 65,536 apart; the first of them as a number."""
        with self.lock:
            first = self._lsn + (1 << 16)
            self._lsn += count << 16
            return first

    def next_object_id(self) -> int:
        with self.lock:
            self._object_id += 16
            return self._object_id

    def now(self) -> dt.datetime:
        """The server's local time, as `GETDATE()` has it."""
        return self.utc_now() + self.utc_offset

    def utc_now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC).replace(tzinfo=None)

    def changed(self) -> None:
        """The data are others than before."""
        with self.lock:
            self.version += 1

    def schema_changed(self) -> None:
        """So are the tables."""
        with self.lock:
            self.epoch += 1
            self.version += 1
            self._tables.clear()

    def table(self, cursor: duckdb.DuckDBPyConnection, epoch: int, schema: str, name: str) -> Table | None:
        """The table of that name, in the eyes of `cursor`'s transaction, which began in that epoch."""
        key = (epoch, schema.lower(), name.lower())
        if key not in self._tables:
            found = cursor.execute(
                "SELECT object_id, schema_name, name, is_tracked_by_cdc FROM catalog.tables"
                " WHERE lower(schema_name) = ? AND lower(name) = ?",
                [key[1], key[2]],
            ).fetchall()
            self._tables[key] = _described(cursor, *found[0]) if found else None
        return self._tables[key]


def _described(cursor: duckdb.DuckDBPyConnection, object_id: int, schema: str, name: str, tracked: bool) -> Table:
    columns = cursor.execute(
        "SELECT column_id, name, declared, is_nullable, is_identity, is_computed, default_definition"
        " FROM catalog.columns WHERE object_id = ? ORDER BY column_id",
        [object_id],
    ).fetchall()
    indexes = cursor.execute(
        "SELECT i.index_id, any_value(i.name), any_value(is_primary_key), any_value(is_unique),"
        " list(c.name ORDER BY x.key_ordinal) FROM catalog.indexes i JOIN catalog.index_columns x"
        " ON x.object_id = i.object_id AND x.index_id = i.index_id JOIN catalog.columns c"
        " ON c.object_id = i.object_id AND c.column_id = x.column_id WHERE i.object_id = ? GROUP BY i.index_id"
        " ORDER BY i.index_id",
        [object_id],
    ).fetchall()
    return Table(
        object_id,
        schema,
        name,
        tracked,
        tuple(Column(at, column, data_type(kind), *rest) for at, column, kind, *rest in columns),
        tuple(Index(at, index, primary, unique, tuple(names)) for at, index, primary, unique, names in indexes),
    )


def insert(cursor: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows of plain values: by column, which costs DuckDB a fraction of what VALUES does."""
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        cursor.execute(f"INSERT INTO {table} SELECT {', '.join(['unnest(?)'] * len(columns))}", columns)


def quoted(name: str) -> str:
    """A name as DuckDB quotes it."""
    return '"' + name.replace('"', '""') + '"'


def _lsn_plus(lsn: bytes, step: int) -> bytes:
    return (int.from_bytes(lsn, "big") + step).to_bytes(10, "big")


def _bit_is_set(ordinal: int, mask: bytes) -> bool:
    """Ordinal 1 is the low bit of the last byte."""
    return bool(int.from_bytes(mask, "big") >> (ordinal - 1) & 1)


def _any_bit(masks: list[bytes]) -> bytes:
    combined = 0
    for mask in masks:
        combined |= int.from_bytes(mask, "big")
    return combined.to_bytes(len(masks[0]), "big")


def new_transaction_id() -> bytes:
    return uuid.uuid4().bytes[:6]
