"""`check`: whether the lock could be taken, without taking it from anybody."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from dstream_sdk import Context, Finding
from mssql_cdc_provider.locks import chosen
from mssql_cdc_provider.provider import MssqlCdc
from tests.servers.azurite import Azurite, connection_string
from tests.servers.proxy import Proxy
from tests.servers.sqlserver import SqlServer

Provide = Callable[..., MssqlCdc]


def looked(provider: MssqlCdc) -> list[Finding]:
    return [finding for finding in provider.check() if finding.check == "lock"]


@contextlib.contextmanager
def held(provider: MssqlCdc) -> Iterator[None]:
    """Somebody else has the locks."""
    with chosen(provider.config, Context(command="run", role="input", task="orders"), provider._connect) as wanted:
        for lock in wanted:
            lock.acquire()
        yield
        for lock in wanted:
            lock.renew()  # still theirs
            lock.release()


def test_a_lock_is_looked_at_and_not_made(provider: Provide, blob_config: dict[str, Any]) -> None:
    (finding,) = looked(provider(lock_config=blob_config))
    assert (finding.ok, finding.message.endswith("orders` is free; the first run makes its blob")) == (True, True)
    name = blob_config["container_name"]
    with ContainerClient.from_connection_string(blob_config["connection_string"], name) as container:
        assert not container.exists()


@pytest.mark.parametrize("kind", ["azure_blob", "sp_getapplock"])
def test_a_lock_that_is_held_stays_so_and_one_that_is_free_too(
    provider: Provide, blob_config: dict[str, Any], kind: str
) -> None:
    made = provider(lock_config=blob_config if kind == "azure_blob" else {"type": kind})
    with held(made):
        (finding,) = looked(made)
        assert (finding.ok, "` is held by " in finding.message) == (True, True)
    for _ in range(2):
        (finding,) = looked(made)
        assert (finding.ok, finding.message.endswith("` is free")) == (True, True)


def test_every_table_has_its_lock_looked_at(server: SqlServer, provider: Provide, blob_config: dict[str, Any]) -> None:
    server.execute("CREATE TABLE dbo.Orders (ID int PRIMARY KEY)", "CREATE TABLE dbo.Persons (ID int PRIMARY KEY)")
    findings = looked(provider(lock_config={**blob_config, "scope": "table"}, tables=["*"]))
    assert ["dbo.orders" in findings[0].message, "dbo.persons" in findings[1].message] == [True, True]


def test_a_wrong_key_is_a_lack_and_told_without_it(
    azurite: Azurite, provider: Provide, blob_config: dict[str, Any]
) -> None:
    wrong = {**blob_config, "connection_string": connection_string(azurite.address, "c2VjcmV0")}
    (finding,) = looked(provider(lock_config=wrong))
    assert (finding.ok, finding.field, "key" in finding.remedy) == (False, "lock_config", True)
    assert "c2VjcmV0" not in f"{finding.message}{finding.remedy}"


def test_an_account_that_does_not_answer_is_a_lack(
    azurite: Azurite, provider: Provide, blob_config: dict[str, Any]
) -> None:
    with Proxy(azurite.address) as network:
        network.cut()
        cut_off = {**blob_config, "connection_string": connection_string(network.address)}
        (finding,) = looked(provider(lock_config=cut_off))
    assert (finding.ok, finding.field, "firewall" in finding.remedy) == (False, "lock_config", True)


def test_a_server_that_allows_no_application_lock_is_a_lack_with_its_grant(
    server: SqlServer, provider: Provide
) -> None:
    server.faults.fail("sp_getapplock", 229, "EXECUTE", "sp_getapplock", "mssqlsystemresource", "sys")
    (finding,) = looked(provider(lock_config={"type": "sp_getapplock"}))
    assert (finding.ok, finding.remedy) == (False, "USE master; GRANT EXECUTE ON sys.sp_getapplock TO public;")
