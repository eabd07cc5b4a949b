"""Looks at the lock: does whoever keeps it answer, and may it be taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dstream_sdk import Context, Finding, ProviderError
from mssql_cdc_provider import locks
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.locks.lock import Unreachable
from mssql_cdc_provider.session import Session

_FIELD = "lock_config"


def lock_findings(config: MssqlCdcConfig, context: Context, connect: Callable[[], Session]) -> Iterator[Finding]:
    """One finding for each lock that a run would take, up to the first that cannot be had. None is left taken."""
    try:
        with locks.chosen(config, context, connect) as wanted:
            for lock in wanted:
                yield Finding("lock", True, f"lock `{lock.name}` {lock.look()}")
    except Unreachable as error:
        way = "see to its address in `lock_config`, and to what lies between: name service, proxy, firewall"
        yield Finding("lock", False, str(error), way, _FIELD)
    except ProviderError as error:
        yield Finding("lock", False, str(error), error.hint, _FIELD)
