"""Pulumi's engine as a process that can be stopped, and that leaves nothing running."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from dstream_sdk.errors import ProviderError
from dstream_sdk.infra.folder import Folder
from dstream_sdk.stop import Stop

GRACE_S = 20.0
"""For what the engine has begun when it is told to stop; less than what a provider is given."""

MINIMUM = (3, 206)
"""The oldest engine that tells its events as they are read here."""

PLUGINS_S = 10.0
"""For the plugins of a killed engine to be gone."""


class Engine(PulumiCommand):
    """Runs `pulumi` for Pulumi's Automation API.

    `environment` is all that it gets. It holds the folder's lock while it lives, even when this process is killed.
    A wish to stop reaches it as SIGINT: it ends what it has begun and writes its state. Raises `ProviderError` where
    there is no engine.
    """

    def __init__(self, folder: Folder, environment: Mapping[str, str], stop: Stop, say: Callable[[str], None]) -> None:
        command = shutil.which("pulumi", path=environment.get("PATH"))
        if command is None:
            raise ProviderError(
                "Pulumi's engine is missing",
                hint="`pulumi` must be on the provider's PATH; an image brings it along",
            )
        self.command = command
        self._folder = folder
        self._environment = environment
        self._stop = stop
        self._say = say
        self.version = VersionInfo(*MINIMUM)  # Automation may expect no more of it; an older one refuses its options

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> CommandResult:
        """Run to the end; raises Pulumi's `CommandError` for another status than 0. The callbacks are not called."""
        del on_output, on_error  # events say more
        leash, held = os.pipe()
        # Files and not pipes for what it says: an engine that survives this process must be able to finish.
        with os.fdopen(leash, "rb"), tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            with os.fdopen(held, "wb"):
                process = subprocess.Popen(
                    [self.command, "--non-interactive", *args],
                    cwd=cwd,
                    env={**self._environment, **additional_env},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    pass_fds=(self._folder.lock_fd, held),
                    process_group=0,  # a terminal's Ctrl-C comes through `stop`, and once
                )
            note = self._folder.note_engine(process.pid)
            status = self._wait(process)
            if status < 0:
                _kill_plugins(leash, held)
            else:
                note.unlink()
            result = CommandResult(stdout=_text(out), stderr=_text(err), code=status)
        if status != 0:
            raise create_command_error(result)
        return result

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        try:
            with os.fdopen(os.pidfd_open(process.pid), "rb") as ended:
                poll = select.poll()
                poll.register(ended, select.POLLIN)
                poll.register(self._stop.fileno(), select.POLLIN)
                poll.poll()
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                self._say("stopping once what is under way is done")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE_S)
        finally:
            if process.poll() is None:
                process.kill()
        return process.wait()


def _kill_plugins(leash: int, held: int) -> None:
    """End what a killed engine had started: whoever still holds the other end of the pipe `leash` as fd `held`.

    A plugin would live on, with the folder's lock in its hands.
    """
    pipe = Path(f"/proc/self/fd/{leash}").readlink()
    poll = select.poll()
    poll.register(leash, 0)
    deadline = time.monotonic() + PLUGINS_S
    while not poll.poll(50):  # hung up once nobody holds it
        if time.monotonic() > deadline:
            raise ProviderError("plugins of a killed Pulumi engine cannot be ended")
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # ended meanwhile, or another user's
                if (process / "fd" / str(held)).readlink() == pipe:
                    os.kill(int(process.name), signal.SIGKILL)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace").strip()
