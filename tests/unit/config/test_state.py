"""The `state` block."""

from __future__ import annotations

import pytest

from orchestrator.config.model import SharedState
from orchestrator.errors import ConfigError

from .conftest import Load

WHOLE = """
state "azure_blob" {
  connection_string = env("STATE")
  container         = "dstream-state"
  prefix            = "/production/shop/"
  term              = "15s"
}
"""
STATE = 'state "azure_blob" {\nconnection_string = "c"\ncontainer = "abc"\n%s\n}\n'


def test_state_is_shared_where_a_block_says_so(load: Load) -> None:
    state = load(WHOLE, {"STATE": "AccountName=a"}).state()
    assert state is not None
    assert state == SharedState("AccountName=a", "dstream-state", state.where, "production/shop", 15.0)
    assert state.where.line == 2
    assert "AccountName" not in repr(state)


def test_what_is_not_said_has_a_default_and_without_the_block_state_stays_on_the_host(load: Load) -> None:
    state = load(STATE % "").state()
    assert state is not None
    assert (state.prefix, state.term) == ("", 30.0)
    assert load("").state() is None


def test_its_secrets_are_not_needed_until_the_state_is(load: Load) -> None:
    project = load(WHOLE)
    with pytest.raises(ConfigError, match="STATE") as refused:
        project.state()
    assert refused.value.where.line == 3


@pytest.mark.parametrize(
    ("code", "text", "line"),
    [
        ("config.syntax", "state {\n}\n", 1),
        ("config.syntax", 'state "azure_blob" "two" {\n}\n', 1),
        ("config.type", 'state "s3" {\n}\n', 1),
        ("config.duplicate", STATE % "" + STATE % "", 6),
        ("config.missing", 'state "azure_blob" {\ncontainer = "abc"\n}\n', 1),
        ("config.missing", 'state "azure_blob" {\nconnection_string = "c"\n}\n', 1),
        ("config.type", 'state "azure_blob" {\nconnection_string = "c"\ncontainer = "ab"\n}\n', 3),
        ("config.type", 'state "azure_blob" {\nconnection_string = "c"\ncontainer = "a--b"\n}\n', 3),
        ("config.type", STATE % 'prefix = "a//b"', 4),
        ("config.type", STATE % 'prefix = "../b"', 4),
        ("config.type", STATE % 'term = "14s"', 4),
        ("config.type", STATE % 'term = "61s"', 4),
        ("config.unknown_attribute", STATE % 'lease = "30s"', 4),
    ],
)
def test_what_is_wrong_in_it_is_refused_where_it_stands(load: Load, code: str, text: str, line: int) -> None:
    with pytest.raises(ConfigError, match=code) as refused:
        load(text).state()
    assert refused.value.where.line == line
