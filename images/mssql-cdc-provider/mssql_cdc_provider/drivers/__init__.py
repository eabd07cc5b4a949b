"""The drivers. Nothing else knows which one it is, nor what its exceptions mean."""

from __future__ import annotations

from mssql_cdc_provider.connection_string import Target
from mssql_cdc_provider.drivers.connection import Connection, Page, Row
from mssql_cdc_provider.drivers.freetds import FreeTdsConnection

__all__ = ["Connection", "Page", "Row", "connect"]


def connect(target: Target, query_timeout_s: float) -> Connection:
    """A connection of the driver that `target` names. `query_timeout_s` bounds each wait for the server.

    Blocks until it is there; raises `SqlError`.
    """
    if target.driver == "mssql-python":
        from mssql_cdc_provider.drivers.odbc import OdbcConnection  # noqa: PLC0415 - it need not be installed

        return OdbcConnection(target, query_timeout_s)
    return FreeTdsConnection(target, query_timeout_s)
