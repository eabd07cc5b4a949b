"""Loading from text. The parser runs in this process, where it is warm; `test_load.py` runs it as commands do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from orchestrator.config.hcl import parse
from orchestrator.config.load import load_project
from orchestrator.config.model import JSON, Project, Task
from orchestrator.config.source import Source
from orchestrator.config.syntax import Body
from orchestrator.errors import ConfigError

TASK = """task "t" {{
  input {{
    provider_image = "in:1"
    config = {config}
  }}
  output {{
    provider_image = "out:1"
  }}
}}
"""


def parse_here(sources: Sequence[Source]) -> list[Body]:
    return [parse(source) for source in sources]


class Load(Protocol):
    def __call__(self, text: str, environ: Mapping[str, str] = ..., **options: Any) -> Project: ...


class LoadTask(Protocol):
    def __call__(self, text: str, environ: Mapping[str, str] = ..., **options: Any) -> Task: ...


class Evaluate(Protocol):
    def __call__(
        self, expression: str, environ: Mapping[str, str] = ..., before: str = ..., **options: Any
    ) -> JSON: ...


class Fails(Protocol):
    def __call__(self, code: str, text: str, environ: Mapping[str, str] = ..., **options: Any) -> ConfigError: ...


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a file with this text."""

    def load(text: str, environ: Mapping[str, str] = {}, **options: Any) -> Project:
        path = tmp_path / "dstream.hcl"
        path.write_text(text, encoding="utf-8", newline="")
        return load_project(path, environ=environ, parse=parse_here, **options)

    return load


@pytest.fixture
def load_task(load: Load) -> LoadTask:
    """The only task of a file with this text."""

    def load_task(text: str, environ: Mapping[str, str] = {}, **options: Any) -> Task:
        (task,) = load(text, environ, **options).tasks.values()
        return task

    return load_task


@pytest.fixture
def evaluate(load_task: LoadTask) -> Evaluate:
    """What an expression gives as the value of `config.x`; `before` is text in front of the task."""

    def evaluate(expression: str, environ: Mapping[str, str] = {}, before: str = "", **options: Any) -> JSON:
        text = before + TASK.format(config=f"{{ x = {expression}\n}}")
        return load_task(text, environ, **options).input.config["x"]

    return evaluate


@pytest.fixture
def fails(load: Load) -> Fails:
    """The error, of this code and with a place, that loading the text and taking its tasks raises."""

    def fails(code: str, text: str, environ: Mapping[str, str] = {}, **options: Any) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            list(load(text, environ, **options).tasks.values())
        error = caught.value
        assert error.code == code, str(error)
        assert "\n" not in error.message
        assert error.where.file is not None
        return error

    return fails


@pytest.fixture
def bad(fails: Fails) -> Fails:
    """The error that an expression raises as the value of `config.x`, on line 4 of the file."""

    def bad(code: str, text: str, environ: Mapping[str, str] = {}, **options: Any) -> ConfigError:
        error = fails(code, TASK.format(config=f"{{ x = {text}\n}}"), environ, **options)
        assert error.where.line is not None
        return error

    return bad
