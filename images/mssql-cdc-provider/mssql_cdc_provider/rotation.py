"""New capture instances for tables whose columns changed, in place of the old ones."""

from __future__ import annotations

import threading
from functools import partial

from dstream_sdk import Context
from mssql_cdc_provider.infrastructure.records import Owner, Record, drop_record, write_record
from mssql_cdc_provider.infrastructure.things import INSTANCE_NAME_LIMIT, CaptureInstance
from mssql_cdc_provider.lsn import ZERO, Position
from mssql_cdc_provider.retrying_session import RetryingSession
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.shape import Followed, Shape
from mssql_cdc_provider.sql_errors import SqlError, Stopping, Transient
from mssql_cdc_provider.tables import read_tables


class Rotation:
    """`acknowledged` is for the host's thread, all else for the one that streams.

    What it makes is recorded as `init` records it, so that `destroy` removes it.
    """

    def __init__(self, context: Context, session: RetryingSession) -> None:
        self._context = context
        self._session = session
        self._lock = threading.Lock()
        self._durable = Position.behind(ZERO)

    def acknowledged(self, position: Position) -> None:
        """Everything up to there is at the far side: no instance is needed any more for what lies before."""
        with self._lock:
            self._durable = position

    def turn(self, shape: Shape) -> bool:
        """Make and remove what is due. Returns whether anything was, so that the shape must be refreshed.

        What the server refuses is logged, and tried again when the shape changes next.
        """
        rows = self._session.query("SELECT DISTINCT object_id FROM cdc.ddl_history")
        altered = {object_id for (object_id,) in rows}
        done = False
        for table in shape:
            try:
                done |= self._session.ask(partial(self._turn, table, altered))
            except (Transient, Stopping):
                raise
            except SqlError as error:
                self._context.logger.warning("the capture instance of `%s` cannot be renewed: %s", table.name, error)
        return done

    def _turn(self, table: Followed, altered: set[int], session: Session) -> bool:
        *older, newest = (source.instance for source in table.sources)
        if older:
            with self._lock:
                durable = self._durable
            if durable.next_lsn < newest.start_lsn:
                return False
            self._remove(session, table, older[0].name)
            return True
        if newest.object_id not in altered:
            return False
        captured = {column.name for column in newest.columns}
        for now in read_tables(session, [table.name]):
            if captured != {column.name for column in now.columns}:
                self._make(session, table, newest.role)
                return True
        return False

    def _make(self, session: Session, table: Followed, role: str | None) -> None:
        schema, name = table.name.schema, table.name.name
        rows = session.query("SELECT capture_instance, source_object_id FROM cdc.change_tables")
        if len([one for one, table_id in rows if table_id == table.sources[0].instance.table_id]) > 1:
            return  # made by the try before, whose answer was lost
        taken = {str(one).lower() for one, _ in rows}
        names = (f"{schema}_{name}"[: INSTANCE_NAME_LIMIT - 4] + f"_{number}" for number in range(2, 1000))
        thing = CaptureInstance(next(one for one in names if one.lower() not in taken), schema, name, role)
        session.query(thing.make())
        ((object_id,),) = session.query(
            "SELECT object_id FROM cdc.change_tables WHERE capture_instance = {name}", name=thing.name
        )
        write_record(session, Record(thing, (Owner.of(self._context),), str(object_id)), new=True)
        self._context.logger.info("`%s` has other columns: made capture instance `%s`", table.name, thing.name)

    def _remove(self, session: Session, table: Followed, instance: str) -> None:
        thing = CaptureInstance(instance, table.name.schema, table.name.name)
        session.query(thing.remove())
        record = Record(thing, ())
        if session.query(
            "SELECT 1 AS one FROM sys.extended_properties WHERE class = 0 AND name = {name}", name=record.property_name
        ):
            drop_record(session, record)
        self._context.logger.info("capture instance `%s` is read to its end and was removed", instance)
