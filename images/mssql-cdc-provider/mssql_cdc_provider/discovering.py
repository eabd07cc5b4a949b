"""What tables there are for a config, as other providers and people are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dstream_sdk import Column, Context, ProviderError, Stream
from mssql_cdc_provider import tables
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.infrastructure.present import retention_minutes
from mssql_cdc_provider.names import like, matching, picked
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import Gone


def discover(session: Session, config: MssqlCdcConfig, context: Context) -> Iterator[Stream]:
    """Each table that the config means, captured or not: outputs prepare for it before CDC is enabled.

    What of `tables` means none is warned of, since a misspelt name would be missed by nobody.

    `metadata` has `captured`, `capture_instances` (the newest last) and, as far as the login may know it,
    `retention_minutes`. Raises `ProviderError` where no table is meant.
    """
    names = tables.table_names(session)
    meant = matching(names, config.tables, config.exclude_tables)
    if not meant:
        raise ProviderError(
            "no table that the login may see is meant by `tables`", hint="`dstream check` says what each pattern finds"
        )
    for pattern in config.tables:
        if not matching(names, [pattern]):
            context.logger.warning("`%s` of `tables` means no table that the login may see", pattern)
    try:
        instances = [one for one in tables.read_instances(session) if like(one.name, config.capture_instances)]
        kept = retention_minutes(session)
    except Gone:
        instances, kept = [], None
    for table in tables.read_tables(session, meant):
        yield _stream(table, [one for one in instances if one.table == table.name], kept, config)


def _stream(
    table: tables.Table, instances: list[tables.CaptureInstance], kept: int | None, config: MssqlCdcConfig
) -> Stream:
    columns, key = (instances[-1].columns, instances[-1].key) if instances else (table.columns, table.key)
    never_null = {column.name for column in table.columns if not column.nullable}
    metadata: dict[str, Any] = {
        "captured": bool(instances),
        "capture_instances": [
            {
                "name": one.name,
                "start_lsn": one.start_lsn.hex(),
                "columns": [column.name for column in one.columns],
                "role": one.role,
            }
            for one in instances
        ],
    }
    if kept is not None and instances:
        metadata["retention_minutes"] = kept
    return Stream(
        name=table.name.name,
        schema=table.name.schema,
        columns=[
            Column(column.name, column.declared, column.name not in never_null, column.name in (key or table.key))
            for column in _sent(columns, picked(config.columns, table.name))
        ],
        metadata=metadata,
    )


def _sent(columns: tuple[tables.Column, ...], chosen: list[str] | None) -> list[tables.Column]:
    if chosen is None:
        return list(columns)
    by_name = {column.name.lower(): column for column in columns}
    return [by_name[name.lower()] for name in chosen if name.lower() in by_name]
