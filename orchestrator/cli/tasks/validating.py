"""What `dstream validate` does once its arguments are read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from orchestrator.cli.sources import registry_client, sources
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.failure import report_all
from orchestrator.cli.terminal.screen import Screen
from orchestrator.config.folders import cache_folder
from orchestrator.errors import EXIT_DONE, UnavailableError
from orchestrator.logs import LOGS
from orchestrator.pipeline.descriptions import Descriptions
from orchestrator.pipeline.validation import Validation, validate
from orchestrator.registry.content_cache import ContentCache

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.config.model import Project


def validate_and_show(
    invocation: Invocation, *, offline: bool, locked: bool, variables: Sequence[str], files: Sequence[Path]
) -> int:
    """The exit code: that of a wrong configuration where there is one, else that of a registry that fails."""
    settings = invocation.settings()
    project = invocation.project(variables, files)
    with contextlib.ExitStack() as opened:
        client = None if offline else opened.enter_context(registry_client(settings))
        content = ContentCache(cache_folder() / "content", client)
        found = Descriptions(
            opened.enter_context(sources(project, settings, locked=locked)), content, pull=settings.pull
        )
        validation = validate(project, found, LOGS.redactor.add)
    for error in validation.errors:
        if isinstance(error, UnavailableError):
            error.hint = f"{error.hint}; `--offline` checks the rest" if error.hint else "`--offline` checks the rest"
    report_all(validation.errors, invocation)
    _show(invocation, project, validation)
    return min((error.exit_code for error in validation.errors), default=EXIT_DONE)


def _show(invocation: Invocation, project: Project, validation: Validation) -> None:
    names, wrong = sorted(project.tasks), len(validation.errors)
    if invocation.json:
        unchecked = [{"provider": one.reference, "why": one.why} for one in validation.unchecked]
        event = {"event": "invalid" if wrong else "valid", "file": str(project.path), "tasks": names}
        emit(event | ({"errors": wrong} if wrong else {}) | {"unchecked": unchecked})
        return
    screen = Screen(invocation)
    if wrong:
        screen.note("")
    for one in validation.unchecked:
        screen.note(f"not checked: the config of `{one.reference}`: {one.why}")
    if wrong:
        screen.note(f"{project.path.name} is not valid: {wrong} error{'' if wrong == 1 else 's'}")
    elif not invocation.quiet:
        listed = f": {', '.join(f'`{name}`' for name in names)}" if names else ""
        print(f"{project.path.name} is valid: {len(names)} task{'' if len(names) == 1 else 's'}{listed}")
