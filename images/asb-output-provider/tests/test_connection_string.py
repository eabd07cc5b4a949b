from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asb_output_provider.connection_string import Namespace, parse

KEY = "SharedAccessKeyName=dstream;SharedAccessKey=c2VjcmV0cy5hcmUubm90LnNob3du="


def test_a_namespace_is_known_by_its_host() -> None:
    found = parse(f"Endpoint=sb://shop.servicebus.windows.net/;{KEY}")
    assert found == Namespace("shop.servicebus.windows.net")
    assert found.name == "shop"


def test_an_emulators_port_counts_and_no_other() -> None:
    assert parse(f"Endpoint=sb://localhost:5700;{KEY};UseDevelopmentEmulator=true") == Namespace(
        "localhost", 5700, True
    )
    assert parse(f"Endpoint=sb://localhost:5700;{KEY}") == Namespace("localhost")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no `Endpoint"),
        ("nonsense", "its parts are"),
        (f"Endpoint=https://shop;{KEY}", "no `Endpoint"),
        (f"Endpoint=sb://shop;{KEY};EntityPath=orders", "single queue"),
        ("Endpoint=sb://shop;SharedAccessKeyName=dstream", "has neither"),
        (f"Endpoint=sb://shop:port;{KEY}", "no number"),
    ],
)
def test_what_is_no_connection_string_is_said_to_be_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


@given(st.text())
def test_no_part_of_it_is_ever_shown(text: str) -> None:
    with pytest.raises(ValueError, match="Endpoint") as caught:
        parse(f"Key=s3cr3t{text.replace(';', '')};Endpoint=https://s3cr3t")
    assert "s3cr3t" not in str(caught.value)
