"""docs/cli.md says what the command does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer.main

from orchestrator import errors
from orchestrator.cli.main import app
from orchestrator.cli.manual import manual
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def commands(command: Any) -> Iterator[Any]:
    yield command
    for child in getattr(command, "commands", {}).values():
        yield from commands(child)


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == manual(), "run ./scripts/docs"


def test_every_command_and_every_option_has_help() -> None:
    for command in commands(typer.main.get_command(app)):
        assert command.help
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{command.name} {parameter.name}"


def test_the_page_has_every_exit_code_and_every_setting() -> None:
    page = PAGE.read_text()
    for name in dir(errors):
        if name.startswith("EXIT_"):
            assert f"| {getattr(errors, name)} |" in page
    for name in Settings.model_fields:
        assert f"| `{name}` |" in page


def test_no_list_of_commands_breaks_off_in_a_terminal_of_80_columns() -> None:
    for command in commands(typer.main.get_command(app)):
        for name, child in getattr(command, "commands", {}).items():
            room = 80 - 2 - 6 - max(map(len, command.commands))  # as the list of commands has it
            assert not child.get_short_help_str(room).endswith("..."), name
