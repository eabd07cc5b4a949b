"""How `--metrics` is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import EXIT_CONFIG, ConfigError
from orchestrator.metrics.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9464", Address("127.0.0.1", 9464)),
        ("0", Address("127.0.0.1", 0)),
        ("0.0.0.0:9464", Address("0.0.0.0", 9464)),
        ("metrics.internal:80", Address("metrics.internal", 80)),
        ("[::1]:9464", Address("::1", 9464)),
    ],
)
def test_an_address_is_a_port_with_or_without_a_host(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["", ":9464", "::1:9464", "host", "host:", "1:2:3", "70000", "-1", "a b:1", "9464\n"])
def test_anything_else_is_refused_with_both_forms_in_the_hint(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_address(text)
    assert refused.value.exit_code == EXIT_CONFIG
    assert "0.0.0.0:9464" in str(refused.value.hint)


@given(st.text(max_size=30))
def test_no_text_is_read_as_anything_but_an_address(text: str) -> None:
    try:
        address = parse_address(text)
    except ConfigError:
        return
    assert 0 <= address.port <= 65535
    assert parse_address(str(address)) == address


def test_the_next_task_gets_the_next_port_while_there_is_one() -> None:
    assert Address("::", 9464).following(2) == Address("::", 9466)
    assert Address("::", 0).following(2) == Address("::", 0)
    with pytest.raises(ConfigError, match="leaves no port for 3 tasks"):
        Address("::", 65534).following(2)
