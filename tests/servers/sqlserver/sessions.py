"""One connection's session, and the statements it runs."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import duckdb
from pysqlbridge.tds.result import Query
from sqlglot import exp

from tests.servers.sqlserver import definitions, statements, writes
from tests.servers.sqlserver.answers import Answer, ResultSet, RowCount
from tests.servers.sqlserver.batches import statements as statements_of
from tests.servers.sqlserver.calls import execute, request
from tests.servers.sqlserver.errors import QueryError, error, translated
from tests.servers.sqlserver.queries import holds, select, value
from tests.servers.sqlserver.translation import parsed
from tests.servers.sqlserver.variables import Functions, Variables
from tests.servers.sqlserver.work import Work

if TYPE_CHECKING:
    from tests.servers.sqlserver.engine import Engine

_OF_ONE_MOMENT = ("SNAPSHOT", "SERIALIZABLE", "REPEATABLE READ")
_DEFINING = ("CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "DENY", "REVOKE")


class _Returned(Exception):
    """`RETURN` ends the batch."""


class Session:
    """What one connection may ask of the engine. Used by one thread; `gone` may be set by another.

    A failed statement rolls back the open transaction, as with `SET XACT_ABORT ON`. `SERIALIZABLE` and
    `REPEATABLE READ` read one moment as `SNAPSHOT` does, and lock nothing.
    """

    def __init__(self, engine: Engine, spid: int) -> None:
        self.engine, self.spid = engine, spid
        self.user = ""
        self.work = Work(engine.database, engine.capture)
        self.gone = threading.Event()
        self.isolation = "READ COMMITTED"
        self.lock_timeout: float | None = None
        self.identity_insert = False
        self.row_count = 0
        self.caught: QueryError | None = None
        self.error_number = 0
        """Of the last statement, and 0 where it did not fail; kept from one request to the next ("@@ERROR")."""
        self.variables = Variables(self)
        self.functions = Functions(self)
        self._counts_rows = True

    def log_in(self, user: str) -> None:
        """Whose session it is: the name of the login."""
        self.user = user

    def answer(self, query: Query) -> Answer:
        """Run one request. Raises QueryError."""
        self.variables.clear()
        parts: list[ResultSet | RowCount] = []
        try:
            with contextlib.suppress(_Returned):
                request(self, query, parts)
        except (QueryError, duckdb.Error) as failure:
            raise self.failed(failure) from None
        return Answer(parts)

    def failed(self, failure: QueryError | duckdb.Error) -> QueryError:
        """A statement has failed: what the client is told."""
        self.rollback()
        told = failure if isinstance(failure, QueryError) else translated(failure)
        self.error_number = told.number
        return told

    def batch(self, sql: str, parts: list[ResultSet | RowCount]) -> None:
        """Run the statements of `sql`; what they answer goes to `parts`."""
        for statement in statements_of(sql):
            self._run(statement, parts)

    def _run(self, statement: statements.Statement, parts: list[ResultSet | RowCount]) -> None:
        match statement:
            case statements.Sql():
                self._sql(statement, parts)
            case statements.Exec():
                execute(self, statement, parts)
            case statements.ExecText():
                self.batch(str(value(self, statement.text)), parts)
            case statements.Declare():
                for name, kind, text in statement.variables:
                    self.variables.declare(name, kind)
                    self.variables.assign(name, value(self, text))
            case statements.SetVariable():
                self.variables.assign(statement.name, value(self, statement.value))
            case statements.If():
                chosen = statement.then if holds(self, statement.condition) else statement.otherwise
                if chosen:
                    self._run(chosen, parts)
            case statements.While():
                while not self.gone.is_set() and holds(self, statement.condition):
                    self._run(statement.body, parts)
            case statements.Block():
                self._block(statement, parts)
            case statements.Transaction():
                self._transaction(statement.verb)
            case statements.SetOption():
                self._option(statement.words)
            case statements.Raise():
                self._raise(statement)
            case statements.WaitFor():
                hours, minutes, seconds = str(value(self, statement.delay)).split(":")
                self.gone.wait(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
            case statements.Use():
                if statement.database.lower() not in (self.work.database.name.lower(), "master"):
                    raise error(911, statement.database)
            case statements.Return():
                raise _Returned
        self.error_number = 0

    def _block(self, block: statements.Block, parts: list[ResultSet | RowCount]) -> None:
        try:
            for each in block.statements:
                self._run(each, parts)
        except (QueryError, duckdb.Error) as failure:
            if block.caught is None:
                raise
            self.caught = self.failed(failure)
            for each in block.caught:
                self._run(each, parts)

    def _raise(self, statement: statements.Raise) -> None:
        if statement.verb == "THROW" and not statement.arguments and self.caught:
            raise self.caught
        values = [value(self, each) for each in statement.arguments]
        if statement.verb == "THROW":
            raise QueryError(str(values[1]), number=int(values[0]), state=int(values[2]))
        if statement.verb == "RAISERROR" and int(values[1]) > 10:
            raise QueryError(str(values[0]), number=50000, severity=int(values[1]), state=int(values[2]))

    def _sql(self, statement: statements.Sql, parts: list[ResultSet | RowCount]) -> None:
        if statement.verb in _DEFINING:
            definitions.define(self, statement.text)
            return
        tree = parsed(statement.text)
        if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge):
            self.row_count, output = writes.write(self, tree)
            if output is not None or self._counts_rows:
                parts.append(output or RowCount(self.row_count))
        elif (result := select(self, tree)) is not None:
            parts.append(result)

    def _transaction(self, verb: str) -> None:
        match verb:
            case "BEGIN":
                self.work.depth += 1
            case "COMMIT" if self.work.depth > 1:
                self.work.depth -= 1
            case "COMMIT" if self.work.depth:
                self.work.depth = 0
                self.work.commit()
                self.engine.locks.end_transaction(self.spid)
            case "ROLLBACK" if self.work.depth:
                self.rollback()
            case "SAVE":
                raise QueryError("The emulator has no savepoints.")
            case _:
                raise error(3902 if verb == "COMMIT" else 3903)

    def rollback(self) -> None:
        """End the open transaction, if there is one, as if it had never been."""
        self.work.rollback()
        self.engine.locks.end_transaction(self.spid)

    def begin_if_snapshot(self) -> None:
        """The first read of a transaction that reads one moment fixes the moment. Raises error 3952."""
        if self.isolation == "SNAPSHOT" and self.work.depth and not self.engine.snapshot_allowed:
            raise error(3952, self.work.database.name)
        if self.isolation in _OF_ONE_MOMENT and self.work.depth:
            self.work.begin()

    def _option(self, words: str) -> None:
        if words.startswith("TRANSACTION ISOLATION LEVEL "):
            self.isolation = words.removeprefix("TRANSACTION ISOLATION LEVEL ")
        elif words.startswith("NOCOUNT"):
            self._counts_rows = words.endswith("OFF")
        elif words.startswith("IDENTITY_INSERT"):
            self.identity_insert = words.endswith("ON")
        elif words.startswith("LOCK_TIMEOUT"):
            milliseconds = int(words.removeprefix("LOCK_TIMEOUT").replace(" ", ""))
            self.lock_timeout = None if milliseconds < 0 else milliseconds / 1000

    def end(self) -> None:
        """The connection is gone: its transaction is rolled back and its locks are free."""
        self.gone.set()
        self.engine.spids.discard(self.spid)
        self.work.close()
        self.engine.locks.end_session(self.spid)
