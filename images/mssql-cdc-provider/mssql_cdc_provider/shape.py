"""The tables that are followed, and by which capture instance each part of the log is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from dstream_sdk import Context
from mssql_cdc_provider.changes import ChangeTable
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.envelopes import Envelopes
from mssql_cdc_provider.lsn import Position, preceding
from mssql_cdc_provider.names import TableName, like, matching, picked
from mssql_cdc_provider.page_size import PageSize
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.snapshot import Subject
from mssql_cdc_provider.state import State
from mssql_cdc_provider.tables import CaptureInstance, Column, read_instances, read_tables
from mssql_cdc_provider.tsql import quoted
from mssql_cdc_provider.values import expression


@dataclass(slots=True)
class Source:
    """A capture instance that is read: its change table, and what becomes of its rows."""

    instance: CaptureInstance
    changes: ChangeTable
    envelopes: Envelopes


@dataclass(slots=True)
class Followed:
    """A table with its capture instances, oldest first. `needs` is the lowest LSN of which changes may be missing."""

    name: TableName
    needs: bytes
    sources: list[Source] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Segment:
    """The part of the log that one capture instance is read for: from the LSN `first` (inclusive) to `through`.

    `after` is where to go on, which may be inside the transaction `first`.
    """

    table: Followed
    source: Source
    after: Position
    first: bytes
    through: bytes


class Shape:
    """What is followed, brought up to date by `refresh`. `state.tables` is kept in step."""

    def __init__(self, config: MssqlCdcConfig, context: Context, state: State) -> None:
        self._config = config
        self._log = context.logger
        self._state = state
        self._followed: dict[int, Followed] = {}

    @property
    def tables(self) -> list[TableName]:
        """Those that are followed now."""
        return [followed.name for followed in self._followed.values()]

    def __iter__(self) -> Iterator[Followed]:
        return iter(self._followed.values())

    def refresh(self, session: Session) -> None:
        """Find the tables and capture instances that the config means. Raises `SqlError`."""
        earlier = self._followed
        found: dict[int, list[CaptureInstance]] = {}
        for instance in read_instances(session):
            if like(instance.name, self._config.capture_instances):
                found.setdefault(instance.table_id, []).append(instance)
        # A table that is renamed keeps the name under which it is followed until the run ends.
        names = {
            table_id: earlier[table_id].name if table_id in earlier else instances[0].table
            for table_id, instances in found.items()
        }
        wanted = set(matching(names.values(), self._config.tables, self._config.exclude_tables))
        self._followed = {
            table_id: self._follow(names[table_id], instances, earlier.get(table_id))
            for table_id, instances in sorted(found.items(), key=lambda item: names[item[0]])
            if names[table_id] in wanted
        }
        self._note_lost({followed.name for followed in earlier.values()})

    def segments(self, position: Position, through: bytes) -> list[Segment]:
        """What to read to get every change behind `position`, up to `through`.

        Of two capture instances, the older one is read up to where the newer one starts.
        """
        found = []
        for table in self._followed.values():
            ends = [preceding(newer.instance.start_lsn) for newer in table.sources[1:]]
            for source, end in zip(table.sources, [*ends, through], strict=True):
                first = max(source.instance.start_lsn, position.next_lsn)
                after = max(position, Position.behind(preceding(first)))
                if after.next_lsn <= min(end, through):
                    found.append(Segment(table, source, after, first, min(end, through)))
        return found

    def subject(self, session: Session, name: TableName) -> Subject | None:
        """The table as the snapshot sees it: rows as its newest changes are sent. Raises `SqlError`."""
        followed = next((table for table in self._followed.values() if table.name == name), None)
        if followed is None:
            return None
        for table in read_tables(session, [name]):
            now = {column.name: column for column in table.columns}
            envelopes = followed.sources[-1].envelopes
            columns = tuple(now[column.name] for column in envelopes.columns if column.name in now)
            key = tuple(now[column] for column in table.key)
            return Subject(name, columns, key, envelopes.of_rows(columns))
        return None

    def _follow(self, name: TableName, instances: list[CaptureInstance], earlier: Followed | None) -> Followed:
        known = {source.instance.object_id: source for source in earlier.sources} if earlier else {}
        sources = []
        for instance in instances:
            source = known.get(instance.object_id)
            if source is None or source.instance.columns != instance.columns:
                self._log.info("following `%s` by capture instance `%s`", name, instance.name)
                source = self._source(name, instance)
            source.instance = instance
            sources.append(source)
        if earlier is not None:
            return Followed(name, earlier.needs, sources)
        needs = self._state.needs(name) or instances[0].start_lsn
        self._state.tables[name] = None
        return Followed(name, needs, sources)

    def _source(self, name: TableName, instance: CaptureInstance) -> Source:
        columns = self._sent(name, instance)
        expressions = [f"{expression(column)} AS {quoted(column.name)}" for column in columns]
        size = PageSize(self._config.batch_rows, self._config.batch_bytes, columns)
        envelopes = Envelopes(instance, name, columns, skip=self._config.skip_operations)
        return Source(instance, ChangeTable(instance.name, expressions, size), envelopes)

    def _sent(self, name: TableName, instance: CaptureInstance) -> list[Column]:
        """The columns to send. CDC never has a computed column's value."""
        known = {column.name.lower(): column for column in instance.columns if not column.computed}
        chosen = picked(self._config.columns, name)
        if chosen is None:
            return list(known.values())
        missing = [column for column in chosen if column.lower() not in known]
        if missing:
            self._log.warning("capture instance `%s` has no column %s", instance.name, ", ".join(missing))
        return [known[column.lower()] for column in chosen if column.lower() in known]

    def _note_lost(self, earlier: Collection[TableName]) -> None:
        """Remember from where on tables that cannot be followed any more miss something."""
        tables, followed = self._state.tables, set(self.tables)
        wanted = set(matching(tables, self._config.tables, self._config.exclude_tables))
        for name in [name for name in tables if name not in followed]:
            if name not in wanted:
                del tables[name]
            elif tables[name] is None or name in earlier:
                tables[name] = tables[name] or self._state.position.next_lsn
                self._log.warning("`%s` is not captured any more; the other tables go on", name)
