"""The system procedures that have nothing to do with change data capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.sqlserver import definitions
from tests.servers.sqlserver.calls import Arguments, Parts, procedure
from tests.servers.sqlserver.errors import error

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session


@procedure("sp_rename", "objname newname objtype")
def _rename(session: Session, arguments: Arguments, _: Parts) -> int:
    definitions.rename(session, arguments.required("objname"), arguments.required("newname"), arguments["objtype"])
    return 0


@procedure("sp_getapplock", "resource lockmode lockowner locktimeout dbprincipal")
def _get_lock(session: Session, arguments: Arguments, _: Parts) -> int:
    owner = arguments["lockowner"] or "Transaction"
    if owner.lower() == "transaction" and not session.work.depth:
        return -999
    milliseconds = arguments["locktimeout"]
    timeout = session.lock_timeout if milliseconds is None else int(milliseconds) / 1000 if milliseconds >= 0 else None
    resource, mode = arguments.required("resource"), arguments.required("lockmode")
    return session.engine.locks.get(session.spid, resource, mode, owner, timeout=timeout, gone=session.gone)


@procedure("sp_releaseapplock", "resource lockowner dbprincipal")
def _release_lock(session: Session, arguments: Arguments, _: Parts) -> int:
    owner = arguments["lockowner"] or "Transaction"
    code = session.engine.locks.release(session.spid, arguments.required("resource"), owner)
    if code < 0:
        raise error(1223, arguments["resource"], session.work.database.name)
    return code


_LEVELS = "level0type level0name level1type level1name level2type level2name"


@procedure("sp_addextendedproperty", f"name value {_LEVELS}")
def _add_property(session: Session, arguments: Arguments, _: Parts) -> int:
    place = _place(session, arguments)
    if _has_property(session, arguments["name"], place):
        raise error(15233, arguments["name"], arguments["level1name"] or "object specified")
    session.work.run("INSERT INTO catalog.properties VALUES (?, ?, ?, ?, ?)",
                     [*place, arguments.required("name"), arguments["value"]])  # fmt: skip
    return 0


@procedure("sp_updateextendedproperty", f"name value {_LEVELS}")
def _update_property(session: Session, arguments: Arguments, parts: Parts) -> int:
    _drop_property(session, arguments, parts)
    return _add_property(session, arguments, parts)


@procedure("sp_dropextendedproperty", f"name {_LEVELS}")
def _drop_property(session: Session, arguments: Arguments, _: Parts) -> int:
    place = _place(session, arguments)
    if not _has_property(session, arguments["name"], place):
        raise error(15217, arguments["name"], arguments["level1name"] or "object specified")
    session.work.run("DELETE FROM catalog.properties WHERE lower(name) = lower(?) AND class = ? AND major_id = ? AND"
                     " minor_id = ?", [arguments["name"], *place])  # fmt: skip
    return 0


def _has_property(session: Session, name: str, place: tuple[int, int, int]) -> bool:
    sql = (
        "SELECT 1 FROM catalog.properties WHERE lower(name) = lower(?) AND class = ? AND major_id = ? AND minor_id = ?"
    )
    return bool(session.work.rows(sql, [name, *place]))


def _place(session: Session, arguments: Arguments) -> tuple[int, int, int]:
    """Class, major and minor id of what has a property: the database, a schema, a table or a column."""
    if not arguments["level0name"]:
        return 0, 0, 0
    if not arguments["level1name"]:
        [(schema,)] = session.work.rows("SELECT schema_id(?)", [arguments["level0name"]])
        return 3, schema, 0
    table = session.work.table(f"{arguments['level0name']}.{arguments['level1name']}", number=15135)
    column = table.column(arguments["level2name"]) if arguments["level2name"] else None
    return 1, table.id, column.id if column else 0
