"""One question to a provider, and its one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dstream_sdk.protocol import CheckReply
from orchestrator.config.model import ProviderSpec
from orchestrator.errors import RunError, Where
from orchestrator.pipeline import ask as asking
from orchestrator.pipeline.provider import Prepared
from orchestrator.relay.channel import Halt
from orchestrator.runtime.base import PathProgram, Scope
from orchestrator.runtime.guard import Guard
from orchestrator.runtime.process import ProcessRuntime
from tests.unit.pipeline.conftest import PUPPET, READY_INPUT

ANSWER = '{"status":"Success"}'
Ask = Callable[[list[Any]], CheckReply]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Puts `check` to a puppet that shakes hands and performs these steps."""
    runtime = ProcessRuntime(Scope("project", "play", "run-1"), state_dir=tmp_path / "state", guard=Guard())

    def check(steps: list[Any]) -> CheckReply:
        config: dict[str, Any] = {"steps": [["say", READY_INPUT], *steps]}
        spec = ProviderSpec("input", "path", str(PUPPET), Where(), config=config, protocol=1)
        return asking.ask(
            Prepared(spec, PathProgram(str(PUPPET)), announced=True, description=None),
            runtime,
            "check",
            CheckReply,
            fields={},
            timeout=10,
            ready_timeout=10,
            halt=Halt(),
            log=lambda role, line: None,
        )

    yield check
    runtime.close()


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
