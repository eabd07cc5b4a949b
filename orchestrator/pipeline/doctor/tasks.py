"""Does the file say what its tasks need?"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.config.model import Project
from orchestrator.errors import ConfigError
from orchestrator.pipeline.doctor.finding import Finding, of_error


def look_at_tasks(project: Project) -> Iterator[Finding]:
    """What is wrong in a task is a warning: a variable that is not set here may be where the task runs."""
    whole = 0
    for name in project.tasks:
        try:
            project.task(name)
        except ConfigError as error:
            yield from (of_error(each, "warning") for each in error.each())
        else:
            whole += 1
    yield Finding("ok", f"{whole} of {len(project.tasks)} tasks can be read", str(project.path))
