"""Whatever transactions do, the captured changes, folded in their order, come to what the table has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysqlbridge.tds.result import Query, QueryError

from tests.integration.servers.sqlserver.changes import AFTER, BEFORE, DELETE, INSERT, changes, enable
from tests.servers.sqlserver import SqlServer

DUPLICATE_KEY = 2627
IDS = st.integers(0, 6)
STATEMENTS = st.one_of(
    st.builds("INSERT INTO dbo.t VALUES ({}, N'{}', {})".format, IDS, st.text("ab`é", max_size=3), IDS),
    st.builds("UPDATE dbo.t SET a = a + N'x' WHERE id <= {}".format, IDS),
    st.builds("UPDATE dbo.t SET id = {} - id, b = {}".format, IDS, IDS),
    st.builds("UPDATE dbo.t SET id = id + {} WHERE b < {}".format, IDS, IDS),
    st.builds("DELETE FROM dbo.t WHERE id = {}".format, IDS),
    st.just("DELETE FROM dbo.t WHERE b IS NULL OR a LIKE N'%xxx%'"),
)
TRANSACTIONS = st.lists(st.tuples(st.lists(STATEMENTS, min_size=1, max_size=4), st.booleans()), max_size=8)


@pytest.fixture(scope="module")
def server() -> Iterator[SqlServer]:
    with SqlServer() as made:
        yield made


@settings(max_examples=15)
@given(TRANSACTIONS)
def test_captured_changes_fold_to_the_table(server: SqlServer, transactions: list[tuple[list[str], bool]]) -> None:
    server.execute(
        "DROP TABLE IF EXISTS dbo.t", "CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, a nvarchar(max), b int)"
    )
    enable(server, "t")
    for statements, committed in transactions:
        session = server.engine.session()
        session.log_in("sa")
        for statement in ["BEGIN TRAN", *statements, "COMMIT" if committed else "ROLLBACK"]:
            try:
                session.answer(Query(statement))
            except QueryError as failure:
                if failure.number != DUPLICATE_KEY:
                    raise
                break  # which has rolled back
        session.end()
    assert folded(server) == {row[0]: row for row in rows(server)}


def rows(server: SqlServer) -> list[tuple[Any, ...]]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM dbo.t")
        return list(cursor.fetchall())


def folded(server: SqlServer) -> dict[int, tuple[Any, ...]]:
    table: dict[int, tuple[Any, ...]] = {}
    for change in changes(server, "dbo_t"):
        key = change.values[0]
        if change.operation == INSERT:
            assert key not in table
        if change.operation in (INSERT, AFTER):
            table[key] = change.values
        elif change.operation == DELETE:
            assert table.pop(key) == change.values
        else:
            assert change.operation == BEFORE
            assert table[key][2] == change.values[2]
    return table
