"""The global options of one command line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

    from orchestrator.config.model import Project
    from orchestrator.settings import Settings

DEFAULT_FILE = Path("dstream.hcl")

_WITH_VALUE = frozenset({"-c", "--config", "-l", "--log-level", "-f", "--log-format", "--engine-host"})
_OF_VERBS = {"logs": frozenset({"-f"})}
"""What a verb takes for something else: `dstream logs -f` follows."""

_FLAGS = frozenset({"-q", "--quiet", "--json", "--no-color", "--debug"})


@dataclass
class Invocation:
    """What stands before or after the verb. None means: not said, so the settings decide."""

    config: Path = DEFAULT_FILE
    log_level: str | None = None
    log_format: str | None = None
    engine_host: str | None = None
    quiet: bool = False
    json: bool = False
    no_color: bool = False
    debug: bool = False

    def color(self, stream: TextIO) -> bool:
        """Whether to colour what goes to `stream`: only a terminal, and only if nobody minds."""
        minds = self.no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return not minds and not self.json and stream.isatty()

    def project(self, variables: Sequence[str] = (), files: Sequence[Path | str] = ()) -> Project:
        """Read dstream.hcl. `variables` are `name=value`. Raises `ConfigError`."""
        from orchestrator.cli.terminal.values import assignments
        from orchestrator.config import load_project

        return load_project(self.config, variables=assignments(variables), var_files=tuple(files))

    def settings(self) -> Settings:
        """Flags over `DSTREAM_*` over the user's file over defaults; logging is set up by them.

        Raises `ConfigError`.
        """
        from orchestrator.logs import LOGS
        from orchestrator.settings import load_settings

        settings = load_settings(engine_host=self.engine_host, log_level=self.log_level, log_format=self.log_format)
        LOGS.configure(level=settings.log_level, format=settings.log_format, redactor=LOGS.redactor)
        return settings


def invocation_of(context: typer.Context) -> Invocation:
    """The one that `main` made."""
    return cast(Invocation, context.find_root().obj)


def hoisted(arguments: Sequence[str]) -> list[str]:
    """`arguments` with the global options first, wherever they stood before a `--`.

    `dstream run orders -c other.hcl` is as good as `dstream -c other.hcl run orders`, unless the verb has such an
    option itself.
    """
    first: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            rest += [argument, *waiting]
            break
        name, equals, _ = argument.partition("=")
        if rest and argument in _OF_VERBS.get(rest[0], ()):
            rest.append(argument)
        elif argument in _FLAGS or (name in _WITH_VALUE and equals and name.startswith("--")):
            first.append(argument)
        elif argument in _WITH_VALUE:
            first += [argument, *waiting[:1]]
            del waiting[:1]
        else:
            rest.append(argument)
    return first + rest
