"""How a request comes to a procedure: `EXEC` in a batch, a call by name, or a statement with parameters."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pysqlbridge.tds.result import Query

from tests.servers.sqlserver.answers import ResultSet, RowCount
from tests.servers.sqlserver.datatypes import data_type
from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.queries import value
from tests.servers.sqlserver.statements import Exec

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session

Parts = list[ResultSet | RowCount]
_BARE_WORD = re.compile(r"[A-Za-z_]\w*")


class Arguments(dict[str, Any]):
    """The arguments of a call by name, in small letters and without `@`; what is not given is None."""

    def __init__(self, procedure: str, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.procedure = procedure

    def __missing__(self, name: str) -> None:
        return None

    def required(self, name: str) -> Any:
        """An argument that must be given. Raises error 201."""
        if self[name] is None:
            raise error(201, self.procedure, f"@{name}")
        return self[name]


Procedure = Callable[["Session", Arguments, Parts], int]
_PROCEDURES: dict[str, tuple[list[str], Procedure]] = {}


def procedure(name: str, parameters: str = "") -> Callable[[Procedure], Procedure]:
    """Register what a procedure does, with the names of its parameters in their order; it returns the return code."""

    def register(function: Procedure) -> Procedure:
        _PROCEDURES[name] = parameters.split(), function
        return function

    return register


def request(session: Session, query: Query, parts: Parts) -> None:
    """Run what a client sent."""
    if query.procedure is None:
        session.variables.receive(query.parameters)
        session.batch(query.sql, parts)
        return
    name = query.procedure.lower().split(".")[-1].strip("[]")
    if name in ("sp_prepexec", "sp_prep_exec"):  # ODBC: a handle, the declarations, the statement, the values
        names = re.findall(r"@\w+", str(query.arguments[1] or ""))
        session.variables.receive(dict(zip(names, query.arguments[3:], strict=False)))
        session.batch(str(query.arguments[2]), parts)
        return
    named = {key.lstrip("@").lower(): given for key, given in query.parameters.items()}
    _call(session, name, query.arguments, named, parts)


def execute(session: Session, statement: Exec, parts: Parts) -> None:
    """`EXEC @code = procedure @a = 1, …`."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter, text, _ in statement.arguments:
        bare = _BARE_WORD.fullmatch(text) and text.upper() not in ("NULL", "DEFAULT")
        given = text if bare else None if text.upper() == "DEFAULT" else value(session, text)
        if parameter is None:
            positional.append(given)
        else:
            named[parameter] = given
    code = _call(session, statement.procedure.lower().split(".")[-1], positional, named, parts)
    if statement.result:
        session.variables.assign(statement.result, code)


def _call(session: Session, name: str, positional: list[Any], named: dict[str, Any], parts: Parts) -> int:
    if name == "sp_executesql":
        return _executesql(session, positional, named, parts)
    if name not in _PROCEDURES:
        raise error(2812, name)
    parameters, function = _PROCEDURES[name]
    if len(positional) > len(parameters):
        raise error(8144, name)
    given = dict(zip(parameters, positional, strict=False)) | named
    return function(session, Arguments(name, given), parts)


def _executesql(session: Session, positional: list[Any], named: dict[str, Any], parts: Parts) -> int:
    """The statement, the declarations of its parameters, and their values by place or by name."""
    positional = [named[name] for name in ("stmt", "params") if name in named] + positional
    named = {name: given for name, given in named.items() if name not in ("stmt", "params")}
    names = re.findall(r"@(\w+)", str(positional[1] or "")) if len(positional) > 1 else []
    session.variables.receive(dict(zip(names, positional[2:], strict=False)) | named)
    session.batch(str(positional[0]), parts)
    return 0


def result(columns: str, rows: list[tuple[Any, ...]]) -> ResultSet:
    """A result set of columns given as `name type, name type`."""
    described = [column.strip().split(" ", 1) for column in re.split(r",(?![^(]*\))", columns)]
    return ResultSet([(name, data_type(kind).on_the_wire) for name, kind in described], rows)
