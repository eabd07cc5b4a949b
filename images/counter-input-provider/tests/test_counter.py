"""The counter: the contract, its own promises, and that what is written about it is current."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from counter_input_provider.config import CounterConfig
from counter_input_provider.provider import Counter
from dstream_sdk import Checkpoint, Context, Envelope, ProviderError
from dstream_sdk.testing import ProviderContract
from tests.described import assert_current

FOLDER = Path(__file__).parents[1]


def count(state: Any = None, **config: Any) -> list[Envelope | Checkpoint]:
    context = Context(command="run", role="input", state=state)
    return list(Counter(CounterConfig(**config)).read(context))


class TestContract(ProviderContract):
    command: ClassVar = [sys.executable, "-m", "counter_input_provider"]
    env: ClassVar = {"PYTHONPATH": str(FOLDER)}
    role = "input"
    config: ClassVar = {"interval": 0, "max_count": 2500}

    def key(self, envelope: dict[str, Any]) -> object:
        return envelope["data"]["value"]


def test_record_has_the_shape_of_the_original() -> None:
    envelope = count(interval=0, max_count=1)[0]
    assert isinstance(envelope, Envelope)
    assert set(envelope.data) == {"value", "timestamp"}
    assert envelope.metadata == {"seq": 1, "source": "counter-input-provider", "interval_ms": 0}


@pytest.mark.parametrize("spelling", ["max_count", "maxCount", "MaxCount"])
def test_every_spelling_of_max_count_is_taken(spelling: str) -> None:
    assert CounterConfig.model_validate({spelling: 7}).max_count == 7


def test_checkpoint_follows_every_thousand_records_and_the_last() -> None:
    items = count(interval=0, max_count=2500)
    places = [place for place, item in enumerate(items) if isinstance(item, Checkpoint)]
    assert [items[place] for place in places] == [Checkpoint({"value": value}) for value in (1000, 2000, 2500)]
    assert places[-1] == len(items) - 1


def test_max_count_holds_over_resumed_runs() -> None:
    values = [item.data["value"] for item in count({"value": 3}, interval=0, max_count=5) if isinstance(item, Envelope)]
    assert values == [4, 5]
    assert count({"value": 5}, interval=0, max_count=5) == [Checkpoint({"value": 5})]


@pytest.mark.parametrize("state", [{}, {"value": "3"}, {"value": -1}, [3], "3"])
def test_state_of_another_provider_is_refused(state: object) -> None:
    with pytest.raises(ProviderError, match="not this counter's"):
        count(state, interval=0, max_count=5)


def test_what_is_written_about_it_is_current() -> None:
    assert_current(Counter, FOLDER)
