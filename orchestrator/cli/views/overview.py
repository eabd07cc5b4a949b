"""All tasks of a project, for `ps` and `top`: those of its file, and those that were ever run in it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from orchestrator.cli.compose import STATE_FILE, state_folder
from orchestrator.pipeline.control import Controls
from orchestrator.pipeline.survey import survey
from orchestrator.state.lock import Locks
from orchestrator.state.sqlite import SqliteState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.cli.invocation import Invocation
    from orchestrator.pipeline.survey import TaskStatus


@contextlib.contextmanager
def overview(invocation: Invocation) -> Iterator[Callable[[], list[TaskStatus]]]:
    """What looks at all of them, each time that it is called. Raises as `survey` does."""
    project = invocation.project()
    folder = state_folder(project, invocation.settings())
    with contextlib.closing(SqliteState(folder / STATE_FILE)) as state:
        locks, controls = Locks(folder), Controls(folder)

        def look() -> list[TaskStatus]:
            gone = [task for task in state.tasks() if task not in project.tasks]
            return survey([*project.tasks, *gone], state=state, locks=locks, controls=controls)

        yield look
