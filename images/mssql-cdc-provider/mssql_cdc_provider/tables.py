"""Which tables are meant, what they look like, and by which capture instances they can be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mssql_cdc_provider.session import Session
from mssql_cdc_provider.tsql import Name


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


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `type` is the base type's name (`decimal`), `declared` as one declares it (`decimal(18,2)`).

    An alias type (`CREATE TYPE`) is given as what it stands for. `collation` matters for keyset order of text.
    """

    name: str
    type: str
    declared: str
    nullable: bool = True
    computed: bool = False

    @property
    def is_max(self) -> bool:
        """Whether its value is left out (NULL) of updates that do not change it: max types, text, image, xml."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is now. `key` are the columns of its primary key, else of its first unique index without
    nullable columns, in index order; empty where there is none."""

    name: TableName
    object_id: int
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    captured: bool


@dataclass(frozen=True, slots=True)
class CaptureInstance:
    """One capture instance of a table. `columns` in order of their bits in the update mask.

    `object_id` is the change table's; a table may have two instances, told apart by `start_lsn`, and the same
    name may come back with another `object_id` after it was disabled and enabled.
    """

    name: str
    table: TableName
    table_id: int
    object_id: int
    start_lsn: bytes
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    role: str | None = None


def matching(names: Iterable[TableName], patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[TableName]:
    """Those that some pattern of `patterns` and none of `exclude` names, in order, each once.

    A pattern is `table` (schema `dbo`), `schema.table`, with `*` and `?` in either part and brackets where a part
    holds a dot. Letters match in either case.
    """
    raise NotImplementedError


def table_names(session: Session) -> list[TableName]:
    """Every user table of the database that the login may see."""
    raise NotImplementedError


def read_tables(session: Session, names: Sequence[TableName]) -> list[Table]:
    """These tables as they are now, in the same order; one that is gone is left out."""
    raise NotImplementedError


def read_instances(session: Session) -> list[CaptureInstance]:
    """Every capture instance that the login may read, by table and start LSN. Raises `Gone` without CDC."""
    raise NotImplementedError
