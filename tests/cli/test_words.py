"""Errors, figures and durations as people read them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli.invocation import hoisted
from orchestrator.cli.runs.meter import live_line
from orchestrator.cli.runs.watching import summary_lines
from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.events import json_text
from orchestrator.errors import ConfigError, RunError, Where
from orchestrator.pipeline.observe import Progress, RunSummary
from orchestrator.relay.counters import Counts


def test_an_error_has_place_line_caret_and_after_a_blank_line_the_hint() -> None:
    where = Where(file="dstream.hcl", line=12, column=5, text="    provider_imag = 1")
    error = ConfigError("config.unknown_attribute", "no `provider_imag` here", hint="did you mean `x`?", where=where)
    assert words.render_error(error) == (
        "error[config.unknown_attribute]: no `provider_imag` here\n"
        "  --> dstream.hcl:12:5\n"
        "    |\n"
        " 12 |     provider_imag = 1\n"
        "    |     ^\n"
        "\n"
        "hint: did you mean `x`?"
    )


def test_an_error_of_a_provider_has_image_and_last_words() -> None:
    where = Where(provider="mssql-cdc", image="ghcr.io/a/b:v1 (sha256:1)", last_words=("connecting", "login failed"))
    assert words.render_error(RunError("provider.died", "input `mssql-cdc` exited 1", where=where)) == (
        "error[provider.died]: input `mssql-cdc` exited 1\n"
        "  provider: mssql-cdc\n"
        "  image: ghcr.io/a/b:v1 (sha256:1)\n"
        "  its last words:\n"
        "  | connecting\n"
        "  | login failed"
    )


@given(st.text(), st.text(), st.text())
def test_nothing_that_a_provider_says_can_move_the_cursor(message: str, text: str, word: str) -> None:
    where = Where(file="f", line=1, column=1, text=text, last_words=(word,), provider=word, image=word)
    shown = words.render_error(RunError("x.y", message, hint=text, where=where))
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert "\x9b" not in shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (65, "1 m 05 s"), (3600, "1 h 00 m"), (7380, "2 h 03 m")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(("number", "shown"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_000_000, "2.0 MB")])
def test_sizes(number: int, shown: str) -> None:
    assert words.size(number) == shown


def test_the_live_line_counts_since_its_last_look() -> None:
    before = Progress("running", 1000, 900, 0, 100, 50_000, 1.0)
    now = Progress("running", 3000, 2500, 0, 500, 2_050_000, 2.0)
    assert live_line(before, now) == ("running  3,000 records  2,000/s  2.0 MB/s  acknowledged 2,500  in flight 500")
    assert "acknowledged unknown  in flight unknown" in live_line(now, Progress("running", 9, None, 0, None, 9, 3.0))


def test_a_summary_says_equal_what_is_equal_and_unknown_what_nobody_counted() -> None:
    good = RunSummary("t", "r", "at-least-once", "ended", Counts(5, 5, 4, 1, 0, 1000), 2.0, 7, 1)
    assert summary_lines(good) == [
        "t ended after 2.0 s: 5 emitted = 5 relayed = 5 acknowledged",
        "  1 record rejected and kept as a dead letter: `dstream dead-letters list t`",
        "  1.0 kB, 500 B/s, at-least-once",
        "  resumed from checkpoint 7",
        "  1 restart",
    ]
    legacy = RunSummary("t", "r", "best-effort", "drained", Counts(None, 5, None, 0, None, 1000), 2.0, None)
    assert summary_lines(legacy)[0] == "t drained after 2.0 s: unknown emitted, 5 relayed, unknown acknowledged"


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (["run", "t", "-c", "x"], ["-c", "x", "run", "t"]),
        (["run", "--config=x", "t", "--quiet"], ["--config=x", "--quiet", "run", "t"]),
        (["run", "t", "--", "-c", "x"], ["run", "t", "--", "-c", "x"]),
        (["run", "t", "--var", "a=b", "--debug"], ["--debug", "run", "t", "--var", "a=b"]),
        (["run", "-c"], ["-c", "run"]),
    ],
)
def test_global_options_are_taken_wherever_they_stand(arguments: list[str], result: list[str]) -> None:
    assert hoisted(arguments) == result


def test_json_moves_no_cursor_and_reads_back_as_it_was() -> None:
    value = {"text": "\x1b[2J \x9b2J \x7f é"}
    shown = json_text(value)
    assert not set(shown) & {"\x1b", "\x9b", "\x7f"}
    assert "é" in shown
    assert json.loads(shown) == value
