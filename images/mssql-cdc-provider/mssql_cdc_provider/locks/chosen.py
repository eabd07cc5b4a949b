"""The locks that a config asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from dstream_sdk import Context, ProviderError
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.locks.applock import PATIENCE_S, ApplicationLock
from mssql_cdc_provider.locks.lock import Lock
from mssql_cdc_provider.names import matching
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import SqlError
from mssql_cdc_provider.tables import table_names


@contextmanager
def chosen(config: MssqlCdcConfig, context: Context, connect: Callable[[], Session]) -> Iterator[Sequence[Lock]]:
    """The locks, not yet acquired; none where the config asks for none. `connect` gives new sessions.

    A lock of a table is made for each that the patterns mean now. Raises `ProviderError`.
    """
    wish = config.lock_config
    if wish.type == "none":
        yield ()
        return
    names = [context.task or "task"] if wish.scope == "task" else _tables(config, connect)
    target = config.target
    if wish.connection_string is not None and wish.type == "azure_blob":
        from mssql_cdc_provider.locks.azure_blob import BlobLocks  # noqa: PLC0415 - few need the library

        place = f"{target.server}/{target.database}".replace("\\", "-").lower()
        locks = BlobLocks(wish.connection_string.get_secret_value(), wish.container_name, wish.term)
        try:
            yield [locks.lock(f"{place}/{name}") for name in names]
        finally:
            locks.close()
        return
    session = Session(target, query_timeout_s=PATIENCE_S)  # and it does not end with the wish to stop
    try:
        yield (ApplicationLock(session, names),)
    finally:
        session.close()


def _tables(config: MssqlCdcConfig, connect: Callable[[], Session]) -> list[str]:
    session = connect()
    try:
        names = matching(table_names(session), config.tables, config.exclude_tables)
    except SqlError as error:
        raise ProviderError(str(error), hint="`dstream check` looks at everything that is needed") from error
    finally:
        session.close()
    return sorted(str(name).lower() for name in names)
