"""What a provider reads of its run."""

from __future__ import annotations

import pytest

from dstream_sdk import Context
from dstream_sdk.protocol import CommandOptions


@pytest.mark.parametrize(
    ("options", "known"),
    [
        ({}, CommandOptions()),
        ({"project": "shop", "destroy": True}, CommandOptions(project="shop", destroy=True)),
        ({"of a later version": 1, "position_keys": ["lsn"]}, CommandOptions(position_keys=["lsn"])),
    ],
)
def test_the_known_options_are_read_and_others_ignored(options: dict[str, object], known: CommandOptions) -> None:
    assert Context("plan", "output", options=options).command_options == known
