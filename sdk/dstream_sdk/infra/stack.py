"""The one stack of a task, and what can be done with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pulumi import automation
from pulumi.automation import CommandError
from pulumi.automation.errors import ConcurrentUpdateError

from dstream_sdk.errors import ProviderError
from dstream_sdk.infra.changes import Changes, name_of, type_of
from dstream_sdk.infra.folder import Folder
from dstream_sdk.infra.outcome import Outcome
from dstream_sdk.protocol.messages import Resource

_LOCKED_BY = re.compile(r"created by .*@(?P<host>[^@]+) \(pid (?P<pid>\d+)\)")
_WRONG_PASSPHRASE = "incorrect passphrase"  # noqa: S105 - the engine's words, not one


class TaskStack:
    """Its methods block until the engine has ended, and raise `ProviderError` for what is in their way."""

    def __init__(self, stack: automation.Stack, folder: Folder, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._folder = folder
        self._say = say

    def preview(self) -> Outcome:
        """What `up` would do, against the far side as it is."""
        return self._operate(self._stack.preview)

    def up(self) -> Outcome:
        """Make it as the program declares."""
        return self._operate(self._stack.up)

    def preview_destroy(self) -> Outcome:
        """What `destroy` would do."""
        return self._operate(self._stack.preview_destroy)

    def destroy(self) -> Outcome:
        """Delete every resource of the stack."""
        return self._operate(self._stack.destroy)

    def remove(self) -> None:
        """Remove the stack, which holds no resources any more."""
        with translated():
            self._unlocking(lambda: self._stack.workspace.remove_stack(self._stack.name))

    def interrupted(self) -> list[Resource]:
        """What a killed engine had begun to create, and may have created."""
        pending = self._export()["deployment"].get("pending_operations") or []
        return [
            Resource(type=type_of(one["resource"]["type"]), name=name_of(one["resource"]["urn"]))
            for one in pending
            if one["type"] == "creating"
        ]

    def forget_interrupted(self) -> None:
        """Strike them out of the state: what became of them is known."""
        exported = self._export()
        exported["deployment"].pop("pending_operations", None)
        state = automation.Deployment(version=exported["version"], deployment=exported["deployment"])
        with translated():
            self._unlocking(lambda: self._stack.import_stack(state))

    def _export(self) -> dict[str, Any]:
        workspace = self._stack.workspace
        # Automation's own export decrypts the secrets, which nobody needs here.
        arguments = ["stack", "export", "--stack", self._stack.name]
        with translated():
            done = workspace.pulumi_command.run(arguments, workspace.work_dir, workspace.env_vars)
        exported: dict[str, Any] = json.loads(done.stdout)
        return exported

    def _operate(self, operation: Callable[..., Any]) -> Outcome:
        changes = Changes(self._say)
        try:
            self._unlocking(lambda: operation(refresh=True, on_event=changes.see, color="never"))
        except ConcurrentUpdateError as error:
            raise in_words(error) from error
        except CommandError as error:
            words = "; ".join(changes.errors) or in_words(error).message
            return Outcome(changes.resources(), changes.outputs, words)
        return Outcome(changes.resources(), changes.outputs)

    def _unlocking(self, operate: Callable[[], Any]) -> None:
        """Do it; once more where nothing stood in the way but the locks of engines that were killed here."""
        try:
            operate()
        except ConcurrentUpdateError as error:
            locks = _LOCKED_BY.findall(str(error))
            if not locks or not all(self._folder.was_killed(host, pid) for host, pid in locks):
                raise
            self._say("taking away the lock of an engine that was killed")
            self._stack.cancel()
            operate()


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the engine says as `ProviderError`."""
    try:
        yield
    except CommandError as error:
        raise in_words(error) from error


def in_words(error: CommandError) -> ProviderError:
    """What the engine said before it ended."""
    if isinstance(error, ConcurrentUpdateError):
        return ProviderError(
            "the stack is locked by another command, on this host or another",
            hint="wait for it; the lock of a machine that is gone is taken away by `pulumi cancel`",
        )
    said = str(error).partition("\n stderr: ")[2].strip()
    if _WRONG_PASSPHRASE in said:
        return ProviderError(
            "the passphrase does not fit the infrastructure's state",
            hint="give the one that it was made with as `passphrase`: without it the state cannot be used any more",
        )
    return ProviderError(f"Pulumi: {said.removeprefix('error: ')}" if said else "Pulumi's engine ended without a word")
