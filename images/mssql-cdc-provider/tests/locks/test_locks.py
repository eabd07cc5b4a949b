"""One reads and the other waits, whatever keeps the lock; and who loses it stops first."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.storage.blob import BlobLeaseClient, ContainerClient

from dstream_sdk import Checkpoint, Context, Envelope, ProviderError
from mssql_cdc_provider.locks import LockLost, chosen, take_turn
from mssql_cdc_provider.locks.azure_blob import BlobLocks
from mssql_cdc_provider.locks.lock import Taken
from mssql_cdc_provider.provider import MssqlCdc
from tests.servers.azurite import Azurite, connection_string
from tests.servers.proxy import Proxy
from tests.servers.sqlserver import SqlServer
from tests.streams import until

TERM = 15.0
Provide = Callable[..., MssqlCdc]


def context(state: Any = None) -> Context:
    return Context(command="run", role="input", task="orders", state=state)


def endless() -> Iterator[Envelope | Checkpoint]:
    number = 0
    while True:
        number += 1
        yield Checkpoint({"number": number})


def lost(items: Iterator[Envelope | Checkpoint], within: float) -> None:
    """See that the items end with the loss of the lock."""
    end = time.monotonic() + within
    pause = threading.Event()
    try:
        for _ in items:
            assert time.monotonic() < end, "it goes on"
            pause.wait(0.02)
    except LockLost:
        return
    raise AssertionError("it ended without a word")


@contextlib.contextmanager
def waiting(made: MssqlCdc, turn_of: Context) -> Iterator[threading.Event]:
    """Another host that takes its turn when it can, and holds it until the end."""
    got, done = threading.Event(), threading.Event()

    def host() -> None:
        with chosen(made.config, turn_of, made._connect) as wanted, take_turn(wanted, turn_of) as turn:
            if turn is not None:
                got.set()
                done.wait(60)

    thread = threading.Thread(target=host)
    thread.start()
    try:
        yield got
    finally:
        turn_of.stop.request("the test is over")
        done.set()
        thread.join()


@pytest.mark.parametrize("kind", ["azure_blob", "sp_getapplock"])
def test_a_lock_that_is_held_is_waited_for_and_never_read_beside(
    provider: Provide, blob_config: dict[str, Any], kind: str
) -> None:
    """The original got an empty lock id for a lock that somebody else held, and read all the same."""
    made = provider(lock_config=blob_config if kind == "azure_blob" else {"type": kind})
    mine, other = context(), context()
    with contextlib.ExitStack() as holding:
        wanted = holding.enter_context(chosen(made.config, mine, made._connect))
        turn = holding.enter_context(take_turn(wanted, mine))
        assert turn is not None
        with waiting(made, other) as got:
            assert not got.wait(0.5)
            assert turn.sure
            holding.close()
            assert got.wait(60)


def test_a_holder_keeps_its_lease_beyond_the_term_and_one_that_is_cut_off_stops_before_it_ends(
    azurite: Azurite, blob_config: dict[str, Any]
) -> None:
    """The original never renewed a lease, took every lock of two minutes for stale, and never learnt of a loss."""
    container = blob_config["container_name"]
    others = BlobLocks(azurite.connection_string, container, TERM)
    near = BlobLocks(azurite.connection_string, container, TERM)
    with contextlib.closing(others), contextlib.closing(near), take_turn([near.lock("kept")], context()) as kept:
        assert kept is not None
        began = time.monotonic()
        with Proxy(azurite.address) as network:
            far = BlobLocks(connection_string(network.address), container, TERM)
            with contextlib.closing(far), take_turn([far.lock("cut")], context()) as cut:
                assert cut is not None
                network.cut()
                lost(cut.items(endless()), TERM)
                with pytest.raises(Taken):
                    others.lock("cut").acquire()
                network.mend()
        threading.Event().wait(max(0.0, began + TERM + 0.5 - time.monotonic()))
        assert kept.sure
        with pytest.raises(Taken):
            others.lock("kept").acquire()


def test_a_lease_that_somebody_broke_ends_the_reading(provider: Provide, blob_config: dict[str, Any]) -> None:
    made, mine = provider(lock_config=blob_config), context()
    with chosen(made.config, mine, made._connect) as wanted, take_turn(wanted, mine) as turn:
        assert turn is not None
        container = ContainerClient.from_connection_string(
            blob_config["connection_string"], blob_config["container_name"]
        )
        with container:
            BlobLeaseClient(container.get_blob_client(f"{wanted[0].name}.lock")).break_lease(0)
            lost(turn.items(endless()), 60)
    assert mine.stopping


def test_states_bear_the_epoch_and_an_old_one_is_not_resumed_in_silence(
    provider: Provide, blob_config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    made = provider(lock_config=blob_config)
    states = []
    for run in (context(), context(), context()):
        with chosen(made.config, run, made._connect) as wanted, take_turn(wanted, run) as turn:
            assert turn is not None
            item = next(turn.items(endless()))
            assert isinstance(item, Checkpoint)
            states.append(item.state)
    (name,) = states[0]["locks"]
    assert [state["locks"][name] for state in states] == [1, 2, 3]
    assert states[0]["number"] == 1
    with caplog.at_level(logging.WARNING, "dstream"):
        for state, warned in ((states[2], False), (states[1], True)):
            run = context(state)
            with chosen(made.config, run, made._connect) as wanted, take_turn(wanted, run):
                assert ("held by others" in caplog.text) is warned


def test_a_dropped_connection_loses_the_application_lock(server: SqlServer, provider: Provide) -> None:
    made, mine = provider(lock_config={"type": "sp_getapplock"}), context()
    with chosen(made.config, mine, made._connect) as wanted, take_turn(wanted, mine) as turn:
        assert turn is not None
        server.drop_all()
        lost(turn.items(endless()), 60)


STUCK = """
import sys, threading
from dstream_sdk import Context
from mssql_cdc_provider.config import MssqlCdcConfig
from mssql_cdc_provider.locks import chosen, take_turn
config = MssqlCdcConfig.model_validate(
    {"connection_string": sys.argv[1], "tables": ["Orders"], "lock_config": {"type": "sp_getapplock"}}
)
context = Context(command="run", role="input", task="orders")
with chosen(config, context, None) as wanted, take_turn(wanted, context) as turn:
    print("reading", flush=True)
    threading.Event().wait(60)
"""


def test_a_reader_that_does_not_stop_is_ended(server: SqlServer, provider: Provide) -> None:
    secret = provider().config.connection_string.get_secret_value()
    reader = subprocess.Popen([sys.executable, "-c", STUCK, secret], stdout=subprocess.PIPE, text=True)
    with reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        server.drop_all()
        assert reader.wait(60) == 1


def test_tables_have_locks_of_their_own_and_all_are_taken_or_none(
    server: SqlServer, provider: Provide, blob_config: dict[str, Any]
) -> None:
    server.execute("CREATE TABLE dbo.Orders (ID int PRIMARY KEY)", "CREATE TABLE dbo.Persons (ID int PRIMARY KEY)")
    config = {**blob_config, "scope": "table"}
    both, one = provider(lock_config=config, tables=["Orders", "P*"]), provider(lock_config=config, tables=["Persons"])
    first, second = context(), context()
    with contextlib.ExitStack() as holding:
        wanted = holding.enter_context(chosen(one.config, first, one._connect))
        assert [lock.name.rpartition("/")[2] for lock in wanted] == ["dbo.persons"]
        holding.enter_context(take_turn(wanted, first))
        with chosen(both.config, second, both._connect) as wanted:
            assert [lock.name.rpartition("/")[2] for lock in wanted] == ["dbo.orders", "dbo.persons"]
            with pytest.raises(Taken):
                wanted[1].acquire()
        with waiting(both, second) as got:
            assert not got.wait(1)
            with chosen(both.config, first, both._connect) as free:
                until(lambda: _free(free[0]), "the other table's lock was given back")
            holding.close()
            assert got.wait(60)


def test_a_wrong_key_is_told_at_once_and_no_secret_with_it(provider: Provide, blob_config: dict[str, Any]) -> None:
    wrong = connection_string(blob_config["connection_string"].split("http://")[1].split("/")[0], "c2VjcmV0")
    made = provider(lock_config={**blob_config, "connection_string": wrong})
    with contextlib.ExitStack() as opened:
        wanted = opened.enter_context(chosen(made.config, context(), made._connect))
        with pytest.raises(ProviderError, match="refuses") as refused:
            opened.enter_context(take_turn(wanted, context()))
    assert "c2VjcmV0" not in f"{refused.value}{refused.value.hint}"


def _free(lock: Any) -> bool:
    try:
        lock.acquire()
    except Taken:
        return False
    lock.release()
    return True
