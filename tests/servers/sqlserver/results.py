"""Names and types of a query's columns."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from tests.servers.sqlserver.change_tables import Instance
from tests.servers.sqlserver.conversions import type_named
from tests.servers.sqlserver.database import Table
from tests.servers.sqlserver.datatypes import LSN, DataType, data_type, type_of_expression

Source = Table | Instance

_OF_LSNS = (
    "fn_cdc_get_max_lsn",
    "fn_cdc_get_min_lsn",
    "fn_cdc_increment_lsn",
    "fn_cdc_decrement_lsn",
    "fn_cdc_map_time_to_lsn",
)
_OF_CHANGES = {
    "__$start_lsn": LSN,
    "__$seqval": LSN,
    "__$operation": data_type("int"),
    "__$update_mask": data_type("varbinary(128)"),
}
_INT = data_type("int")
_SAME_TYPE = (exp.Max, exp.Min, exp.Paren, exp.Coalesce)


def names_shown(tree: exp.Expr, names: list[str]) -> list[str]:
    """An expression without an alias has no name."""
    select = tree.find(exp.Select)
    if select is None or len(select.expressions) != len(names):
        return names
    named = (exp.Alias, exp.Column, exp.Star)
    return [name if isinstance(of, named) else "" for name, of in zip(names, select.expressions, strict=True)]


def result_types(
    tree: exp.Expr, names: Sequence[str], storages: Sequence[str], sources: Sequence[Source]
) -> list[DataType]:
    """A table's column has its declared type, a cast the one it names, another expression what DuckDB makes of it."""
    declared: dict[str, DataType] = {}
    for source in reversed(sources):
        declared |= _OF_CHANGES if isinstance(source, Instance) else {}
        declared |= {column.name.lower(): column.type for column in source.columns}
    # `SELECT * FROM (SELECT …)` has the types of what is inside.
    listed = (list(select.expressions) for select in tree.find_all(exp.Select))
    projections = next(
        (each for each in listed if len(each) == len(names) and not any(one.is_star for one in each)),
        [exp.column(name, quoted=True) for name in names],
    )
    return [
        _type(projection.unalias(), storage, declared)
        for projection, storage in zip(projections, storages, strict=True)
    ]


def _type(of: exp.Expr, storage: str, declared: dict[str, DataType]) -> DataType:
    while isinstance(of, _SAME_TYPE):
        of = of.this
    if isinstance(of, exp.Dot) and of.expression.name.lower() in _OF_LSNS:
        return LSN
    if isinstance(of, exp.Cast | exp.Convert):
        return type_named(of) or type_of_expression(storage)
    if isinstance(of, exp.CurrentTimestampLTZ):
        return data_type("datetimeoffset")
    if isinstance(of, exp.Count):
        return _INT
    found = declared.get(of.name.lower()) if isinstance(of, exp.Column) else None
    return found if found and found.storage == storage else type_of_expression(storage)
