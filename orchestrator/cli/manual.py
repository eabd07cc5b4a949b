"""docs/cli.md, made from the commands themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer.main

from orchestrator.cli.main import app
from orchestrator.errors import (
    EXIT_CHANGES,
    EXIT_CONFIG,
    EXIT_DONE,
    EXIT_ENVIRONMENT,
    EXIT_FAILED,
    EXIT_FORCED_INT,
    EXIT_FORCED_TERM,
)
from orchestrator.settings import settings_file, settings_table

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 100

_EXIT_CODES = (
    (EXIT_DONE, "done; also a run that one signal, `--timeout` or `--max-records` drained"),
    (EXIT_FAILED, "the run, a provider or a check failed"),
    (EXIT_CHANGES, "only ever `plan --detailed-exitcode`: there are changes"),
    (EXIT_CONFIG, "the configuration, the command line or the settings are wrong, or a saved plan is stale"),
    (EXIT_ENVIRONMENT, "the environment is: no engine, no registry, no place for state"),
    (EXIT_FORCED_INT, "a second signal ended it at once, Ctrl-C"),
    (EXIT_FORCED_TERM, "a second signal ended it at once, SIGTERM"),
)

_INTRODUCTION = """\
# The command `dstream`

<!-- Written by `./scripts/docs` from the code. -->

What an output prints goes to stdout, everything else to stderr, so that a run can stand in a pipe.
With `--json` stdout has one JSON object per line instead, each with its kind under `event`.
Global options may stand before the verb or after it.
"""


def manual() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, "## Exit codes\n", _exit_codes(), "## Settings\n", _settings()]
    for path, command in _commands("dstream", typer.main.get_command(app)):
        parts += [f"## `{path}`\n", f"```text\n{_help(path, command)}\n```\n"]
    return "\n".join(parts)


def _exit_codes() -> str:
    lines = ["| Code | Meaning |", "|---|---|"]
    return "\n".join(lines + [f"| {code} | {meaning} |" for code, meaning in _EXIT_CODES]) + "\n"


def _settings() -> str:
    file = f"$XDG_CONFIG_HOME/{settings_file().parent.name}/{settings_file().name}"
    order = f"A flag goes before its environment variable, that before the user's `{file}`, that before the default."
    return f"{order}\n\n{settings_table()}"


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command below `command`, itself included, in the order of the help."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        if child.hidden:
            continue
        yield from _commands(f"{path} {name}", child)


def _help(path: str, command: Any) -> str:
    help_names = ["-h", "--help"]
    context = command.make_context(
        path, [], resilient_parsing=True, terminal_width=_WIDTH, help_option_names=help_names
    )
    return "\n".join(line.rstrip() for line in context.get_help().splitlines())
