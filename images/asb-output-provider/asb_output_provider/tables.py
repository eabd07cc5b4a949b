"""The tables that a task is known to have, the same for a run and for its infrastructure."""

from __future__ import annotations

from collections.abc import Iterable

from asb_output_provider.config import AsbConfig
from asb_output_provider.names import QueueNames, Table
from dstream_sdk import Stream


def known_tables(config: AsbConfig, streams: Iterable[Stream] | None) -> list[Table]:
    """Those that the input announced, and those of `tables` that it did not announce."""
    announced = dict.fromkeys(Table(stream.schema, stream.name) for stream in streams or ())
    names = {table.name for table in announced}
    more = [table for table in config.announced if table not in announced and (table.schema or table.name not in names)]
    return [*announced, *dict.fromkeys(more)]


def queue_names(config: AsbConfig, streams: Iterable[Stream] | None) -> QueueNames:
    """The queues of these tables, and of those that come up later."""
    return QueueNames(config.queue_name, known_tables(config, streams))
