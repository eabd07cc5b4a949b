"""A demanded encryption is to the right server, or not at all.

Each connects in a process of its own: what the driver trusts is the process's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.sqlserver import SqlServer
from tests.servers.sqlserver.listener import CERTIFICATE

CONNECT = """
import sys
from mssql_cdc_provider.connection_string import parse
from mssql_cdc_provider.session import Session
from mssql_cdc_provider.sql_errors import SqlError
try:
    print(Session(parse(sys.argv[1]), query_timeout_s=10).query("SELECT 1 AS one"))
except SqlError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    file = tmp_path / "authority.pem"
    file.write_bytes(CERTIFICATE.cert_pem)
    return file


def connect(server: SqlServer, said: str, authority: Path | None = None, host: str = "localhost") -> str:
    login = f"Database={server.database};User Id={server.user};Password={server.password}"
    text = f"Server={host},{server.port};{login};{said}"
    env = {**os.environ, **({"SSL_CERT_FILE": str(authority)} if authority else {})}
    command = [sys.executable, "-c", CONNECT, text]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_a_certificate_that_nobody_trusts_is_refused_and_said(server: SqlServer) -> None:
    said = connect(server, "Encrypt=yes")
    assert said.startswith("Lost")
    assert "is its certificate trusted" in said


def test_a_trusted_certificate_of_that_name_is_taken(server: SqlServer, authority: Path) -> None:
    assert connect(server, "Encrypt=yes", authority) == "[(1,)]"


def test_a_trusted_certificate_of_another_name_is_refused(server: SqlServer, authority: Path) -> None:
    assert "is its certificate trusted" in connect(
        server, "Encrypt=yes;HostNameInCertificate=sql.example.com", authority
    )


def test_the_name_may_be_said_where_the_address_is_not_in_the_certificate(server: SqlServer, authority: Path) -> None:
    assert connect(server, "Encrypt=yes;HostNameInCertificate=localhost", authority, host="127.0.0.1") == "[(1,)]"


def test_a_server_is_taken_at_its_word_where_that_is_asked_for(server: SqlServer) -> None:
    assert connect(server, "Encrypt=yes;TrustServerCertificate=yes") == "[(1,)]"
