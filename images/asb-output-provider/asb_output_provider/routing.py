"""Which queue a record belongs to, and as what message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from azure.servicebus.amqp import AmqpAnnotatedMessage

from asb_output_provider.config import AsbConfig, table_named
from asb_output_provider.message_ids import key_columns, message_ids
from asb_output_provider.messages import message_maker
from asb_output_provider.names import UNSAID, Table
from asb_output_provider.tables import queue_names
from dstream_sdk import Envelope, Stream


@dataclass(frozen=True, slots=True)
class Route:
    """Of one table."""

    table: Table
    queue: str
    message: Callable[[Envelope], AmqpAnnotatedMessage]


class Routes:
    """Of all tables, those that nobody announced too. For one thread."""

    def __init__(
        self, config: AsbConfig, streams: Sequence[Stream], position_keys: Sequence[str], *, owner: Sequence[str]
    ) -> None:
        """`owner` is the project and the task whose records these are."""
        self._config = config
        self._owner = owner
        self._position_keys = position_keys
        self._key_columns = key_columns(streams)
        self._names = queue_names(config, streams)
        self._routes: dict[tuple[str | None, str], Route] = {}
        self._default: Route | None = None
        if config.default_table is not None:
            schema, name = table_named(config.default_table)
            self._default = self._made(self._table(schema or None, name))

    def any(self) -> Route | None:
        """The route of some table that is known before any record; None where there is none."""
        table = next(iter(self._names.known), None)
        return None if table is None else self._made(table)

    def of(self, envelope: Envelope) -> Route | None:
        """The record's route; None where its metadata names no table and the config names none instead."""
        metadata = envelope.metadata
        name, schema = metadata.get("TableName"), metadata.get("SchemaName")
        if not isinstance(name, str) or not name:
            return self._default
        if not isinstance(schema, str):
            schema = None
        route = self._routes.get((schema, name))
        if route is None:
            route = self._routes[schema, name] = self._made(self._table(schema, name))
        return route

    def _table(self, schema: str | None, name: str) -> Table:
        """The known table that is meant, be the default schema said or not; else one that nobody announced."""
        table = Table(schema or "", name)
        if table in self._names.known:
            return table
        named = [known for known in self._names.known if known.name == name]
        if schema is not None:
            named = [known for known in named if schema in UNSAID and known.schema in UNSAID]
        return named[0] if len(named) == 1 else table

    def _made(self, table: Table) -> Route:
        columns = self._key_columns.get(table, [])
        message = message_maker(
            table,
            message_ids(table, self._position_keys, columns, owner=self._owner),
            sessions=self._config.settings(table).sessions,
            key_columns=columns,
        )
        return Route(table, self._names.of(table), message)
