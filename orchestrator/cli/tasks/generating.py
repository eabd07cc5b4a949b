"""What `dstream generate` does once its arguments are read."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from orchestrator.cli.terminal import words
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.screen import Screen
from orchestrator.config import load_project
from orchestrator.config.environment import needs
from orchestrator.config.parsing import parse_all
from orchestrator.errors import ConfigError, UnavailableError, Where
from orchestrator.metrics.address import parse_address
from orchestrator.systemd.unit import UnitTask, unit_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.config.source import Source
    from orchestrator.config.syntax import Body


def generate_unit(
    invocation: Invocation, name: str, out: Path | None, *, for_user: bool, credentials: bool, metrics: str | None
) -> None:
    """Write the unit of one task. None of its variables needs to be set.

    Raises `ConfigError`, and `UnavailableError` (`generate.unwritable`) where `out` cannot be written.
    """
    trees: list[Body] = []

    def parse(sources: Sequence[Source]) -> list[Body]:
        trees.extend(parse_all(sources))
        return trees

    screen = Screen(invocation)
    settings = invocation.settings()
    project = load_project(invocation.config, environ={}, parse=parse)
    project.require(name)
    address = ["--metrics", str(parse_address(metrics))] if metrics is not None else []
    folder = project.path.parent
    elsewhere = [folder / settings.state_dir]
    try:
        letters = project.dead_letter_path(name)
        elsewhere += [letters.parent] if letters is not None else []
    except ConfigError as error:
        said = f"add the folder of `dead_letter`'s `path` to `ReadWritePaths`; here it is not known: {error.message}"
        screen.note(words.warning(said, color=screen.color))
    task = UnitTask(
        name=name,
        command=[_program(), "--config", str(project.path), "run", name, *address],
        folder=folder,
        writable=[folder, *(path for path in map(_straight, elsewhere) if not path.is_relative_to(folder))],
        needs=needs(trees[0], name),
        grace=settings.grace,
        containers=any(use.task == name and use.kind == "image" for use in project.uses()),
        credentials=credentials,
        for_user=for_user,
        account=None if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name,
    )
    text = unit_text(task)
    if out is None:
        if invocation.json:
            emit({"event": "unit", "task": name, "text": text})
        else:
            typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        where = Where(file=str(out))
        raise UnavailableError(
            "generate.unwritable", f"cannot write the unit: {error.strerror}", where=where
        ) from error
    screen.note(f"{out} written; `systemd-analyze verify {out}` checks it")


def _straight(path: Path) -> Path:
    """Without `..`, which would look as if it were in the folder."""
    return Path(os.path.normpath(path))


def _program() -> str:
    """This command, by a path that stays: systemd looks nothing up."""
    beside = Path(sys.executable).with_name("dstream")
    return str(beside if beside.exists() else Path(sys.argv[0]).absolute())
