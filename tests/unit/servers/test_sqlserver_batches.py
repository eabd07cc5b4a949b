"""How batches of T-SQL come apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysqlbridge.tds.result import QueryError

from tests.servers.sqlserver.batches import statements
from tests.servers.sqlserver.statements import Block, Exec, If, Sql


def texts(batch: str) -> list[str]:
    return [each.text for each in statements(batch) if isinstance(each, Sql)]


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT 1 SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT 1 UNION ALL SELECT 2 SELECT 3", ["SELECT 1 UNION ALL SELECT 2", "SELECT 3"]),
        ("INSERT INTO a SELECT 1 INSERT INTO b SELECT 2", ["INSERT INTO a SELECT 1", "INSERT INTO b SELECT 2"]),
        ("UPDATE a SET b = 1 UPDATE c SET d = 2", ["UPDATE a SET b = 1", "UPDATE c SET d = 2"]),
        (
            "WITH a AS (SELECT 1 AS x) SELECT x FROM a SELECT 2",
            ["WITH a AS (SELECT 1 AS x) SELECT x FROM a", "SELECT 2"],
        ),
        ("SELECT CASE WHEN 1 = 1 THEN 2 ELSE 3 END SELECT 4", ["SELECT CASE WHEN 1 = 1 THEN 2 ELSE 3 END", "SELECT 4"]),
        (
            "GRANT SELECT, EXECUTE ON SCHEMA::cdc TO x SELECT 1",
            ["GRANT SELECT, EXECUTE ON SCHEMA::cdc TO x", "SELECT 1"],
        ),
        ("SELECT [a;b], N'c;d' -- e;\n; SELECT /* ; */ 2", ["SELECT [a;b], N'c;d'", "SELECT /* ; */ 2"]),
        ("DROP TABLE IF EXISTS a CREATE TABLE b (c int)", ["DROP TABLE IF EXISTS a", "CREATE TABLE b (c int)"]),
        ("ALTER TABLE a DROP COLUMN b", ["ALTER TABLE a DROP COLUMN b"]),
        ("ALTER DATABASE a SET READ_ONLY", ["ALTER DATABASE a SET READ_ONLY"]),
    ],
)
def test_a_statement_ends_where_another_begins(batch: str, expected: list[str]) -> None:
    assert texts(batch) == expected


def test_calls_have_arguments_by_place_and_by_name() -> None:
    assert statements("EXEC @c = sys.p N'a, b', @x = 0x01, @y = @z OUTPUT EXEC q") == [
        Exec("sys.p", [(None, "N'a, b'", False), ("x", "0x01", False), ("y", "@z", True)], "c"),
        Exec("q", []),
    ]


def test_branches_and_blocks_nest() -> None:
    [branch] = statements("IF NOT EXISTS (SELECT 1) BEGIN SELECT 1; IF 1 = 2 SELECT 2 END ELSE SELECT 3")
    assert branch == If(
        "NOT EXISTS (SELECT 1)",
        Block([
            Sql("SELECT", "SELECT 1"),
            If("1 = 2", Sql("SELECT", "SELECT 2"), None),
        ]),
        Sql("SELECT", "SELECT 3"),
    )  # fmt: skip


@pytest.mark.parametrize("batch", ["NONSENSE", "BEGIN SELECT 1", "SELECT 'open", "EXEC p @x ="])
def test_what_is_no_statement_is_refused(batch: str) -> None:
    with pytest.raises(QueryError) as refused:
        statements(batch)
    assert refused.value.number == 102


@given(
    st.lists(st.sampled_from(["SELECT 1", "SELECT N'a;''b' AS [c;]", "UPDATE t SET a = 1", "INSERT INTO t VALUES (1)"]))
)
def test_statements_joined_come_apart_again(parts: list[str]) -> None:
    assert texts(";".join(parts)) == parts
    assert texts("\n".join(parts)) == parts
