"""The things that `init` makes, each with the T-SQL that makes and that removes it."""

from __future__ import annotations

import hashlib

import msgspec

from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.infrastructure.present import Present
from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.tsql import Name, fill

INSTANCE_NAME_LIMIT = 100


class CdcDatabase(msgspec.Struct, frozen=True, tag=True):
    """Change data capture of the database."""

    name: str

    def make(self) -> str:
        return "EXEC sys.sp_cdc_enable_db"

    def remove(self) -> str:
        return "EXEC sys.sp_cdc_disable_db"

    def identity(self, present: Present) -> str | None:
        return self.name if present.cdc_enabled else None


class Role(msgspec.Struct, frozen=True, tag=True):
    """A database role that may read changes."""

    name: str

    def make(self) -> str:
        return fill("CREATE ROLE {role}", {"role": Name((self.name,))})

    def remove(self) -> str:
        return fill("DROP ROLE {role}", {"role": Name((self.name,))})

    def identity(self, present: Present) -> str | None:
        found = present.roles.get(self.name)
        return None if found is None else str(found)


class RoleMember(msgspec.Struct, frozen=True, tag=True):
    """A user in that role."""

    role: str
    user: str

    @property
    def name(self) -> str:
        return f"{self.role}/{self.user}"

    def make(self) -> str:
        return self._alter("ADD")

    def remove(self) -> str:
        return self._alter("DROP")

    def identity(self, present: Present) -> str | None:
        return self.name if (self.role, self.user) in present.members else None

    def _alter(self, verb: str) -> str:
        parts = {"role": Name((self.role,)), "user": Name((self.user,))}
        return fill(f"ALTER ROLE {{role}} {verb} MEMBER {{user}}", dict(parts))


class SelectGrant(msgspec.Struct, frozen=True, tag=True):
    """That role's right to read a table, without which it may not read its changes."""

    schema: str
    table: str
    role: str

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}/{self.role}"

    def make(self) -> str:
        return fill("GRANT SELECT ON {table} TO {role}", self._names())

    def remove(self) -> str:
        return fill("REVOKE SELECT ON {table} FROM {role}", self._names())

    def identity(self, present: Present) -> str | None:
        return self.name if (TableName(self.schema, self.table), self.role) in present.grants else None

    def _names(self) -> dict[str, object]:
        return {"table": Name((self.schema, self.table)), "role": Name((self.role,))}


class CdcGrant(msgspec.Struct, frozen=True, tag=True):
    """That role's right to read the change tables and what is written about them."""

    role: str

    @property
    def name(self) -> str:
        return f"cdc/{self.role}"

    def make(self) -> str:
        return fill("GRANT SELECT ON SCHEMA::cdc TO {role}", {"role": Name((self.role,))})

    def remove(self) -> str:
        return fill("REVOKE SELECT ON SCHEMA::cdc FROM {role}", {"role": Name((self.role,))})

    def identity(self, present: Present) -> str | None:
        return self.name if self.role in present.cdc_readers else None


class CaptureInstance(msgspec.Struct, frozen=True, tag=True):
    """Change data capture of a table."""

    name: str
    schema: str
    table: str
    role: str | None = None
    filegroup: str | None = None

    def make(self) -> str:
        sql = (
            "EXEC sys.sp_cdc_enable_table @source_schema = {schema}, @source_name = {table}, "
            "@capture_instance = {name}, @role_name = {role}, @supports_net_changes = 0"
        )
        if self.filegroup is not None:
            sql += ", @filegroup_name = {filegroup}"
        return fill(sql, msgspec.structs.asdict(self))

    def remove(self) -> str:
        return fill(
            "EXEC sys.sp_cdc_disable_table @source_schema = {schema}, @source_name = {table}, "
            "@capture_instance = {name}",
            msgspec.structs.asdict(self),
        )

    def identity(self, present: Present) -> str | None:
        found = present.instances.get(self.name)
        return None if found is None else str(found.object_id)


class Retention(msgspec.Struct, frozen=True, tag=True):
    """For how many minutes changes are kept; `before` is what `init` found."""

    minutes: int
    before: int | None = None
    name: str = "cleanup"

    def make(self) -> str:
        return self._change(self.minutes)

    def remove(self) -> str:
        # 4320 is what SQL Server sets when CDC is enabled.
        return self._change(self.before or 4320)

    def identity(self, present: Present) -> str | None:
        return str(self.minutes) if present.retention_minutes == self.minutes else None

    def _change(self, minutes: int) -> str:
        return f"EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = {minutes}"


Thing = CdcDatabase | Role | RoleMember | SelectGrant | CdcGrant | CaptureInstance | Retention


def wanted(config: MssqlCdcConfig, tables: list[TableName], present: Present) -> list[Thing]:
    """What the config asks for, in the order in which it can be made."""
    extra = config.infrastructure
    things: list[Thing] = [CdcDatabase(present.database)]
    if extra.role is not None:
        things.append(Role(extra.role))
        things += [RoleMember(extra.role, user) for user in extra.members]
        things += [SelectGrant(table.schema, table.name, extra.role) for table in tables]
        things.append(CdcGrant(extra.role))
    names = _instance_names(tables, present)
    things += [CaptureInstance(names[table], table.schema, table.name, extra.role, extra.filegroup) for table in tables]
    if extra.retention is not None:
        things.append(Retention(round(extra.retention / 60), present.retention_minutes))
    return things


def _instance_names(tables: list[TableName], present: Present) -> dict[TableName, str]:
    """The instance that each table has, whoever made it, or a new one: `dbo.a_b` and `dbo_a.b` need two."""
    names: dict[TableName, str] = {}
    for one in present.instances.values():
        names.setdefault(one.table, one.name)
    taken = set(present.instances)
    for table in tables:
        if table not in names:
            name = f"{table.schema}_{table.name}"[:INSTANCE_NAME_LIMIT]
            if name in taken:
                mark = hashlib.sha256(f"{table.schema}.{table.name}".encode()).hexdigest()[:8]
                name = f"{name[: INSTANCE_NAME_LIMIT - len(mark) - 1]}_{mark}"
            names[table] = name
            taken.add(name)
    return names
