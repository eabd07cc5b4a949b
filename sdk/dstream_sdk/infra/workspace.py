"""Pulumi, set up for the stack of one task."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pulumi.automation import LocalWorkspace, ProjectBackend, ProjectSettings, Stack
from pulumi.automation.errors import StackNotFoundError

from dstream_sdk.errors import ProviderError
from dstream_sdk.infra.engine import Engine
from dstream_sdk.infra.folder import Folder
from dstream_sdk.infra.settings import PulumiSettings
from dstream_sdk.infra.stack import TaskStack, translated
from dstream_sdk.stop import Stop


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose stack it is: `name` in the Pulumi project `project`."""

    project: str
    name: str


def identity(provider: str, task: str, *, role: str = "") -> Identity:
    """That of the task's stack; `role` for a provider that may be both in one task.

    Pulumi takes letters, digits, `-`, `_` and `.` in a name: a task of another one gets a short hash behind what
    is left of it.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", task)[:80]
    if name != task or not name:
        name = f"{name}-{hashlib.sha256(task.encode()).hexdigest()[:12]}"
    return Identity("-".join(filter(None, ("dstream", provider, role))), name)


class TaskWorkspace:
    """`with TaskWorkspace(...) as workspace`: the folder's lock is held, the engine is found.

    `environment` is what engine and plugins get besides this process's own; `say` takes lines for the user.
    """

    def __init__(
        self,
        identity: Identity,
        program: Callable[[], None],
        *,
        folder: Folder,
        settings: PulumiSettings,
        environment: Mapping[str, str],
        stop: Stop,
        say: Callable[[str], None],
    ) -> None:
        self._identity = identity
        self._program = program
        self._folder = folder
        self._settings = settings
        self._environment = environment
        self._stop = stop
        self._say = say

    def __enter__(self) -> Self:
        self._folder.__enter__()
        if not self._settings.backend:
            self._folder.drop_locks()
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.__exit__()

    def existing(self) -> TaskStack | None:
        """The task's stack; None where there is none."""
        if not self._settings.backend and not self._folder.has_state:
            return None
        workspace = self._workspace(self._folder.home, self._backend, self._passphrase())
        try:
            with translated():
                return self._opened(Stack.select(self._identity.name, workspace))
        except ProviderError as error:
            if isinstance(error.__cause__, StackNotFoundError):
                return None
            raise

    def create(self) -> TaskStack:
        """Make the task's stack, which is not there."""
        workspace = self._workspace(self._folder.home, self._backend, self._passphrase())
        with translated():
            return self._opened(Stack.create(self._identity.name, workspace))

    def blank(self) -> TaskStack:
        """A stack of nothing, forgotten afterwards: what a first `init` would do is seen without a trace."""
        home, state = self._folder.scratch / "project", self._folder.scratch / "state"
        home.mkdir()
        state.mkdir()
        workspace = self._workspace(home, state.as_uri(), secrets.token_urlsafe())
        with translated():
            return self._opened(Stack.create(self._identity.name, workspace))

    def clear(self) -> None:
        """Remove what is kept on disk, after the stack was removed."""
        self._folder.clear()

    @property
    def _backend(self) -> str:
        return self._settings.backend or self._folder.backend

    def _passphrase(self) -> str:
        if self._settings.passphrase is not None:
            return self._settings.passphrase.get_secret_value()
        if not self._settings.backend:
            return self._folder.passphrase()
        if self._settings.backend.startswith("https://"):
            return ""  # a Pulumi Cloud encrypts by itself
        raise ProviderError(
            f"the infrastructure's state in {self._settings.backend} needs a `passphrase`",
            hint="give one from a secret: whoever works on this task needs the same",
        )

    def _opened(self, stack: Stack) -> TaskStack:
        return TaskStack(stack, self._folder, self._say)

    def _workspace(self, home: Path, backend: str, passphrase: str) -> LocalWorkspace:
        surroundings = {
            "HOME": str(self._folder.scratch),
            "PULUMI_HOME": str(self._folder.scratch),
            "USER": "dstream",  # the engine signs its locks; a container's user may have no name
            **os.environ,
            "PULUMI_CONFIG_PASSPHRASE": passphrase,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),  # dynamic providers are the author's modules
            **self._environment,
        }
        return LocalWorkspace(
            work_dir=str(home),
            program=self._program,
            secrets_provider="passphrase" if passphrase else None,
            project_settings=ProjectSettings(
                name=self._identity.project, runtime="python", backend=ProjectBackend(backend)
            ),
            pulumi_command=Engine(self._folder, surroundings, self._stop, self._say),
        )
