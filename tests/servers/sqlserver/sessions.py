"""One connection's session: its variables, its transaction, and the statements it runs."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import duckdb
from pysqlbridge.tds.result import Query
from sqlglot import exp

from tests.servers.sqlserver import batches, definitions, procedures, writes
from tests.servers.sqlserver.answers import Answer, ResultSet, RowCount
from tests.servers.sqlserver.capture import Capture, Instance
from tests.servers.sqlserver.changelog import Change
from tests.servers.sqlserver.database import Database, Table, quoted
from tests.servers.sqlserver.datatypes import DataType, data_type, type_of_expression
from tests.servers.sqlserver.errors import QueryError, error, translated
from tests.servers.sqlserver.translation import Translator, parsed, result_types

if TYPE_CHECKING:
    from tests.servers.sqlserver.engine import Engine

_WITH_A_SNAPSHOT = ("SNAPSHOT", "SERIALIZABLE", "REPEATABLE READ")


class Returned(Exception):
    """`RETURN` ends the batch."""


class Session:
    """What one connection may ask of the engine. Used by one thread."""

    def __init__(self, engine: Engine, user: str, spid: int) -> None:
        self.engine, self.user, self.spid = engine, user, spid
        self.database: Database = engine.database
        self.capture: Capture = engine.capture
        self.closed = threading.Event()
        self.depth = 0
        self.isolation = "READ COMMITTED"
        self.lock_timeout: float | None = None
        self._cursor = self.database.duck.cursor()
        self._variables: dict[str, tuple[DataType, Any]] = {}
        self._changes: list[Change] = []
        self._begun: tuple[bytes, dt.datetime] | None = None
        self._command = 0
        self._row_count = 0
        self._count_rows = True
        self._error: QueryError | None = None
        self._translator = Translator(self, [])

    # ------------------------------------------------------------------ batches

    def answer(self, query: Query) -> Answer:
        """Run one request. Raises QueryError; an open transaction is then rolled back, as with XACT_ABORT ON."""
        self._variables = {}
        parts: list[ResultSet | RowCount] = []
        try:
            procedures.request(self, query, parts)
        except Returned:
            pass
        except (QueryError, duckdb.Error) as failure:
            self.rollback()
            raise (translated(failure) if isinstance(failure, duckdb.Error) else failure) from None
        return Answer(parts)

    def batch(self, sql: str, parts: list[ResultSet | RowCount]) -> None:
        for statement in batches.statements(sql):
            self.statement(statement, parts)

    def statement(self, statement: batches.Statement, parts: list[ResultSet | RowCount]) -> None:
        match statement:
            case batches.Sql():
                self._sql(statement, parts)
            case batches.Exec():
                procedures.execute(self, statement, parts)
            case batches.ExecText():
                self.batch(str(self.value(statement.text)), parts)
            case batches.Declare():
                for name, kind, value in statement.variables:
                    self._variables[name] = (data_type(kind), None)
                    self.assign(name, self.value(value))
            case batches.SetVariable():
                self.assign(statement.name, self.value(statement.value))
            case batches.If():
                chosen = statement.then if self.holds(statement.condition) else statement.otherwise
                if chosen:
                    self.statement(chosen, parts)
            case batches.While():
                while self.holds(statement.condition):
                    self.statement(statement.body, parts)
            case batches.Block():
                self._block(statement, parts)
            case batches.Transaction():
                self._transaction(statement.verb)
            case batches.SetOption():
                self._option(statement.words)
            case batches.Raise():
                self._raise(statement)
            case batches.WaitFor():
                hours, minutes, seconds = str(self.value(statement.delay)).split(":")
                self.closed.wait(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
            case batches.Use():
                if statement.database.lower() not in (self.database.name.lower(), "master"):
                    raise error(911, statement.database)
            case batches.Return():
                raise Returned

    def _block(self, block: batches.Block, parts: list[ResultSet | RowCount]) -> None:
        try:
            for each in block.statements:
                self.statement(each, parts)
        except (QueryError, duckdb.Error) as failure:
            if block.caught is None:
                raise
            self.rollback()
            self._error = translated(failure) if isinstance(failure, duckdb.Error) else failure
            for each in block.caught:
                self.statement(each, parts)

    def _raise(self, statement: batches.Raise) -> None:
        if statement.verb == "THROW" and not statement.arguments and self._error:
            raise self._error
        values = [self.value(each) for each in statement.arguments]
        if statement.verb == "THROW":
            raise QueryError(str(values[1]), number=int(values[0]), state=int(values[2]))
        if statement.verb == "RAISERROR" and int(values[1]) > 10:
            raise QueryError(str(values[0]), number=50000, severity=int(values[1]), state=int(values[2]))

    def _sql(self, statement: batches.Sql, parts: list[ResultSet | RowCount]) -> None:
        if statement.verb in ("CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "DENY", "REVOKE"):
            self.engine.permissions.must_own(self.user) if statement.verb in ("ALTER", "DROP") else None
            definitions.define(self, statement.text)
            return
        tree = parsed(statement.text)
        if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge):
            self._row_count, output = writes.write(self, tree)
            if output is not None:
                parts.append(output)
            elif self._count_rows:
                parts.append(RowCount(self._row_count))
            return
        result = self.select(tree)
        if isinstance(result, ResultSet):
            parts.append(result)

    # ------------------------------------------------------------------ queries

    def select(self, tree: exp.Expr) -> ResultSet | None:
        """Run a query; one that assigns variables answers nothing."""
        into = tree.args.get("into")
        targets = [
            each.this
            for each in tree.expressions
            if isinstance(each, exp.EQ | exp.PropertyEQ) and isinstance(each.this, exp.Parameter)
        ]
        if targets:
            for each in list(tree.expressions):
                each.replace(each.expression)
        written = tree.copy()
        translated_tree = self.translate(tree)
        sources = list(self._translator.sources)
        if into:
            raise error(102, "INTO")
        sql = translated_tree.sql("duckdb")
        key = (sql, self.database.version)
        if self._begun is None and not targets and (kept := self.engine.kept(key)):
            self._row_count = len(kept.rows)
            return kept
        self._begin_if_snapshot()
        relation = self._cursor.sql(sql)
        if relation is None:
            return None
        names, storages = list(relation.columns), [str(kind) for kind in relation.types]
        rows = relation.fetchall()
        self._row_count = len(rows)
        if targets:
            for target, value in zip(targets, rows[-1] if rows else (), strict=False):
                self.assign(target.name.lower(), value)
            return None
        types = result_types(written, names, storages, sources)
        shown = _names_shown(written, names)
        result = ResultSet([(name, kind.on_the_wire) for name, kind in zip(shown, types, strict=True)], rows)
        if self._begun is None:
            self.engine.keep(key, result)
        return result

    def translate(self, tree: exp.Expr) -> exp.Expr:
        outer = self._translator
        self._translator = Translator(self, [])
        try:
            return self._translator.translate(tree)
        finally:
            done, self._translator = self._translator, outer
            self._translator.sources = done.sources

    def expression(self, text: str) -> str:
        """A T-SQL expression in DuckDB's SQL."""
        return self.translate(parsed(f"SELECT {text}")).expressions[0].sql("duckdb")

    def value(self, text: str) -> Any:
        """What an expression comes to."""
        if text[:1].isdigit() and text.isdigit():
            return int(text)
        if text.upper() == "NULL":
            return None
        plain = text[1:] if text[:2].upper() == "N'" else text
        if len(plain) > 1 and plain[0] == plain[-1] == "'" and "'" not in plain[1:-1]:
            return plain[1:-1]
        return self._cursor.sql(f"SELECT {self.expression(text)}").fetchall()[0][0]

    def holds(self, condition: str) -> bool:
        return bool(self.value(f"CASE WHEN {condition} THEN 1 ELSE 0 END"))

    def type_of(self, text: str, _name: str) -> DataType:
        """The type of a computed column."""
        try:
            return type_of_expression(str(self._cursor.sql(f"SELECT {self.expression(text)}").types[0]))
        except duckdb.Error:
            return data_type("int")

    def assign(self, name: str, value: Any) -> None:
        """Set a variable, as its declared type has it."""
        if name not in self._variables:
            raise error(137, f"@{name}")
        kind = self._variables[name][0]
        from tests.servers.sqlserver.translation import literal  # noqa: PLC0415

        sql = kind.assigned(literal(value).sql("duckdb")) if value is not None else "NULL"
        self._variables[name] = (
            kind,
            self._cursor.sql(f"SELECT {sql}").fetchall()[0][0] if value is not None else None,
        )

    def set_variables(self, values: dict[str, Any]) -> None:
        """The parameters that came with a request."""
        self._variables |= {
            name.lstrip("@").lower(): (data_type("sql_variant"), value) for name, value in values.items()
        }

    def variable(self, name: str) -> Any:
        if name.lower() not in self._variables:
            raise error(137, f"@{name}")
        return self._variables[name.lower()][1]

    def global_variable(self, name: str) -> object:
        known: dict[str, object] = {
            "spid": self.spid, "trancount": self.depth, "rowcount": self._row_count, "servername": "emulator",
            "error": 0, "lock_timeout": -1 if self.lock_timeout is None else int(self.lock_timeout * 1000),
            "version": "Microsoft SQL Server 2022 (emulated for tests)", "max_precision": 38,
        }  # fmt: skip
        if name.lower() not in known:
            raise error(137, f"@@{name}")
        return known[name.lower()]

    @property
    def functions(self) -> dict[str, Callable[[], object]]:
        """The functions without arguments that depend on the session or on the moment."""
        utc, now = self.database.utc_now, self.database.now
        return {
            "getdate": now, "sysdatetime": now, "getutcdate": utc, "sysutcdatetime": utc,
            "current_timestamp": now, "sysdatetimeoffset": lambda: self._with_offset(now()),
            "suser_sname": lambda: self.user, "suser_name": lambda: self.user, "original_login": lambda: self.user,
            "user_name": lambda: self.engine.permissions.user_of(self.user),
            "current_user": lambda: self.engine.permissions.user_of(self.user),
            "db_name": lambda: self.database.name, "host_name": lambda: "client", "app_name": lambda: "client",
            "xact_state": lambda: 1 if self.depth else 0,
            "error_number": lambda: self._error.number if self._error else None,
            "error_message": lambda: str(self._error) if self._error else None,
            "error_severity": lambda: self._error.severity if self._error else None,
            "error_state": lambda: self._error.state if self._error else None,
        }  # fmt: skip

    @property
    def functions_of_arguments(self) -> dict[str, Callable[..., object]]:
        permissions, locks = self.engine.permissions, self.engine.locks
        return {
            "has_perms_by_name": lambda *words: permissions.has(self.user, *words),
            "is_srvrolemember": lambda role, login=None: permissions.in_server_role(login or self.user, role),
            "is_rolemember": lambda role, user=None: permissions.in_role(user or self.user, role),
            "is_member": lambda role: permissions.in_role(self.user, role),
            "has_dbaccess": lambda name: int(name.lower() in (self.database.name.lower(), "master", "msdb")),
            "applock_mode": lambda _principal, resource, owner: locks.mode(self.spid, resource, owner),
            "applock_test": lambda _principal, resource, mode, _owner: int(locks.free(self.spid, resource, mode)),
        }

    def _with_offset(self, moment: dt.datetime) -> str:
        minutes = int(self.database.utc_offset.total_seconds() // 60)
        return f"{moment - self.database.utc_offset:%Y-%m-%d %H:%M:%S.%f} {minutes:+d}"

    # ------------------------------------------------------------------ transactions

    def _transaction(self, verb: str) -> None:
        match verb:
            case "BEGIN":
                self.depth += 1
            case "COMMIT":
                if not self.depth:
                    raise error(3902)
                self.depth -= 1
                if not self.depth:
                    self.commit()
            case "ROLLBACK":
                if not self.depth:
                    raise error(3903)
                self.rollback()
            case _:
                raise QueryError("The emulator has no savepoints.")

    def begin(self) -> None:
        """Begin the store's transaction if it has not begun; what the session reads is of this moment from now on."""
        if self._begun is None:
            self._cursor.execute("BEGIN")
            self._begun = self.database.next_lsn(), self.database.now()

    def _begin_if_snapshot(self) -> None:
        if self.isolation == "SNAPSHOT" and not self.engine.snapshot_allowed:
            raise error(3952, self.database.name)
        if self.depth and self.isolation in _WITH_A_SNAPSHOT:
            self.begin()

    def commit(self) -> None:
        """Commit; the changes are in the log before anything that commits later."""
        if self._begun is None:
            return
        with self.database.lock:
            self._cursor.execute("COMMIT")
            self.database.version += 1
            (begin_lsn, begun), changes = self._begun, self._changes
            self._begun, self._changes, self._command = None, [], 0
            if changes:
                self.capture.log(begin_lsn, begun, changes)
        self.engine.locks.end_transaction(self.spid)

    def rollback(self) -> None:
        if self._begun is not None:
            self._cursor.execute("ROLLBACK")
            self.database.schema_changed()
        self.depth, self._begun, self._changes, self._command = 0, None, [], 0
        self.engine.locks.end_transaction(self.spid)

    def end(self) -> None:
        """The connection is gone."""
        self.closed.set()
        self.rollback()
        self.engine.locks.end_session(self.spid)
        self._cursor.close()

    def next_command(self) -> int:
        self._command += 1
        return self._command

    def log(self, changes: Sequence[Change]) -> None:
        self._changes += changes

    def _option(self, words: str) -> None:
        if words.startswith("TRANSACTION ISOLATION LEVEL "):
            self.isolation = words.removeprefix("TRANSACTION ISOLATION LEVEL ").strip()
        elif words.startswith("NOCOUNT"):
            self._count_rows = words.endswith("OFF")
        elif words.startswith("LOCK_TIMEOUT"):
            milliseconds = int(words.split()[-1])
            self.lock_timeout = None if milliseconds < 0 else milliseconds / 1000

    # ------------------------------------------------------------------ the store

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run DuckDB's SQL."""
        self._cursor.execute(sql, list(values))

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._cursor.execute(sql, list(values)).fetchall()

    def names(self, name: str) -> tuple[str, str]:
        """Schema and table of a name of up to three parts."""
        parts = name.split(".")
        return (parts[-2] or "dbo" if len(parts) > 1 else "dbo"), parts[-1]

    def find(self, schema: str, name: str) -> Table | None:
        return self.database.table(self._cursor, schema, name)

    def table(self, name: str, number: int = 208) -> Table:
        found = self.find(*self.names(name))
        if found is None:
            raise error(number, name)
        return found

    @property
    def database_is_enabled(self) -> bool:
        return self.engine.cdc_enabled

    def allow(self, permission: str, table: Table) -> None:
        self.engine.permissions.must(self.user, permission, table)

    def add_schema(self, name: str) -> None:
        [(last,)] = self.rows("SELECT max(schema_id) FROM catalog.schemas")
        self.run("INSERT INTO catalog.schemas VALUES (?, ?, 1)", [name, last + 1])
        self.run(f"CREATE SCHEMA IF NOT EXISTS {quoted(name)}")

    def alter_database(self, text: str) -> None:
        self.engine.alter_database(text)

    def secure(self, text: str) -> None:
        self.engine.permissions.define(self, text)

    def check_window(self, instance: Instance, function: str, texts: list[str]) -> None:
        """Error 313 if the range of a change function lies outside what the instance has, whether a row is in it or not."""
        [(start, end, option, low, high)] = self.rows(
            f"SELECT {', '.join(texts)}, sys.fn_cdc_get_min_lsn(?), sys.fn_cdc_get_max_lsn()", [instance.name]
        )
        options = (
            ("all", "all update old") if "_all_" in function.lower() else ("all", "all with mask", "all with merge")
        )
        ordered = start and end and high and low <= start <= end <= high
        if not ordered or str(option).lower() not in options:
            raise error(313, f"cdc.{function}", state=3)


def _names_shown(tree: exp.Expr, names: list[str]) -> list[str]:
    """An expression without an alias has no name."""
    select = tree.find(exp.Select)
    if select is None or len(select.expressions) != len(names):
        return names
    named = (exp.Alias, exp.Column, exp.Star)
    return [name if isinstance(of, named) else "" for name, of in zip(names, select.expressions, strict=True)]


def deadline(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds
