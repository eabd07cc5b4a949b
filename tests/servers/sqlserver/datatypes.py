"""The types of T-SQL: how a column of each is stored, described in the catalog and sent.

Sources: "Data types (Transact-SQL)" and the pages of the single types; "sys.types"; [MS-TDS] 2.2.5.4 for the wire.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tests.servers.sqlserver import wire


@dataclass(frozen=True)
class _Kind:
    """One type name: `system_type_id`, DuckDB's type that stores it, and what its bare name means."""

    id: int
    storage: str
    bytes: int = 0
    precision: int = 0
    scale: int = 0


_KINDS = {
    "bit": _Kind(104, "BOOLEAN", 1, 1),
    "tinyint": _Kind(48, "UTINYINT", 1, 3),
    "smallint": _Kind(52, "SMALLINT", 2, 5),
    "int": _Kind(56, "INTEGER", 4, 10),
    "bigint": _Kind(127, "BIGINT", 8, 19),
    "decimal": _Kind(106, "DECIMAL", 9, 18),
    "numeric": _Kind(108, "DECIMAL", 9, 18),
    "money": _Kind(60, "DECIMAL(19,4)", 8, 19, 4),
    "smallmoney": _Kind(122, "DECIMAL(10,4)", 4, 10, 4),
    "float": _Kind(62, "DOUBLE", 8, 53),
    "real": _Kind(59, "FLOAT", 4, 24),
    "date": _Kind(40, "DATE", 3, 10),
    "time": _Kind(41, "VARCHAR", 5, 16, 7),
    "datetime": _Kind(61, "TIMESTAMP_MS", 8, 23, 3),
    "smalldatetime": _Kind(58, "TIMESTAMP_S", 4, 16),
    "datetime2": _Kind(42, "VARCHAR", 8, 27, 7),
    "datetimeoffset": _Kind(43, "VARCHAR", 10, 34, 7),  # the three as clocks.py has them
    "char": _Kind(175, "VARCHAR", 1),
    "varchar": _Kind(167, "VARCHAR", 1),
    "text": _Kind(35, "VARCHAR", 16),
    "nchar": _Kind(239, "VARCHAR", 2),
    "nvarchar": _Kind(231, "VARCHAR", 2),
    "sysname": _Kind(231, "VARCHAR", 256),
    "ntext": _Kind(99, "VARCHAR", 16),
    "xml": _Kind(241, "VARCHAR", -1),
    "binary": _Kind(173, "BLOB", 1),
    "varbinary": _Kind(165, "BLOB", 1),
    "image": _Kind(34, "BLOB", 16),
    "timestamp": _Kind(189, "BLOB", 8),
    "uniqueidentifier": _Kind(36, "UUID", 16),
    "sql_variant": _Kind(98, "VARCHAR", 8016),
}
_SYNONYMS = {
    "integer": "int", "dec": "decimal", "rowversion": "timestamp", "double precision": "float",
    "character": "char", "character varying": "varchar", "national character varying": "nvarchar",
}  # fmt: skip
_SIZED = ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary")


@dataclass(frozen=True)
class DataType:
    """A declared type, as `decimal(18,2)`; `size` is in characters or bytes, None is `max` or none at all."""

    name: str
    size: int | None = None
    scale: int = 0

    @property
    def is_max(self) -> bool:
        """A large value type: its old value is in no log unless it changed."""
        return (self.name in _SIZED and self.size is None) or self.name == "xml"

    @property
    def is_old_large(self) -> bool:
        return self.name in ("text", "ntext", "image")

    @property
    def storage(self) -> str:
        return (
            f"DECIMAL({self.size},{self.scale})" if self.name in ("decimal", "numeric") else _KINDS[self.name].storage
        )

    @property
    def text(self) -> str:
        """As it is written in a declaration."""
        if self.name in ("decimal", "numeric"):
            return f"{self.name}({self.size},{self.scale})"
        if self.name in _SIZED:
            return f"{self.name}({self.size or 'max'})"
        return f"{self.name}({self.scale})" if self.name in ("time", "datetime2", "datetimeoffset") else self.name

    @property
    def facts(self) -> tuple[int, int, int, int]:
        """What `sys.columns` says: system_type_id, max_length in bytes, precision, scale."""
        kind = _KINDS[self.name]
        if self.name in ("decimal", "numeric"):
            assert self.size is not None
            return kind.id, wire.decimal_bytes(self.size) + 1, self.size, self.scale
        if self.name in _SIZED:
            return kind.id, -1 if self.size is None else self.size * kind.bytes, 0, 0
        return kind.id, kind.bytes, kind.precision, self.scale

    @cached_property
    def on_the_wire(self) -> wire.WireType:
        size, scale = self.size, self.scale
        match self.name:
            case "bit":
                return wire.BIT
            case "tinyint" | "smallint" | "int" | "bigint":
                return wire.INTEGERS[_KINDS[self.name].bytes]
            case "decimal" | "numeric":
                assert size is not None
                return wire.Decimal(size, scale)
            case "money" | "smallmoney":
                return wire.Money(_KINDS[self.name].bytes)
            case "float" | "real":
                return wire.Float(_KINDS[self.name].bytes)
            case "date":
                return wire.DATE
            case "time":
                return wire.Time(scale)
            case "datetime":
                return wire.DATETIME
            case "smalldatetime":
                return wire.SMALLDATETIME
            case "datetime2":
                return wire.DateTime2(scale)
            case "datetimeoffset":
                return wire.DateTimeOffset(scale)
            case "char" | "varchar":
                return wire.VarChar(size)
            case "nchar" | "nvarchar":
                return wire.NVarChar(size)
            case "sysname":
                return wire.NVarChar(128)
            case "binary":
                return wire.Binary(size or 1)
            case "varbinary":
                return wire.VarBinary(size)
            case "timestamp":
                return wire.Binary(8)
            case "image":
                return wire.VarBinary(None)
            case "text":
                return wire.VarChar(None)
            case "uniqueidentifier":
                return wire.UNIQUEIDENTIFIER
            case _:
                return wire.NVarChar(None)

    def assigned(self, value: str) -> str:
        """The SQL that makes of the SQL expression `value` what a column of this type takes in."""
        match self.name:
            case "char" | "nchar":
                return f"rpad(fits({value}, {self.size}), {self.size}, ' ')"
            case "varchar" | "nvarchar" if self.size is not None:
                return f"fits({value}, {self.size})"
            case "binary":
                return f"padded(as_binary({value}), {self.size})"
            case "varbinary" | "image":
                return f"as_binary({value})"
            case "datetime":
                return f"as_datetime({value})"
            case "smalldatetime":
                return f"as_smalldatetime({value})"
            case "datetime2" | "time" | "datetimeoffset":
                return f"as_{self.name}(cast({value} as VARCHAR), {self.scale})"
            case _:
                return f"cast({value} as {self.storage})"


@lru_cache(maxsize=1024)
def data_type(text: str) -> DataType:
    """The type that `text` names, as `nvarchar(50)`; ValueError if there is none."""
    found = re.fullmatch(r"\[?([a-z_0-9 ]+?)\]?\s*(?:\(\s*(max|\d+)\s*(?:,\s*(\d+)\s*)?\))?", text.strip().lower())
    name = found and _SYNONYMS.get(found[1], found[1])
    if found is None or name not in _KINDS:
        raise ValueError(f"no type {text!r}")
    first = int(found[2]) if found[2] and found[2] != "max" else None
    if name in ("decimal", "numeric"):
        return DataType(name, 18 if first is None else first, int(found[3] or 0))
    if name in _SIZED:
        return DataType(name, None if found[2] == "max" else first or 1)
    if name == "float" and first is not None and first <= 24:
        return DataType("real")
    if name in ("time", "datetime2", "datetimeoffset"):
        return DataType(name, None, 7 if first is None else first)
    return DataType(name, None, _KINDS[name].scale)


LSN = data_type("binary(10)")


def _user_type(name: str) -> int:
    return 256 if name == "sysname" else _KINDS[name].id


def type_rows() -> list[list[object]]:
    """The rows of `sys.types`."""
    sizes = {"char": 8000, "varchar": 8000, "nchar": 8000, "nvarchar": 8000, "binary": 8000, "varbinary": 8000}
    return [
        [name, kind.id, _user_type(name), 4, sizes.get(name, kind.bytes), kind.precision, kind.scale, False]
        for name, kind in _KINDS.items()
    ]


_OF_STORAGE = {
    "BOOLEAN": "bit", "UTINYINT": "tinyint", "TINYINT": "smallint", "SMALLINT": "smallint", "INTEGER": "int",
    "USMALLINT": "int", "UINTEGER": "bigint", "BIGINT": "bigint", "UBIGINT": "decimal(20)", "HUGEINT": "bigint",
    "UHUGEINT": "decimal(38)", "DOUBLE": "float", "FLOAT": "real", "DATE": "date", "TIME": "time",
    "UUID": "uniqueidentifier",
    "TIMESTAMP": "datetime2", "TIMESTAMP_MS": "datetime", "TIMESTAMP_S": "smalldatetime", "TIMESTAMP_NS": "datetime2",
    "BLOB": "varbinary(max)", '"NULL"': "int", "VARCHAR": "nvarchar(max)",
}  # fmt: skip


def type_of_expression(storage: str) -> DataType:
    """The type of a result column that is no table's column, from DuckDB's name for its type."""
    return data_type(storage) if storage.startswith("DECIMAL") else data_type(_OF_STORAGE.get(storage, "nvarchar(max)"))
