"""The owner's snippets load as they stand in the roadmap."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.hcl import parse
from orchestrator.config.source import Source
from orchestrator.errors import ConfigError
from tests.roadmap import EVOLUTION, OCI_VALIDATION, SCENARIO

from .conftest import Load, LoadTask


def test_oci_validation(load_task: LoadTask) -> None:
    task = load_task(OCI_VALIDATION)
    assert task.name == "oci-validation"
    assert (task.input.kind, task.input.reference) == ("image", "ghcr.io/katasec/counter-input-provider:v0.1.0")
    assert task.input.config == {"interval": 1000, "max_count": 5}
    assert (task.output.kind, task.output.reference) == ("image", "ghcr.io/katasec/console-output-provider:v0.1.0")
    assert task.output.config == {"outputFormat": "simple"}


def test_example_scenario(load_task: LoadTask, tmp_path: Path) -> None:
    task = load_task(SCENARIO, {"SQL_CONNECTION": 'Server=a;Password="p', "ASB_CONNECTION": "Endpoint=sb://b"})
    assert (task.input.kind, task.input.reference) == ("path", str(tmp_path / "mssql-cdc-provider"))
    assert task.input.config == {
        "connection_string": 'Server=a;Password="p',
        "tables": ["Persons", "Orders", "Customers"],
    }
    assert task.output.config == {"connection_string": "Endpoint=sb://b"}


def test_reference_evolution_parses_as_one_text() -> None:
    body = parse(Source("dstream.hcl", EVOLUTION, Path()))
    assert [(block.type, block.labels) for block in body.blocks] == [("task", ("mssql-to-asb",))] * 2


def test_each_phase_of_the_reference_evolution_is_a_file(load: Load, tmp_path: Path) -> None:
    before, after = EVOLUTION.split("\n\n")
    task = load(after).task("mssql-to-asb")
    assert task.input.reference == "ghcr.io/katasec/mssql-cdc-provider:v2.1.0"
    assert task.output.config == {}
    with pytest.raises(ConfigError, match=r"config\.missing_output: .* has no `output` block"):
        load(before).task("mssql-to-asb")


def test_both_phases_in_one_file_are_two_tasks_of_one_name(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"config\.duplicate_task") as caught:
        load(EVOLUTION)
    assert caught.value.where.line == 9
