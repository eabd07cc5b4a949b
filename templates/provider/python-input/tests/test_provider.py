"""The contract, the provider's own promises, and that what is written about it is current."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any, ClassVar

import pytest
from dstream_sdk import Checkpoint, Context, Envelope, ProviderError
from dstream_sdk.description import describe, label
from dstream_sdk.spec import with_table
from dstream_sdk.testing import ProviderContract

from my_provider import __version__
from my_provider.config import InputConfig
from my_provider.provider import MyProvider

FOLDER = Path(__file__).parents[1]


class TestContract(ProviderContract):
    command: ClassVar = [sys.executable, "-m", "my_provider"]
    role = "input"
    config: ClassVar = {"rows": 1000, "token": "not-for-the-logs"}


def read(state: Any = None, **config: Any) -> list[Envelope | Checkpoint]:
    context = Context(command="run", role="input", state=state)
    provider = MyProvider(InputConfig(**config))
    provider.open()
    return list(provider.read(context))


def test_a_checkpoint_follows_every_batch() -> None:
    items = read(rows=5, batch_rows=2)
    assert [item.state["id"] for item in items if isinstance(item, Checkpoint)] == [2, 4, 5]
    assert items[-1] == Checkpoint({"id": 5})


def test_a_resumed_run_goes_on_behind_the_checkpoint() -> None:
    rows = [item.data["id"] for item in read({"id": 3}, rows=5) if isinstance(item, Envelope)]
    assert rows == [4, 5]


@pytest.mark.parametrize("state", [{}, {"id": "3"}, [3], "3"])
def test_state_of_another_provider_is_refused(state: object) -> None:
    with pytest.raises(ProviderError, match="not this provider's"):
        read(state)


def test_what_is_written_about_it_is_current() -> None:
    """`python -m dstream_sdk.spec` writes both: see the README."""
    description = describe(MyProvider)
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert with_table(readme, description) == readme
    assert (FOLDER / "provider.json").read_bytes() == label(description) + b"\n"
    assert tomllib.loads((FOLDER / "pyproject.toml").read_text("utf-8"))["project"]["version"] == __version__
    assert f"## {__version__}" in (FOLDER / "CHANGELOG.md").read_text("utf-8")
    assert f'"my-provider:v{__version__}"' in (FOLDER / "dstream.hcl").read_text("utf-8")
