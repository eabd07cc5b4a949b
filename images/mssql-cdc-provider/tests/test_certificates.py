"""A demanded encryption is to the right server, or not at all.

Each connects in a process of its own: what the driver trusts is the process's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from mssql_cdc_provider.connection_string import Driver
from tests.servers.sqlserver import SqlServer
from tests.servers.sqlserver.listener import CERTIFICATE

CONNECT = """
import sys
from dataclasses import replace
from mssql_cdc_provider.connection_string import parse
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import SqlError
try:
    target = replace(parse(sys.argv[1]), driver=sys.argv[2])
    print(Session(target, query_timeout_s=10).query("SELECT 1 AS one"))
except SqlError as error:
    print(type(error).__name__, error)
"""

Connect = Callable[..., str]


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    file = tmp_path / "authority.pem"
    file.write_bytes(CERTIFICATE.cert_pem)
    return file


@pytest.fixture(params=get_args(Driver))
def driver(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def connect(server: SqlServer, driver: Driver) -> Connect:
    def made(said: str, authority: Path | None = None, host: str = "localhost") -> str:
        login = f"Database={server.database};User Id={server.user};Password={server.password}"
        text = f"Server={host},{server.port};{login};{said}"
        env = {**os.environ, **({"SSL_CERT_FILE": str(authority)} if authority else {})}
        command = [sys.executable, "-c", CONNECT, text, driver]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    return made


def test_a_certificate_that_nobody_trusts_is_refused_and_said(connect: Connect) -> None:
    said = connect("Encrypt=yes")
    assert said.startswith("Lost")
    assert "is its certificate trusted" in said


def test_a_trusted_certificate_of_that_name_is_taken(connect: Connect, authority: Path) -> None:
    assert connect("Encrypt=yes", authority) == "[(1,)]"


def test_a_trusted_certificate_of_another_name_is_refused(connect: Connect, authority: Path) -> None:
    assert "is its certificate trusted" in connect("Encrypt=yes;HostNameInCertificate=sql.example.com", authority)


def test_the_name_may_be_said_where_the_address_is_not_in_the_certificate(connect: Connect, authority: Path) -> None:
    assert connect("Encrypt=yes;HostNameInCertificate=localhost", authority, host="127.0.0.1") == "[(1,)]"


def test_a_server_is_taken_at_its_word_where_that_is_asked_for(connect: Connect) -> None:
    assert connect("Encrypt=yes;TrustServerCertificate=yes") == "[(1,)]"
