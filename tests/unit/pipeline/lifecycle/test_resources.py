"""What providers answer to lifecycle commands, whatever shape they give it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dstream_sdk.protocol import LifecycleReply, Resource
from orchestrator.pipeline.lifecycle.resources import counts, losses, plain, read_reply

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda kid: st.dictionaries(st.text(), kid))


def read(reply: Any, redact: Any = str) -> Any:
    return read_reply(json.dumps(reply).encode(), redact)


@pytest.mark.parametrize(
    ("text", "name", "action", "said"),
    [
        ("console_log_target:WILL_CREATE", "console_log_target", "create", None),
        ("dbo.Orders:HEALTHY", "dbo.Orders", "same", None),
        ("a:b:WILL_DESTROY", "a:b", "delete", None),
        ("orders:DEGRADED", "orders", "", "DEGRADED"),
        ("no state at all", "no state at all", "", None),
        ("host:5672", "host:5672", "", None),
    ],
)
def test_the_originals_strings_are_read(text: str, name: str, action: str, said: str | None) -> None:
    assert plain(text) == Resource("", name, action, {"said": said} if said else {})


@pytest.mark.parametrize(
    ("action", "read_as", "said"),
    [("delete", "delete", None), ("DELETE", "delete", None), ("created", "create", None), ("purge", "", "purge")],
)
def test_an_action_counts_however_it_is_written_and_another_word_is_kept(
    action: str, read_as: str, said: str | None
) -> None:
    (found,) = read({"status": "Success", "resources": [{"type": "t", "name": "n", "action": action}]}).resources
    assert found == Resource("t", "n", read_as, {"said": said} if said else {})


def test_a_secret_is_hidden_also_where_it_names_something() -> None:
    detail = {"attributes": {"hunter2": "hunter2"}}
    resource = {"type": "t", "name": "n", "action": "same", "detail": detail}
    reply = read({"status": "Success", "resources": [resource]}, lambda text: text.replace("hunter2", "-"))
    assert reply.resources[0].detail == {"attributes": {"-": "-"}}


@given(st.text())
def test_no_string_is_too_strange_to_be_a_resource(text: str) -> None:
    resource = plain(text)
    assert text.startswith(resource.name)


def test_nulls_are_as_good_as_absent() -> None:
    reply = read({"status": "Success", "resources": None, "metadata": None, "message": None, "error": None})
    assert (reply.succeeded, reply.resources, reply.message) == (True, (), "")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"status": "Failed", "error": "gone"}, "gone"),
        ({"status": "Failed", "message": "it is gone"}, "it is gone"),
        ({"status": "Unknown"}, "it says `Unknown`, and no more"),
    ],
)
def test_whatever_is_no_success_failed_and_says_why(reply: Any, error: str) -> None:
    found = read(reply)
    assert (found.succeeded, found.error) == (False, error)


def test_secrets_are_hidden_wherever_they_are() -> None:
    resource = {"type": "t", "name": "hunter2", "action": "create", "detail": {"attributes": {"key": ["hunter2"]}}}
    reply = read(
        {
            "status": "Failed",
            "resources": [resource, "hunter2:CREATED"],
            "message": "hunter2",
            "error": "hunter2",
            "hint": "hunter2",
        },
        lambda text: text.replace("hunter2", "[secret]"),
    )
    assert "hunter2" not in repr(reply)


@given(JSON)
def test_anything_else_is_refused_in_one_way(value: Any) -> None:
    try:
        read(value)
    except msgspec.MsgspecError:
        assert not isinstance(value, dict) or not isinstance(value.get("status"), str)


@given(
    st.lists(
        st.builds(
            Resource,
            type=st.text(),
            name=st.text(),
            action=st.sampled_from(["create", "update", "replace", "delete", "same", ""]),
            detail=st.dictionaries(st.text(), st.text()),
        )
    )
)
def test_what_a_provider_wrote_is_what_is_read(resources: list[Resource | str]) -> None:
    line = msgspec.json.encode(LifecycleReply("Success", resources))
    assert list(read_reply(line, str).resources) == resources


def test_counts_are_of_what_changes_and_losses_of_what_says_so() -> None:
    resources = [Resource("q", "a", "create"), Resource("q", "b", "same"), Resource("q", "c", "delete")]
    resources.append(Resource("q", "d", "replace", {"data_loss": "12 messages"}))
    assert counts(resources) == {"create": 1, "update": 0, "replace": 1, "delete": 1}
    assert losses(resources) == ["12 messages"]
