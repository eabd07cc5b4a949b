"""What the shared store keeps, for whom, and from whom."""

from __future__ import annotations

import base64
import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from orchestrator.config.model import SharedState
from orchestrator.errors import ConfigError, UnavailableError, Where
from orchestrator.runtime import clock
from orchestrator.state.azure_blob import AzureBlobState
from orchestrator.state.store import Checkpoint, DeadLetter, Identity, TaskHeld
from tests.servers.proxy import Proxy
from tests.streams import until

from .conftest import TERM, Hosts

if TYPE_CHECKING:
    from collections.abc import Callable

IDENTITY = Identity("orders", "ghcr.io/katasec/mssql-cdc-provider", "mssql-cdc-provider", 1, ("Orders",))
STRANGE = b'{"n":9007199254740993.0, "text":"\xc3\xa9"}'


def point(number: int, state: bytes = STRANGE) -> Checkpoint:
    return Checkpoint(IDENTITY, "RUN", number, number * 10, state, 1.5)


def test_another_host_resumes_where_the_last_one_stopped(hosts: Hosts) -> None:
    one, two = hosts.open("one"), hosts.open("two")
    claim = one.claim("orders", "R1", ["path"])
    one.commit(claim, point(1))
    one.commit(claim, point(2))
    assert two.checkpoint("orders") == point(2)
    one.finish(claim, "drained", {}, delivery="at-least-once")
    assert two.claim("orders", "R2").epoch == claim.epoch + 1
    assert two.checkpoint("orders") == point(2)


def test_whoever_comes_second_is_told_who_has_the_task_and_changes_nothing(hosts: Hosts) -> None:
    one, two = hosts.open("one"), hosts.open("two")
    claim = one.claim("orders", "R1")
    with pytest.raises(TaskHeld, match=socket.gethostname()) as held:
        two.claim("orders", "R2")
    assert 0 < held.value.retry_s < TERM
    assert two.open_runs() == []
    one.commit(claim, point(1))
    two.claim("other", "R3")


def test_a_store_that_closes_lets_the_next_host_begin_at_once(hosts: Hosts) -> None:
    one, two = hosts.open("one"), hosts.open("two")
    one.claim("orders", "R1")
    one.close()
    two.claim("orders", "R2")


def test_a_host_that_crashed_need_not_wait_for_its_own_lease(hosts: Hosts) -> None:
    crashed = hosts.open("one")
    claim = crashed.claim("orders", "R1")
    crashed.commit(claim, point(1))
    again = hosts.open("one")
    newer = again.claim("orders", "R2")
    again.commit(newer, point(2))


def test_a_late_write_of_the_same_hosts_earlier_run_is_refused_by_its_version(hosts: Hosts) -> None:
    """Its lease is the right one: only the version of what it means to replace tells."""
    earlier = hosts.open("one")
    claim = earlier.claim("orders", "R1")
    later = hosts.open("one")
    later.commit(later.claim("orders", "R2"), point(2))
    with pytest.raises(UnavailableError, match=r"state\.fenced"):
        earlier.commit(claim, point(1))
    assert later.checkpoint("orders") == point(2)


def test_a_newer_claim_voids_every_write_of_the_older(hosts: Hosts) -> None:
    one, two = hosts.open("one"), hosts.open("two")
    older = one.claim("orders", "R1")
    one.commit(older, point(1))
    hosts.break_lease("orders")
    newer = two.claim("orders", "R2")
    writes: list[Callable[[], None]] = [
        lambda: one.commit(older, point(3)),
        lambda: one.commit(older, None, [DeadLetter(1, "bad", "", b"{}")]),
        lambda: one.reset(older),
    ]
    for write in writes:
        with pytest.raises(UnavailableError, match=r"state\.fenced"):
            write()
    assert (two.checkpoint("orders"), two.dead_letters("orders")) == (point(1), 0)
    two.commit(newer, point(4))


def test_a_lease_that_is_gone_at_the_store_is_noticed_with_the_next_renewal(hosts: Hosts) -> None:
    one = hosts.open("one")
    claim = one.claim("orders", "R1")
    one.check(claim)
    hosts.break_lease("orders")
    until(lambda: _fenced(one, claim), "the lease is known to be lost")


def test_a_host_that_is_cut_off_gives_up_before_anybody_else_can_begin(hosts: Hosts) -> None:
    two = hosts.open("two")
    with Proxy(hosts.azurite.address) as network:
        one = hosts.open("one", through=network.address)
        claim = one.claim("orders", "R1")
        network.cut()
        waited = threading.Event()
        while not _fenced(one, claim):
            with pytest.raises(TaskHeld):
                two.claim("orders", "R2")
            waited.wait(0.5)
        with pytest.raises(TaskHeld):
            two.claim("orders", "R2")


def test_everything_that_needs_the_lease_must_be_gone_within_its_term(hosts: Hosts) -> None:
    before = clock.now()
    hosts.open("one").claim("orders", "R1")
    assert before + TERM / 2 < hosts.renewals[-1] < clock.now() + TERM


def test_a_write_whose_answer_was_lost_is_made_again_and_not_taken_for_anothers(hosts: Hosts) -> None:
    with Proxy(hosts.azurite.address) as network:
        one = hosts.open("one", through=network.address)
        claim = one.claim("orders", "R1")
        network.lose_answers(1)
        one.commit(claim, point(1))
        one.commit(claim, point(2))
        assert one.checkpoint("orders") == point(2)


def test_a_commit_waits_out_a_network_that_is_away_for_a_moment(hosts: Hosts) -> None:
    with Proxy(hosts.azurite.address) as network:
        one = hosts.open("one", through=network.address)
        claim = one.claim("orders", "R1")
        network.cut()
        commit = threading.Thread(target=one.commit, args=(claim, point(1)))
        commit.start()
        commit.join(1)
        assert hosts.open("two").checkpoint("orders") is None
        network.mend()
        commit.join(TERM)
        assert one.checkpoint("orders") == point(1)


def test_dead_letters_count_with_the_state_behind_them_and_not_before(hosts: Hosts) -> None:
    one, two = hosts.open("one"), hosts.open("two")
    claim = one.claim("orders", "R1")
    one.commit(
        claim, point(1), [DeadLetter(3, "too_large", "why", b'{"data":1}'), DeadLetter(4, "bad", "", b"\xff", True)]
    )
    hosts.break_lease("orders")
    newer = two.claim("orders", "R2")
    with pytest.raises(UnavailableError, match=r"state\.fenced"):
        one.commit(claim, point(2), [DeadLetter(5, "late", "", b"{}")])
    assert two.dead_letters("orders") == 2
    two.commit(newer, point(2), [DeadLetter(1, "again", "", b"{}")])
    assert two.dead_letters("orders") == 3
    first = hosts.blob("orders/dead-letters/000000000000-1.jsonl").download_blob().readall()
    kept = [json.loads(line) for line in first.splitlines()]
    assert [(one["record"], one["code"], one["run_id"]) for one in kept] == [(3, "too_large", "R1"), (4, "bad", "R1")]
    assert kept[0]["content"] == {"data": 1}
    assert base64.b64decode(kept[1]["content"]) == b"\xff"


def test_letters_come_back_without_what_a_failed_commit_left(hosts: Hosts) -> None:
    one, two = hosts.open("one"), hosts.open("two")
    claim = one.claim("orders", "R1")
    letters = [DeadLetter(3, "bad", "why", b'{"data": 1}'), DeadLetter(4, "bad", "", b"\xff", True)]
    one.commit(claim, point(1), letters)
    hosts.blob("orders/dead-letters/000000000002-1.jsonl").upload_blob(b"void")
    one.finish(claim, "failed", {}, delivery="at-least-once")
    newer = two.claim("orders", "R2")
    assert [kept.letter for kept in two.letters("orders")] == letters
    two.commit(newer, None, [DeadLetter(5, "late", "", b"{}")])
    assert [(kept.id, kept.run_id) for kept in one.letters("orders")] == [(1, "R1"), (2, "R1"), (3, "R2")]
    assert [kept.id for kept in one.letters("orders", after=1, limit=1)] == [2]


def test_dropped_letters_are_gone_from_the_container_and_no_later_one_gets_their_id(hosts: Hosts) -> None:
    one, two = hosts.open("one"), hosts.open("two")
    claim = one.claim("orders", "R1")
    one.commit(claim, None, [DeadLetter(1, "bad", "", b"{}"), DeadLetter(2, "bad", "", b"{}")])
    one.commit(claim, None, [DeadLetter(3, "bad", "", b"{}")])
    one.change_letters(claim, [1, 3, 99], {2: ("worse", "again")})
    assert [(kept.id, kept.letter.code) for kept in two.letters("orders")] == [(2, "worse")]
    assert two.dead_letters("orders") == 1
    assert [blob.name for blob in hosts.client.list_blobs("shop/orders/dead-letters/")] == [
        "shop/orders/dead-letters/000000000000-1.jsonl"
    ]
    one.commit(claim, None, [DeadLetter(4, "bad", "", b"{}")])
    one.pass_on(claim, 2)
    assert ([kept.id for kept in two.letters("orders")], two.passed_on("orders")) == ([2, 4], 2)


def test_reset_forgets_the_checkpoint_and_keeps_the_dead_letters(hosts: Hosts) -> None:
    one = hosts.open("one")
    claim = one.claim("orders", "R1")
    one.commit(claim, point(1), [DeadLetter(1, "bad", "", b"{}")])
    one.reset(claim)
    assert (one.checkpoint("orders"), one.dead_letters("orders")) == (None, 1)


def test_a_task_goes_on_from_what_its_host_knew_before_its_state_was_shared(hosts: Hosts) -> None:
    one, two = hosts.open("one"), hosts.open("two")
    local = one._local
    local.commit(local.claim("orders", "R0"), point(7))
    assert one.checkpoint("orders") == point(7)
    assert two.checkpoint("orders") is None
    claim = one.claim("orders", "R1")
    assert two.checkpoint("orders") == point(7)
    one.reset(claim)
    assert one.checkpoint("orders") is None


def test_what_a_task_made_elsewhere_belongs_to_it_on_every_host(hosts: Hosts) -> None:
    first, second = hosts.open("one"), hosts.open("two")
    assert first.owner("t") != second.owner("t")
    claim = first.claim("t", "run-1")
    assert first.owner("t") == second.owner("t") == first.project
    first.finish(claim, "ended", {}, delivery="")
    second.claim("t", "run-2")
    assert second.owner("t") == first.project


def test_whose_a_task_is_needs_no_network_while_it_is_held(hosts: Hosts) -> None:
    with Proxy(hosts.azurite.address) as network:
        one = hosts.open("one", through=network.address)
        one.claim("t", "run-1")
        network.cut()
        assert one.owner("t") == one.project


def test_runs_that_were_killed_stay_open_on_their_own_host(hosts: Hosts) -> None:
    one, two = hosts.open("one"), hosts.open("two")
    claim = one.claim("orders", "R1", ["path"])
    assert [run.run_id for run in one.open_runs()] == ["R1"]
    assert two.open_runs() == []
    assert one.claim("orders", "R1", ["path"]).epoch == claim.epoch + 1
    one.finish(one.claim("orders", "R1"), "ended", {}, delivery="at-least-once")
    assert one.open_runs() == []


def test_tasks_lie_beside_one_another_whatever_their_names(hosts: Hosts) -> None:
    one = hosts.open("one")
    for name in ("a b", "ä%2F", "x" * 200, "a?b#c"):
        one.commit(one.claim(name, f"R-{name}"), point(1))
        assert one.checkpoint(name) == point(1)
    assert one.checkpoint("a") is None


def test_state_of_a_newer_dstream_is_refused(hosts: Hosts) -> None:
    one = hosts.open("one")
    one.close()
    one = hosts.open("one")
    claim = one.claim("orders", "R1")
    one.finish(claim, "ended", {}, delivery="at-least-once")
    hosts.blob("orders/state.json").upload_blob(b'{"version":99}', overwrite=True)
    with pytest.raises(UnavailableError, match=r"state\.newer"):
        one.claim("orders", "R2")
    hosts.blob("orders/state.json").upload_blob(b"hello", overwrite=True)
    with pytest.raises(UnavailableError, match="holds no state"):
        one.checkpoint("orders")


def test_a_wrong_key_and_a_dead_address_are_told_apart_and_tell_no_secret(hosts: Hosts) -> None:
    with pytest.raises(UnavailableError, match=r"state\.unavailable") as refused:
        hosts.open("one", key="c2VjcmV0").claim("orders", "R1")
    assert "connection_string" in str(refused.value.hint)
    with pytest.raises(UnavailableError, match="cannot be reached") as away:
        hosts.open("one", through="127.0.0.1:1").claim("orders", "R1")
    assert "c2VjcmV0" not in f"{refused.value}{away.value}"


def test_what_is_no_connection_string_is_refused_where_it_stands(hosts: Hosts) -> None:
    place = SharedState("hello", "abc", Where(file="dstream.hcl", line=3))
    with pytest.raises(ConfigError, match=r"state\.connection_string") as refused:
        AzureBlobState(place, hosts.open("one")._local, lambda _: None)
    assert refused.value.where.line == 3


def _fenced(state: AzureBlobState, claim: object) -> bool:
    try:
        state.check(claim)  # type: ignore[arg-type]
    except UnavailableError:
        return True
    return False
