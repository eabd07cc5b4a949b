"""What the snapshot needs to know of a table that the stream follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dstream_sdk import Envelope
from mssql_cdc_provider.session import Row
from mssql_cdc_provider.tables import Column, TableName


@dataclass(frozen=True, slots=True)
class Subject:
    """A table as it is now and as the stream sends it, so that its rows look like its changes.

    `columns` are those that are sent, in order, and `key` those of its key, which may be others; the table has them
    all. `envelopes` makes records of rows of `columns`, selected by `values.expression`; the others
    of its arguments are the commit LSN up to which the rows are known to include every change, and the snapshot's id.
    """

    table: TableName
    columns: tuple[Column, ...]
    key: tuple[Column, ...]
    envelopes: Callable[[Sequence[Row], bytes, str], Iterable[Envelope]]
