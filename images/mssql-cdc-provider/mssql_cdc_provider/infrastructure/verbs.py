"""`init`, `plan`, `status` and `destroy`."""

from __future__ import annotations

from dataclasses import replace

from dstream_sdk import Context, LifecycleReply, ProviderError, Resource
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.infrastructure.present import Present, read_present
from mssql_cdc_provider.infrastructure.records import Owner, Record, drop_record, read_records, write_record
from mssql_cdc_provider.infrastructure.things import CaptureInstance, CdcDatabase, Retention, Thing, wanted
from mssql_cdc_provider.names import TableName, like
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
        owner = Owner.of(context)
        return _scripted(_removals(owner, _ours(session, owner), present), present)
    resources = []
    things = _wanted(session, config, present)
    for thing in things:
        there = thing.identity(present) is not None
        resources.append(_resource(thing, "same") if there else _resource(thing, _making(thing), sql=thing.make()))
    reply = _scripted(resources, present)
    tables = [TableName(thing.schema, thing.table) for thing in things if isinstance(thing, CaptureInstance)]
    starts: dict[TableName, bytes | None] = dict.fromkeys(tables)
    for one in present.instances.values():
        if one.table in starts and one.start_lsn is not None and like(one.name, config.capture_instances):
            starts[one.table] = min(one.start_lsn, starts[one.table] or one.start_lsn)
    reply.metadata = {"run": foretold(config, State.from_json(context.state), starts)}
    return reply


def init(session: Session, config: MssqlCdcConfig, context: Context) -> LifecycleReply:
    """Make what is missing. What is there already, whoever made it, stays as it is."""
    owner = Owner.of(context)
    present = read_present(session)
    records = read_records(session)
    done: list[Resource | str] = []
    try:
        for thing in _wanted(session, config, present):
            record = records.get(Record(thing, ()).property_name)
            if thing.identity(present) is None:
                _make(session, owner, thing, record)
                done.append(_resource(thing, _making(thing), sql=thing.make()))
            else:
                if record is not None and owner not in record.owners:
                    shared = Record(record.thing, (*record.owners, owner), record.identity)
                    write_record(session, shared, new=False)
                done.append(_resource(thing, "same"))
            if context.stopping:
                return LifecycleReply("Failed", done, error="stopped before everything was made")
    except (SqlError, Stopping) as error:
        return _failed(done, error)
    return LifecycleReply("Success", done)


def status(session: Session, config: MssqlCdcConfig, context: Context) -> LifecycleReply:
    """What is there of what the config asks for, and whom it was made for."""
    present = read_present(session)
    records = read_records(session)
    resources: list[Resource | str] = []
    for thing in _wanted(session, config, present):
        record = records.get(Record(thing, ()).property_name)
        there = thing.identity(present) is not None
        made_for = [one.seen_by(Owner.of(context)) for one in record.owners] if record is not None else []
        detail = {"there": there, "made_for": made_for}
        resources.append(Resource(_type(thing), thing.name, "same" if there else _making(thing), detail))
    return LifecycleReply("Success", resources)


def destroy(session: Session, context: Context) -> LifecycleReply:
    """Remove what was made for this task and for no other, last things first; nothing that another made."""
    owner = Owner.of(context)
    done: list[Resource | str] = []
    try:
        for record in _ours(session, owner):
            done.append(_remove(session, owner, record))
            if context.stopping:
                return LifecycleReply("Failed", done, error="stopped before everything was removed")
    except (SqlError, Stopping) as error:
        return _failed(done, error)
    return LifecycleReply("Success", done)


def _make(session: Session, owner: Owner, thing: Thing, old: Record | None) -> None:
    """The record comes first: what a crash leaves is known to be ours."""
    others = () if old is None else _others(owner, old)
    if old is not None and isinstance(thing, Retention) and isinstance(old.thing, Retention):
        thing = Retention(thing.minutes, old.thing.before)
    record = Record(thing, (*others, owner))
    write_record(session, record, new=old is None)
    try:
        session.query(thing.make())
    except Transient:
        raise
    except SqlError:
        drop_record(session, record)
        raise
    made = Record(thing, record.owners, thing.identity(read_present(session)))
    write_record(session, made, new=False)


def _remove(session: Session, owner: Owner, record: Record) -> Resource:
    removal = _removal(owner, record, read_present(session))
    others = _others(owner, record)
    if others:
        write_record(session, Record(record.thing, others, record.identity), new=False)
        return removal
    if removal.action == "delete":
        # Disabling CDC of the database leaves its extended properties alone.
        session.query(record.thing.remove())
    drop_record(session, record)
    return removal


def _removal(owner: Owner, record: Record, present: Present) -> Resource:
    """What becomes of a recorded thing when its owner lets go of it."""
    thing, others, found = record.thing, _others(owner, record), record.thing.identity(present)
    if others:
        return _resource(thing, "same", kept_for=", ".join(one.seen_by(owner) for one in others))
    if found is None or record.identity not in (None, found):
        return _resource(thing, "same", kept_for="whoever changed it since" if found or _is_setting(thing) else "")
    if isinstance(thing, CdcDatabase) and present.instances:
        return _resource(thing, "same", kept_for="capture instances that others made")
    return _resource(thing, "delete", sql=thing.remove())


def _removals(owner: Owner, records: list[Record], present: Present) -> list[Resource]:
    """What becomes of all of them, each seen when those before it are gone."""
    instances = dict(present.instances)
    removals = []
    for record in records:
        removal = _removal(owner, record, replace(present, instances=instances))
        if removal.action == "delete" and isinstance(record.thing, CaptureInstance):
            del instances[record.thing.name]
        removals.append(removal)
    return removals


def _ours(session: Session, owner: Owner) -> list[Record]:
    """What was made for the owner, last things first."""
    return sorted((one for one in read_records(session).values() if owner in one.owners), key=_removing_order)


def _others(owner: Owner, record: Record) -> tuple[Owner, ...]:
    return tuple(one for one in record.owners if one != owner)


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
