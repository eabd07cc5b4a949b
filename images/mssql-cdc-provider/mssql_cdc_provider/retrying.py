"""Trying again what failed for a reason that passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dstream_sdk import Context
from mssql_cdc_provider.sql_errors import Transient

T = TypeVar("T")


def retry(work: Callable[[], T], context: Context, *, within_s: float) -> T:
    """What `work` returns, called again (with growing, jittered pauses) while it raises `Transient`.

    `within_s` after the first call the last error is raised as it came. Each retry is logged once. Raises
    `Stopping` when the run should wind down during a pause. `work` starts its transaction anew each time.
    """
    raise NotImplementedError(Transient)
