"""What was made by whom, kept as extended properties of the database itself."""

from __future__ import annotations

import hashlib

import msgspec

from dstream_sdk import Context
from mssql_cdc_provider.infrastructure.things import Thing
from mssql_cdc_provider.session import Session

PREFIX = "dstream/"
"""Extended properties of the database whose names begin so are these records."""


class Owner(msgspec.Struct, frozen=True):
    """Whom a thing was made for: a task of a project. Two projects may have tasks of one name on one database."""

    project: str
    task: str

    @classmethod
    def of(cls, context: Context) -> Owner:
        return cls(context.command_options.project, context.task)

    def seen_by(self, other: Owner) -> str:
        """What to call it."""
        return self.task if self.project == other.project else f"{self.task} of another project"


class Record(msgspec.Struct, frozen=True):
    """A thing that was made for `owners`.

    `identity` tells it from another of the same name that someone else made later; None until it is made.
    """

    thing: Thing
    owners: tuple[Owner, ...]
    identity: str | None = None

    @property
    def property_name(self) -> str:
        whole = f"{type(self.thing).__name__}/{self.thing.name}"
        return PREFIX + hashlib.sha256(whole.encode()).hexdigest()[:32]


def read_records(session: Session) -> dict[str, Record]:
    """Every record, whoever's, by the name of its property. Raises `ValueError` for one that is none."""
    rows = session.query(
        "SELECT name, CAST(value AS nvarchar(3750)) AS value FROM sys.extended_properties "
        "WHERE class = 0 AND name LIKE N'dstream/%'"
    )
    return {name: msgspec.json.decode(value, type=Record) for name, value in rows}


def write_record(session: Session, record: Record, *, new: bool) -> None:
    """Keep the record, in place of the one of the same thing where it is not `new`."""
    procedure = "sp_addextendedproperty" if new else "sp_updateextendedproperty"
    session.query(
        f"EXEC sys.{procedure} @name = {{name}}, @value = {{value}}",
        name=record.property_name,
        value=msgspec.json.encode(record).decode(),
    )


def drop_record(session: Session, record: Record) -> None:
    session.query("EXEC sys.sp_dropextendedproperty @name = {name}", name=record.property_name)
