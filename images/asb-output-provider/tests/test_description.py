"""What is written about the provider is current."""

from __future__ import annotations

from pathlib import Path

from asb_output_provider.provider import AsbOutput
from dstream_sdk.description import describe
from tests.described import assert_current

FOLDER = Path(__file__).parents[1]


def test_what_is_written_about_it_is_current() -> None:
    assert_current(AsbOutput, FOLDER)


def test_it_announces_its_verbs() -> None:
    assert set(describe(AsbOutput).commands) == {"describe", "run", "check", "init", "plan", "status", "destroy"}
