"""What is written about the provider is current."""

from __future__ import annotations

from pathlib import Path

from dstream_sdk.description import describe
from mssql_cdc_provider.provider import MssqlCdc
from tests.described import assert_current

FOLDER = Path(__file__).parents[1]


def test_what_is_written_about_it_is_current() -> None:
    assert_current(MssqlCdc, FOLDER)


def test_it_announces_every_verb() -> None:
    expected = {"describe", "run", "check", "discover", "init", "plan", "status", "destroy"}
    assert set(describe(MssqlCdc).commands) == expected
