"""Either driver gives the same: values, and what a run writes of them, byte for byte."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any, get_args

import pytest

from mssql_cdc_provider import config as configuration
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.connection_string import Driver
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.state import State
from mssql_cdc_provider.tables import Column
from mssql_cdc_provider.values import expression
from tests.servers.sqlserver import RealSqlServer, SqlServer, sql_server

Server = SqlServer | RealSqlServer
DRIVERS: tuple[Driver, ...] = get_args(Driver)

VALUES = {
    "bit": ["0", "1"],
    "tinyint": ["0", "255"],
    "smallint": ["-32768", "32767"],
    "int": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "decimal(38,10)": ["-1234567890123456789012345678.0123456789", "0", "0.5"],
    "numeric(9,2)": ["-0.01", "9999999.99"],
    "money": ["-922337203685477.5808", "0.1", "922337203685477.5807"],
    "smallmoney": ["-214748.3648", "214748.3647"],
    "float": ["-2.25E-7", "1.7976931348623157E308", "0.1"],
    "real": ["0.1", "-3.4E38", "16777216"],
    "date": ["'0001-01-01'", "'9999-12-31'"],
    "time(7)": ["'00:00:00'", "'23:59:59.9999999'", "'10:00:00.12'"],
    "time(0)": ["'10:00:00'"],
    "datetime": ["'1753-01-01 00:00:00.003'", "'9999-12-31 23:59:59.997'", "'2024-05-01 10:00:00.127'"],
    "smalldatetime": ["'1900-01-01 00:00:00'", "'2079-06-06 23:59:00'"],
    "datetime2(7)": ["'0001-01-01 00:00:00'", "'9999-12-31 23:59:59.9999999'", "'2024-05-01 10:00:00.12'"],
    "datetimeoffset(7)": ["'2024-05-01 10:00:00.1234567 +05:30'", "'2024-05-01 10:00:00 -14:00'"],
    "char(5)": ["'ab'", "''"],
    "varchar(20)": ["'café €'", "''", "'it''s ? {x} %s'"],
    "varchar(max)": ["''", f"'{'ü' * 9000}'"],
    "text": ["'long'", "''"],
    "nchar(3)": ["N'é'", "N''"],
    "nvarchar(20)": ["N'日本 😀 ''x'''", "N''", "N'a\u2028b'"],
    "nvarchar(max)": ["N''", f"N'{'😀' * 5000}'", "N'short'"],
    "ntext": ["N'löng'", "N''"],
    "binary(4)": ["0x01", "0x00000000"],
    "varbinary(8)": ["0x", "0x00FF"],
    "varbinary(max)": ["0x", "0x" + "00FF" * 5000],
    "image": ["0x00FF", "0x"],
    "uniqueidentifier": ["'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "'00000000-0000-0000-0000-000000000000'"],
    "xml": ["N'<a>é</a>'", "N''"],
    "sql_variant": ["N'a word'", "N''"],
    "sysname": ["N'name'"],
}
"""T-SQL for values at the edges of each type."""

ROWS = 6


@pytest.fixture
def server() -> Iterator[Server]:
    """`T` has a column of each type, and rows of values with a row of NULL at the end; its changes are captured."""
    with sql_server() as running:
        columns = ", ".join(f"c{at} {kind} NULL" for at, kind in enumerate(VALUES))
        values = [islice(cycle(texts), ROWS) for texts in VALUES.values()]
        lines = [", ".join(line) for line in zip(*values, strict=True)] + [", ".join(["NULL"] * len(VALUES))]
        running.execute(
            f"CREATE TABLE dbo.T (id int NOT NULL PRIMARY KEY, {columns})",
            "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'T', @role_name = NULL",
            *(f"INSERT INTO dbo.T VALUES ({number}, {line})" for number, line in enumerate(lines)),
            "UPDATE dbo.T SET c1 = 7 WHERE id < 3",
            "DELETE FROM dbo.T WHERE id = 1",
        )
        yield running


def given(server: Server, driver: Driver, **more: Any) -> dict[str, Any]:
    login = f"User Id={server.user};Password={server.password}"
    target = f"Server={server.host},{server.port};Database={server.database};{login}"
    return {"connection_string": target, "tables": ["T"], "driver": driver, "heartbeat_interval": "1h", **more}


def test_values_are_the_same(server: Server) -> None:
    columns = [
        Column(f"c{at}", kind.partition("(")[0], kind) for at, kind in enumerate(VALUES) if not kind.startswith("sysn")
    ]
    found = {}
    for driver in DRIVERS:
        session = Session(MssqlCdcConfig.model_validate(given(server, driver)).target, query_timeout_s=30)
        for column in columns:
            rows = session.query(f"SELECT {expression(column)} AS v FROM dbo.T ORDER BY id")
            found[driver, column.declared] = [(type(value), value) for (value,) in rows]
        session.close()
    for column in columns:
        assert found["mssql-python", column.declared] == found["pymssql", column.declared], column.declared


def started(config: dict[str, Any]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mssql_cdc_provider"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(config).encode() + b"\n")
    process.stdin.flush()  # and not closed, which would end it
    return process


def test_a_snapshot_is_written_byte_for_byte_the_same(server: Server) -> None:
    written = {}
    for driver in DRIVERS:
        with started(given(server, driver, snapshot={"mode": "initial_only"})) as process:
            assert process.stdout is not None
            written[driver] = re.sub(rb'("SnapshotId":")\w+', rb"\1", process.stdout.read())
        assert process.returncode == 0
    assert written["pymssql"].count(b'"Snapshot"') == ROWS
    assert written["mssql-python"] == written["pymssql"]


def test_changes_are_written_byte_for_byte_the_same(server: Server) -> None:
    records = ROWS + 1 + 3 + 1
    written = {}
    for driver in DRIVERS:
        config = given(server, driver, snapshot={"mode": "no_data"})
        with started({"command": "run", "config": config, "protocol": 1, "state": State().to_json()}) as process:
            assert process.stdout is not None
            lines: list[bytes] = []
            while sum(b'"OperationType"' in line for line in lines) < records:
                lines.append(process.stdout.readline())
                assert lines[-1], "the run ended too soon"
            process.terminate()
        written[driver] = lines
    assert written["mssql-python"] == written["pymssql"]


def test_a_driver_that_is_not_installed_is_refused_with_how_to_get_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"not installed: .*mssql-cdc-provider\[odbc\].*EXTRA=odbc"):
        MssqlCdcConfig.model_validate(given(server, "mssql-python"))
    assert MssqlCdcConfig.model_validate(given(server, "pymssql")).target.driver == "pymssql"
