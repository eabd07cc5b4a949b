"""Each check of the contract suite passes a correct provider and fails one that breaks just its promise."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dstream_sdk.protocol import Role
from dstream_sdk.testing import Subject
from dstream_sdk.testing.suite import checks_for, prepare, run_check
from tests.fakes.contract.plain_input import PlainInput
from tests.fakes.contract.plain_output import PlainOutput

ROOT = Path(__file__).parents[2]

CAUGHT_BY = {
    "speaks_first": "shakes_hands_after_the_envelope",
    "describes_more": "description_matches_the_run",
    "announces_otherwise": "announces_what_it_describes",
    "documents_nothing": "describes_its_config",
    "vague_about_config": "bad_config_names_the_field",
    "runs_anything": "unknown_command_is_refused",
    "repeats_the_envelope": "unreadable_envelope_is_refused",
    "fails_with_status_0": "announced_commands_reply",
    "logs_its_config": "secrets_stay_out_of_the_logs",
    "prints_astray": "writes_nothing_but_the_protocol",
    "miscounts": "writes_nothing_but_the_protocol",
    "leaves_at_once": "ends_and_waits_for_its_answer",
    "starts_over": "resumes_from_a_checkpoint",
    "skips_on_resume": "resumes_from_a_checkpoint",
    "chokes_on_acks": "takes_acks",
    "dies_on_sigterm": "drains_on_sigterm",
    "drains_without_checkpoint": "drains_on_sigterm",
    "ignores_eof": "eof_cancels",
    "checkpoints_unasked": "serves_an_older_orchestrator",
    "acks_one_too_many": "acknowledges_in_order_and_ends",
    "acks_backwards": "acknowledges_in_order_and_ends",
    "acks_at_the_end": "acknowledges_while_idle",
    "acks_before_writing": "acknowledges_only_what_is_durable",
    "splits_text": "takes_every_character",
    "wants_short_lines": "takes_a_huge_line",
    "skips_bad_lines": "rejects_what_is_no_envelope",
    "writes_half_a_line": "discards_half_a_line",
    "drops_on_sigterm": "flushes_on_sigterm",
    "takes_eof_for_the_end": "exits_when_its_input_is_gone",
    "acks_unasked": "serves_an_older_orchestrator",
}


def subject_of(fake: str, folder: Path, **changes: Any) -> Subject:
    """A fake, ready for checks; an output writes to a file in `folder`."""
    source = (ROOT / "tests" / "fakes" / "contract" / f"{fake}.py").read_text("utf-8")
    role: Role = "output" if "PlainOutput" in source else "input"
    records = folder / "records"
    records.touch()
    return Subject(
        [sys.executable, "-m", f"tests.fakes.contract.{fake}"],
        {"path": str(records)} if role == "output" else {"token": "not-for-the-logs"},
        role,
        announcement=json.dumps((PlainInput() if role == "input" else PlainOutput()).description()),
        durable=(lambda: records.read_bytes().count(b"\n")) if role == "output" else None,
        env={"PYTHONPATH": str(ROOT)},
        **changes,
    )


@pytest.mark.parametrize("fake", ["plain_input", "plain_output"])
def test_correct_provider_keeps_every_promise(fake: str, tmp_path: Path) -> None:
    subject = prepare(subject_of(fake, tmp_path), None)
    results = [run_check(subject, check) for check in checks_for(subject.role).values()]
    assert [result for result in results if result.status == "failed"] == []


@pytest.mark.parametrize(("fake", "check"), CAUGHT_BY.items())
def test_check_catches_its_broken_provider(fake: str, check: str, tmp_path: Path) -> None:
    subject = subject_of(fake, tmp_path)
    if fake != "speaks_first":  # which spoils the answer to `describe` already
        subject = prepare(subject, subject.role)
    result = run_check(replace(subject, patience_s=3.0), checks_for(subject.role)[check])
    assert result.status == "failed", result
    assert result.message


def test_every_check_has_a_provider_that_it_catches() -> None:
    names = {*checks_for("input"), *checks_for("output")}
    assert names == set(CAUGHT_BY.values())


def test_every_broken_provider_is_caught() -> None:
    files = {
        path.stem
        for path in (ROOT / "tests" / "fakes" / "contract").glob("*.py")
        if "Broken(Plain" in path.read_text("utf-8")
    }
    assert files == set(CAUGHT_BY)
