"""`init`, `plan`, `status` and `destroy`."""

from __future__ import annotations

from dataclasses import replace

from dstream_sdk import Context, LifecycleReply, ProviderError, Resource
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.infrastructure.present import Present, read_present
from mssql_cdc_provider.infrastructure.records import Record, drop_record, read_records, write_record
from mssql_cdc_provider.infrastructure.things import CaptureInstance, CdcDatabase, Retention, Thing, wanted
from mssql_cdc_provider.names import TableName
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.snapshot.foretelling import foretold
from mssql_cdc_provider.sql_errors import Denied, SqlError, Stopping, Transient
from mssql_cdc_provider.state import State
from mssql_cdc_provider.tables import matching, table_names
from mssql_cdc_provider.tsql import quoted


def plan(session: Session, config: MssqlCdcConfig, context: Context) -> LifecycleReply:
    """What `init` would do, or `destroy`, and as `message` the T-SQL with which someone else may do it."""
    present = read_present(session)
    if context.command_options.destroy:
        return _scripted(_removals(context.task, _ours(session, context.task), present), present)
    resources = []
    things = _wanted(session, config, present)
    for thing in things:
        there = thing.identity(present) is not None
        resources.append(_resource(thing, "same") if there else _resource(thing, _making(thing), sql=thing.make()))
    reply = _scripted(resources, present)
    tables = [TableName(thing.schema, thing.table) for thing in things if isinstance(thing, CaptureInstance)]
    reply.metadata = {"run": foretold(config.snapshot.mode, State.from_json(context.state), tables)}
    return reply


def init(session: Session, config: MssqlCdcConfig, context: Context) -> LifecycleReply:
    """Make what is missing. What is there already, whoever made it, stays as it is."""
    present = read_present(session)
    records = read_records(session)
    done: list[Resource | str] = []
    try:
        for thing in _wanted(session, config, present):
            record = records.get(Record(thing, ()).property_name)
            if thing.identity(present) is None:
                _make(session, context.task, thing, record)
                done.append(_resource(thing, _making(thing), sql=thing.make()))
            else:
                if record is not None and context.task not in record.tasks:
                    shared = Record(record.thing, (*record.tasks, context.task), record.identity)
                    write_record(session, shared, new=False)
                done.append(_resource(thing, "same"))
            if context.stopping:
                return LifecycleReply("Failed", done, error="stopped before everything was made")
    except (SqlError, Stopping) as error:
        return _failed(done, error)
    return LifecycleReply("Success", done)


def status(session: Session, config: MssqlCdcConfig) -> LifecycleReply:
    """What is there of what the config asks for, and which tasks it was made for."""
    present = read_present(session)
    records = read_records(session)
    resources: list[Resource | str] = []
    for thing in _wanted(session, config, present):
        record = records.get(Record(thing, ()).property_name)
        there = thing.identity(present) is not None
        made_for = list(record.tasks) if record is not None else []
        detail = {"there": there, "made_for": made_for}
        resources.append(Resource(_type(thing), thing.name, "same" if there else _making(thing), detail))
    return LifecycleReply("Success", resources)


def destroy(session: Session, context: Context) -> LifecycleReply:
    """Remove what was made for this task and for no other, last things first; nothing that another made."""
    done: list[Resource | str] = []
    try:
        for record in _ours(session, context.task):
            done.append(_remove(session, context.task, record))
            if context.stopping:
                return LifecycleReply("Failed", done, error="stopped before everything was removed")
    except (SqlError, Stopping) as error:
        return _failed(done, error)
    return LifecycleReply("Success", done)


def _make(session: Session, task: str, thing: Thing, old: Record | None) -> None:
    """The record comes first: what a crash leaves is known to be ours."""
    others = () if old is None else tuple(one for one in old.tasks if one != task)
    if old is not None and isinstance(thing, Retention) and isinstance(old.thing, Retention):
        thing = Retention(thing.minutes, old.thing.before)
    record = Record(thing, (*others, task))
    write_record(session, record, new=old is None)
    try:
        session.query(thing.make())
    except Transient:
        raise
    except SqlError:
        drop_record(session, record)
        raise
    made = Record(thing, record.tasks, thing.identity(read_present(session)))
    write_record(session, made, new=False)


def _remove(session: Session, task: str, record: Record) -> Resource:
    removal = _removal(task, record, read_present(session))
    others = _others(task, record)
    if others:
        write_record(session, Record(record.thing, others, record.identity), new=False)
        return removal
    if removal.action == "delete":
        # Disabling CDC of the database leaves its extended properties alone.
        session.query(record.thing.remove())
    drop_record(session, record)
    return removal


def _removal(task: str, record: Record, present: Present) -> Resource:
    """What becomes of a recorded thing when the task lets go of it."""
    thing, others, found = record.thing, _others(task, record), record.thing.identity(present)
    if others:
        return _resource(thing, "same", kept_for=", ".join(others))
    if found is None or record.identity not in (None, found):
        return _resource(thing, "same", kept_for="whoever changed it since" if found or _is_setting(thing) else "")
    if isinstance(thing, CdcDatabase) and present.instances:
        return _resource(thing, "same", kept_for="capture instances that others made")
    return _resource(thing, "delete", sql=thing.remove())


def _removals(task: str, records: list[Record], present: Present) -> list[Resource]:
    """What becomes of all of them, each seen when those before it are gone."""
    instances = dict(present.instances)
    removals = []
    for record in records:
        removal = _removal(task, record, replace(present, instances=instances))
        if removal.action == "delete" and isinstance(record.thing, CaptureInstance):
            del instances[record.thing.name]
        removals.append(removal)
    return removals


def _ours(session: Session, task: str) -> list[Record]:
    """What was made for the task, last things first."""
    return sorted((one for one in read_records(session).values() if task in one.tasks), key=_removing_order)


def _others(task: str, record: Record) -> tuple[str, ...]:
    return tuple(one for one in record.tasks if one != task)


def _scripted(resources: list[Resource], present: Present) -> LifecycleReply:
    script = [f"{one.detail['sql']};" for one in resources if "sql" in one.detail]
    if script:
        script.insert(0, f"USE {quoted(present.database)};")
    return LifecycleReply("Success", list(resources), message="\n".join(script))


_MAKING_ORDER = ("CdcDatabase", "Role", "RoleMember", "SelectGrant", "CdcGrant", "CaptureInstance", "Retention")


def _removing_order(record: Record) -> tuple[int, str]:
    return -_MAKING_ORDER.index(type(record.thing).__name__), record.thing.name


def _wanted(session: Session, config: MssqlCdcConfig, present: Present) -> list[Thing]:
    tables = matching(table_names(session), config.tables, config.exclude_tables)
    if not tables:
        raise ProviderError(
            f"no table in `{present.database}` is meant by `tables`",
            hint="create the tables first; `dstream check` says what each pattern finds",
        )
    return wanted(config, tables, present)


def _making(thing: Thing) -> str:
    return "update" if _is_setting(thing) else "create"


def _is_setting(thing: Thing) -> bool:
    return isinstance(thing, Retention)


def _type(thing: Thing) -> str:
    return f"sqlserver.{type(thing).__name__}"


def _resource(thing: Thing, action: str, **detail: str) -> Resource:
    return Resource(_type(thing), thing.name, action, {key: value for key, value in detail.items() if value})


def _failed(done: list[Resource | str], error: SqlError | Stopping) -> LifecycleReply:
    hint = "`plan` prints the T-SQL: have it run by someone who may" if isinstance(error, Denied) else ""
    return LifecycleReply("Failed", done, error=str(error), hint=hint)
