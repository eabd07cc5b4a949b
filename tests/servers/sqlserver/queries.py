"""Queries and expressions of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tests.servers.sqlserver.answers import ResultSet
from tests.servers.sqlserver.errors import error
from tests.servers.sqlserver.results import names_shown, result_types
from tests.servers.sqlserver.translation import Translator, parsed

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session


def select(session: Session, tree: exp.Expr) -> ResultSet | None:
    """Run a query; one that assigns variables answers nothing."""
    targets = _taken_targets(tree)
    written = tree.copy()
    translator = Translator(session)
    sql = translator.translate(tree).sql("duckdb")
    session.begin_if_snapshot()
    key = (sql, session.work.database.version)
    if not session.work.begun and not targets and (kept := session.engine.kept.get(key)):
        session.row_count = kept.row_count
        return kept
    relation = session.work.relation(sql)
    names, storages = list(relation.columns), [str(kind) for kind in relation.types]
    rows = relation.fetchall()
    session.row_count = len(rows)
    for target, value in zip(targets, rows[-1] if rows else (), strict=False):
        session.variables.assign(target, value)
    if targets:
        return None
    types = result_types(written, names, storages, translator.sources)
    columns = list(zip(names_shown(written, names), [kind.on_the_wire for kind in types], strict=True))
    result = ResultSet(columns, rows)
    if not session.work.begun and key[1] == session.work.database.version:
        session.engine.kept.put(key, result)
    return result


def _taken_targets(tree: exp.Expr) -> list[str]:
    """The variables that `SELECT @a = …, @b = …` assigns; the query becomes one of their values."""
    if not isinstance(tree, exp.Select):
        return []
    if tree.args.get("into"):
        raise error(102, "INTO")
    assigning = [each for each in tree.expressions if isinstance(each, exp.EQ | exp.PropertyEQ)]
    targets = [each.this.name for each in assigning if isinstance(each.this, exp.Parameter)]
    if targets:
        tree.set("expressions", [each.expression for each in assigning])
    return targets


def translated_query(session: Session, tree: exp.Expr) -> str:
    """A query in DuckDB's SQL."""
    return Translator(session).translate(tree).sql("duckdb")


def expression(session: Session, text: str) -> str:
    """An expression in DuckDB's SQL."""
    return str(Translator(session).translate(parsed(f"SELECT {text}")).expressions[0].sql("duckdb"))


def value(session: Session, text: str) -> Any:
    """What an expression comes to."""
    if text.isdigit():
        return int(text)
    if text.upper() == "NULL":
        return None
    plain = text[1:] if text[:2].upper() == "N'" else text
    if len(plain) > 1 and plain[0] == plain[-1] == "'" and "'" not in plain[1:-1]:
        return plain[1:-1]
    [(found,)] = session.work.relation(f"SELECT {expression(session, text)}").fetchall()
    return found


def holds(session: Session, condition: str) -> bool:
    return bool(value(session, f"CASE WHEN {condition} THEN 1 ELSE 0 END"))
