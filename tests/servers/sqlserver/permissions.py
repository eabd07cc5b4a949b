"""Who may do what: logins, users, roles and grants, as far as change data capture asks for them.

"Permissions (Database Engine)", "HAS_PERMS_BY_NAME", "IS_SRVROLEMEMBER", "GRANT".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.servers.sqlserver.errors import QueryError, error
from tests.servers.sqlserver.tokens import Tokens

if TYPE_CHECKING:
    from tests.servers.sqlserver.change_tables import Instance
    from tests.servers.sqlserver.database import Database, Table


@dataclass
class Login:
    password: str
    server_roles: set[str] = field(default_factory=set)
    enabled: bool = True


class Permissions:
    """Kept by the name of the login; its user in the database has the same name, `sa` is `dbo`."""

    def __init__(self, database: Database, user: str, password: str) -> None:
        self._database = database
        self.logins: dict[str, Login] = {user.lower(): Login(password, {"sysadmin"})}
        for name, principal in (("public", 0), ("db_owner", 16384), ("db_datareader", 16390)):
            self._run("INSERT INTO catalog.principals VALUES (?, ?, 'R', 'DATABASE_ROLE')", name, principal)
        self._run("INSERT INTO catalog.principals VALUES ('dbo', 1, 'S', 'SQL_USER')")

    def _run(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        return self._database.duck.cursor().execute(sql, list(values)).fetchall()

    def admits(self, user: str, password: str) -> bool:
        """pysqlbridge asks this of everybody who logs in."""
        login = self.logins.get(user.lower())
        return login is not None and login.enabled and login.password == password

    configured = True

    def user_of(self, login: str) -> str:
        return "dbo" if self.owns(login) else login

    def owns(self, login: str) -> bool:
        return self.in_server_role(login, "sysadmin") == 1 or "db_owner" in self._roles(login)

    def in_server_role(self, login: str, role: str) -> int | None:
        known = self.logins.get(login.lower())
        return None if known is None else int(role.lower() in known.server_roles or "sysadmin" in known.server_roles)

    def in_role(self, user: str, role: str) -> int | None:
        known = [str(name).lower() for (name,) in self._run("SELECT name FROM catalog.principals WHERE type = 'R'")]
        if role.lower() not in known:
            return None
        return int(role.lower() in ("public", *self._roles(user)) or (role.lower() == "db_owner" and self.owns(user)))

    def _roles(self, user: str) -> list[str]:
        found: list[str] = []
        waiting = [user.lower()]
        while waiting:
            rows = self._run("SELECT lower(role_name) FROM catalog.members WHERE lower(member_name) = ?", waiting.pop())
            waiting += [str(role) for (role,) in rows if role not in found]
            found += [str(role) for (role,) in rows]
        return found

    def allowed(self, login: str, permission: str, schema: str, name: str) -> bool:
        """Whether this permission on this table was granted, to the login's user or to a role of its."""
        if self.owns(login) or schema in ("sys", "info", "msdb"):
            return True
        roles = self._roles(login)
        if permission == "SELECT" and "db_datareader" in roles:
            return True
        holders = [login.lower(), "public", *roles]
        granted = self._run(
            "SELECT class, securable FROM catalog.permissions WHERE list_contains(?, lower(grantee))"
            " AND permission IN (?, 'CONTROL')",
            holders,
            permission,
        )
        covering = {("DATABASE", ""), ("SCHEMA", schema.lower()), ("OBJECT", f"{schema}.{name}".lower())}
        return not covering.isdisjoint(granted)

    def must(self, login: str, permission: str, table: Table) -> None:
        """Raise error 229 unless it is allowed."""
        if not self.allowed(login, permission, table.schema, table.name):
            raise error(229, permission, table.name, self._database.name, table.schema)

    def sees(self, login: str, table: Table) -> bool:
        """Whether the catalog shows a table: to who has any right on it."""
        kinds = ("SELECT", "INSERT", "UPDATE", "DELETE", "VIEW DEFINITION")
        return any(self.allowed(login, permission, table.schema, table.name) for permission in kinds)

    def must_read(self, login: str, instance: Instance, source: Table | None, function: str) -> None:
        """Raise error 229 unless a change function may be used: by who may read the source, and is in its role."""
        gated = instance.role is not None and not self.owns(login) and not self.in_role(login, instance.role)
        if gated or (source and not self.allowed(login, "SELECT", source.schema, source.name)):
            raise error(229, "SELECT", function, self._database.name, "cdc")

    def add_role(self, name: str) -> None:
        """Make a role unless there is one of this name."""
        if self.in_role("public", name) is None:
            self.define(f"CREATE ROLE [{name}]")

    def must_own(self, login: str) -> None:
        if not self.owns(login):
            raise error(22904)

    def has(self, login: str, securable: str | None, kind: str | None, permission: str, *_: object) -> int | None:
        """`HAS_PERMS_BY_NAME`."""
        if self.owns(login):
            return 1
        permission = permission.upper()
        if kind and kind.upper() in ("OBJECT", "TABLE") and securable:
            parts = securable.replace("[", "").replace("]", "").split(".")
            schema, name = (parts[-2] if len(parts) > 1 else "dbo"), parts[-1]
            return int(self.allowed(login, permission, schema, name))
        if kind and kind.upper() == "SCHEMA" and securable:
            return int(self.allowed(login, permission, securable.strip("[]"), ""))
        granted = self._run("SELECT 1 FROM catalog.permissions WHERE class IN ('DATABASE', 'SERVER') AND permission = ?"
                            " AND lower(grantee) = ?", permission, login.lower())  # fmt: skip
        return int(bool(granted) or permission in ("CONNECT", "ANY"))

    def define(self, text: str) -> None:
        """CREATE and DROP of logins, users and roles, ALTER ROLE, GRANT, DENY, REVOKE."""
        tokens = Tokens(text)
        verb = tokens.word().upper()
        match verb, tokens.peek():
            case (("CREATE" | "ALTER" | "DROP"), ("LOGIN" | "USER" | "ROLE")):
                self._principal(verb, tokens)
            case ("ALTER", "SERVER"):
                tokens.expect("SERVER", "ROLE")
                role = tokens.word().lower()
                tokens.expect("ADD", "MEMBER")
                self.logins[tokens.word().lower()].server_roles.add(role)
            case (("GRANT" | "REVOKE" | "DENY"), _):
                self._grant(verb, tokens)
            case _:
                raise QueryError(f"The emulator cannot do: {text[:80]}")

    def _principal(self, verb: str, tokens: Tokens) -> None:
        kind, name = tokens.word().upper(), tokens.word()
        if kind == "LOGIN":
            if verb == "DROP":
                self.logins.pop(name.lower(), None)
            elif tokens.accept("WITH", "PASSWORD", "="):
                self.logins[name.lower()] = Login(tokens.word())
            return
        exists = bool(self._run("SELECT 1 FROM catalog.principals WHERE lower(name) = lower(?)", name))
        if verb == "CREATE":
            if exists:
                raise error(15023, name)
            letter, words = ("S", "SQL_USER") if kind == "USER" else ("R", "DATABASE_ROLE")
            self._run("INSERT INTO catalog.principals SELECT ?, max(principal_id) + 1, ?, ? FROM catalog.principals",
                      name, letter, words)  # fmt: skip
            return
        if not exists:
            raise error(15151, kind.lower(), name)
        if verb == "DROP":
            self._run("DELETE FROM catalog.principals WHERE lower(name) = lower(?)", name)
            self._run("DELETE FROM catalog.members WHERE lower(?) IN (lower(role_name), lower(member_name))", name)
            self._run("DELETE FROM catalog.permissions WHERE lower(grantee) = lower(?)", name)
        elif tokens.accept("ADD", "MEMBER"):
            self._run("INSERT INTO catalog.members VALUES (?, ?)", name, tokens.word())
        elif tokens.accept("DROP", "MEMBER"):
            self._run("DELETE FROM catalog.members WHERE lower(role_name) = lower(?) AND lower(member_name) = lower(?)",
                      name, tokens.word())  # fmt: skip

    def _grant(self, verb: str, tokens: Tokens) -> None:
        permissions = [each.strip().upper() for each in tokens.text_until("ON", "TO", "FROM").split(",")]
        kind, securable = "DATABASE", ""
        if tokens.accept("ON"):
            target = tokens.text_until("TO", "FROM")
            before, colons, after = target.rpartition("::")
            kind = before.strip().upper() if colons else "OBJECT"
            securable = after.strip().replace("[", "").replace("]", "").lower()
            if kind == "OBJECT" and "." not in securable:
                securable = f"dbo.{securable}"
        if tokens.accept("TO") or tokens.accept("FROM"):
            grantee = tokens.word()
        for permission in permissions:
            self._run(
                "DELETE FROM catalog.permissions WHERE lower(grantee) = lower(?) AND permission = ? AND class = ?"
                " AND securable = ?",
                grantee,
                permission,
                kind,
                securable,
            )
            if verb == "GRANT":
                self._run("INSERT INTO catalog.permissions VALUES (?, ?, ?, ?)", grantee, permission, kind, securable)
