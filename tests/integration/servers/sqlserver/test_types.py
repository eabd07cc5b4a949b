"""Values of every type, there and back, through tables and change tables. Runs against a real server too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.integration.servers.sqlserver.changes import changes, enable, error_of
from tests.integration.servers.sqlserver.conftest import Ask, asking
from tests.servers.sqlserver import RealSqlServer, SqlServer, sql_server

Server = SqlServer | RealSqlServer
GUID = "6F9619FF-8B86-D011-B42D-00C04FC964FF"
EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


VALUES: list[tuple[str, str, Any]] = [
    ("bit", "1", True),
    ("tinyint", "255", 255),
    ("smallint", "-32768", -32768),
    ("int", "-2147483648", -2147483648),
    ("bigint", "9223372036854775807", 9223372036854775807),
    ("decimal(38,10)", "1234567890123456789012345678.0123456789", Decimal("1234567890123456789012345678.0123456789")),
    ("decimal(9,2)", "-0.01", Decimal("-0.01")),
    ("numeric(19)", "1234567890123456789", Decimal(1234567890123456789)),
    ("money", "-922337203685477.5808", Decimal("-922337203685477.5808")),
    ("smallmoney", "214748.3647", Decimal("214748.3647")),
    ("float", "-2.25E-7", -2.25e-7),
    ("real", "0.5", 0.5),
    ("date", "'0001-01-01'", dt.date(1, 1, 1)),
    ("time(3)", "'23:59:59.9985'", dt.time(23, 59, 59, 999000)),
    ("datetime", "'9999-12-31 23:59:59.997'", at("9999-12-31 23:59:59.997")),
    ("datetime", "'1753-01-01 00:00:00.002'", at("1753-01-01 00:00:00.003")),
    ("smalldatetime", "'2024-05-01 10:00:30'", at("2024-05-01 10:01")),
    ("datetime2", "'0001-01-01 00:00:00.1234567'", at("0001-01-01 00:00:00.123456")),
    ("datetime2(0)", "'9999-12-30 23:59:59.6'", at("9999-12-31")),
    ("datetimeoffset", "'2024-05-01 10:00:00.5 +05:30'", dt.datetime(2024, 5, 1, 10, 0, 0, 500000, EAST)),
    ("char(5)", "'ab'", "ab   "),
    ("varchar(10)", "'café'", "café"),
    ("varchar(max)", "''", ""),
    ("text", "'long'", "long"),
    ("nchar(3)", "N'é'", "é  "),
    ("nvarchar(20)", "N'日本 😀 ''x'''", "日本 😀 'x'"),
    ("nvarchar(max)", "N''", ""),
    ("ntext", "N'long'", "long"),
    ("binary(4)", "0x01", b"\x01\0\0\0"),
    ("varbinary(8)", "0x", b""),
    ("varbinary(max)", "0x00FF", b"\x00\xff"),
    ("image", "0x00FF", b"\x00\xff"),
    ("uniqueidentifier", f"'{GUID}'", UUID(GUID)),
    ("xml", "N'<a/>'", "<a/>"),
    ("sysname", "N'name'", "name"),
]


def test_values_of_every_type_come_back(server: Server, ask: Ask) -> None:
    columns = ", ".join(f"c{at} {kind} NULL" for at, (kind, _, _) in enumerate(VALUES))
    server.execute(f"CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, {columns})")
    enable(server, "t")
    ask(f"INSERT INTO dbo.t VALUES (1, {', '.join(text for _, text, _ in VALUES)})")
    ask(f"INSERT INTO dbo.t VALUES (2, {', '.join(['NULL'] * len(VALUES))})")
    full, empty = ask("SELECT * FROM dbo.t ORDER BY id")
    kinds = [kind for kind, _, _ in VALUES]
    assert dict(zip(kinds, full[1:], strict=True)) == {kind: value for kind, _, value in VALUES}
    assert set(empty[1:]) == {None}
    inserted, nothing = changes(server, "dbo_t")
    assert inserted.values == full
    assert nothing.values == empty
    described = ask(
        "SELECT DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = N't' ORDER BY ORDINAL_POSITION"
    )
    bases = ["nvarchar" if kind == "sysname" else kind.partition("(")[0] for kind in kinds]
    assert [row[0] for row in described] == ["int", *bases]


@pytest.fixture(scope="module")
def ask_one() -> Iterator[Ask]:
    """One server for all, which none of them changes."""
    with sql_server() as server, server.connect() as connection:
        yield asking(connection)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("CONVERT(varchar(34), CAST('2024-05-01 10:00:00.1234567' AS datetime2), 121)", "2024-05-01 10:00:00.1234567"),
        ("CONVERT(varchar(34), CAST('10:00:00.1234567' AS time(5)), 121)", "10:00:00.12346"),
        (
            "CONVERT(varchar(34), CAST('2024-05-01 10:00 -08:00' AS datetimeoffset(0)), 121)",
            "2024-05-01 10:00:00 -08:00",
        ),
        ("CONVERT(varchar(23), CAST('2024-05-01 10:00:00.123' AS datetime), 121)", "2024-05-01 10:00:00.123"),
        ("CONVERT(varchar(41), CAST(1.2346 AS money), 2)", "1.2346"),
        ("CONVERT(varchar(41), CAST(1.2346 AS smallmoney))", "1.23"),
        ("CONVERT(varchar(22), 0x0102, 1)", "0x0102"),
        ("CONVERT(varchar(22), 0x0102, 2)", "0102"),
        ("CONVERT(binary(3), '0x0102', 1)", b"\x01\x02\0"),
        ("CAST(5 AS varchar(9)) + 'x'", "5x"),
        (f"CAST(CAST('{GUID.lower()}' AS uniqueidentifier) AS nvarchar(max))", GUID),
        ("CAST(N'abcdef' AS nvarchar(3))", "abc"),
        ("CAST(1.25 AS decimal(9,1))", Decimal("1.3")),
        ("LEN(N'ab  ') + DATALENGTH(N'ab')", 6),
        ("QUOTENAME(N'a]b')", "[a]]b]"),
        ("COUNT(*)", 1),
        ("DATEADD(second, -5, CAST('2024-05-01' AS datetime))", at("2024-04-30 23:59:55")),
    ],
)
def test_expressions_come_to_what_sql_server_makes_of_them(ask_one: Ask, sql: str, value: object) -> None:
    assert ask_one(f"SELECT {sql} AS v") == [(value,)]


def test_an_expression_without_an_alias_has_no_name(server: Server) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 + 1, 2 AS two")
        assert [column[0] for column in cursor.description or ()] == ["", "two"]


def test_identity_default_and_row_version_are_filled_in(server: Server, ask: Ask) -> None:
    ask("CREATE TABLE dbo.t (id int IDENTITY(5,1) PRIMARY KEY, a nvarchar(5) NOT NULL DEFAULT N'x', v rowversion)")
    ask("INSERT INTO dbo.t (a) VALUES (N'y'); INSERT INTO dbo.t DEFAULT VALUES")
    [(first, second)] = ask("SELECT MIN(v) AS f, MAX(v) AS s FROM dbo.t")
    assert ask("SELECT id, a FROM dbo.t ORDER BY id") == [(5, "y"), (6, "x")]
    assert first < second
    ask("UPDATE dbo.t SET a = N'z' WHERE id = 5")
    assert ask("SELECT v FROM dbo.t WHERE id = 5") > [(second,)]
    assert error_of(server, "INSERT INTO dbo.t (id, a) VALUES (9, N'x')") == 544
    assert error_of(server, "INSERT INTO dbo.t (a) VALUES (N'too long')") == 2628
    assert error_of(server, "INSERT INTO dbo.t (a) VALUES (NULL)") == 515


def test_rows_written_are_shown_and_counted(server: Server, ask: Ask) -> None:
    ask("CREATE TABLE dbo.t (id int PRIMARY KEY, a int)")
    assert ask("INSERT INTO dbo.t (id, a) OUTPUT inserted.id VALUES (1, 1), (2, 2)") == [(1,), (2,)]
    assert ask("UPDATE dbo.t SET a = a * 10 OUTPUT deleted.a, inserted.a WHERE id = 2") == [(2, 20)]
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM dbo.t")
        assert cursor.rowcount == 2
