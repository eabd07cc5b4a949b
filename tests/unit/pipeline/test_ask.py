"""One question to a provider, and its one answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dstream_sdk.protocol import CheckReply
from orchestrator.config.model import ProviderSpec
from orchestrator.errors import RunError, Where
from orchestrator.pipeline import ask as asking
from orchestrator.pipeline.lifecycle.command import Patience, command
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.provider import Prepared
from orchestrator.runtime.base import PathProgram, Scope
from orchestrator.runtime.guard import Guard
from orchestrator.runtime.process import ProcessRuntime
from tests.unit.pipeline.conftest import PUPPET, READY_INPUT

ANSWER = '{"status":"Success"}'
Ask = Callable[[list[Any]], CheckReply]


def puppet(steps: list[Any]) -> Prepared:
    """One that shakes hands and performs these steps."""
    config: dict[str, Any] = {"steps": [["say", READY_INPUT], *steps]}
    spec = ProviderSpec("input", "path", str(PUPPET), Where(), config=config, protocol=1)
    return Prepared(spec, PathProgram(str(PUPPET)), announced=True, description=None)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[ProcessRuntime]:
    with contextlib.closing(
        ProcessRuntime(Scope("project", "play", "run-1"), state_dir=tmp_path / "state", guard=Guard())
    ) as made:
        yield made


@pytest.fixture
def ask(runtime: ProcessRuntime) -> Ask:
    """Puts `check` to a puppet that performs these steps."""

    def check(steps: list[Any]) -> CheckReply:
        return asking.ask(
            puppet(steps),
            runtime,
            "check",
            CheckReply,
            fields={},
            timeout=60,
            ready_timeout=60,
            control=RunControl(),
            log=lambda role, line: None,
        )

    return check


def test_a_provider_that_has_answered_may_come_to_its_own_end(ask: Ask, tmp_path: Path) -> None:
    tidied = tmp_path / "tidied"
    assert ask([["say", ANSWER], ["sleep", Decimal("0.3")], ["once", str(tidied), []]]).status == "Success"
    assert tidied.exists()


def test_one_that_stays_after_its_answer_is_seen_gone(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "EXIT_S", 0.2)
    late = tmp_path / "late"
    assert ask([["say", ANSWER], ["eof"], ["sleep", 60], ["once", str(late), []]]).status == "Success"
    assert not late.exists()


def test_an_answer_without_end_is_not_collected_for_ever(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LINE_LIMIT", 1024 * 1024)
    with pytest.raises(RunError) as refused:
        ask([["say_raw", "x" * 3_000_000], ["sleep", 60]])
    assert refused.value.code == "provider.answer"


def test_no_question_leaves_a_descriptor_open(ask: Ask, runtime: ProcessRuntime) -> None:
    def order(steps: list[Any]) -> None:
        command(
            puppet(steps),
            runtime,
            "plan",
            fields={},
            patience=Patience(10, 10, 10),
            control=RunControl(),
            on_cut=lambda: None,
            log=lambda role, line: None,
            redact=str,
        )

    ask([["say", ANSWER]])  # the first one starts the guard
    before = _descriptors()
    ask([["say", ANSWER]])
    order([["say", ANSWER]])
    for question in (ask, order):
        with pytest.raises(RunError):
            question([["exit", 1]])
    assert _descriptors() == before


def _descriptors() -> list[str]:
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())
