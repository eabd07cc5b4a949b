"""Many rows in one transaction, for measurements: they never leave DuckDB."""

from __future__ import annotations

from tests.servers.sqlserver.changelog import INSERT
from tests.servers.sqlserver.database import quoted
from tests.servers.sqlserver.engine import Engine


def load(engine: Engine, table: str, query: str, rows: int) -> None:
    """Insert `rows` rows into `table`, as one transaction that is captured at once.

    `query` is DuckDB's SQL for the table's columns in their order; it may use `n`, from 0 on.
    """
    database, session = engine.database, engine.session()
    try:
        found = session.work.table(table)
        with database.lock:
            first, lsn, now = database.reserve_lsns(rows), database.next_lsn(), database.now()
            session.work.begin()
            session.work.run(f"INSERT INTO {found.quoted} SELECT {query} FROM range({rows}) AS r(n)")
            for instance in engine.capture.of_table(found.id):
                mask = ((1 << len(instance.columns)) - 1).to_bytes((len(instance.columns) + 7) // 8, "big")
                columns = ", ".join(quoted(column.name) for column in instance.columns)
                session.work.run(
                    f"INSERT INTO {instance.change_table} SELECT ?, NULL,"
                    f" unhex(printf('%020X', {first} + 65536 * (row_number() OVER () - 1))), {INSERT}, ?, {columns}, 1"
                    f" FROM {found.quoted} WHERE rowid >= (SELECT max(rowid) + 1 - {rows} FROM {found.quoted})",
                    [lsn, mask],
                )
            session.work.run("INSERT INTO cdc.lsn_time_mapping VALUES (?, ?, ?, ?, ?)", [lsn, now, now, b"\1", lsn])
            session.work.commit()
    finally:
        session.end()
