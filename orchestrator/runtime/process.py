"""Providers as local processes: `provider_path`, and what `provider_ref` unpacks to."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import DstreamError, UnavailableError
from orchestrator.runtime.base import Exit, Launch, Leftover, PathProgram, Scope
from orchestrator.runtime.executable import check_executable, not_executed
from orchestrator.runtime.journal import Entry, Journal
from orchestrator.runtime.pipes import PipeSink, PipeSource, open_pipe
from orchestrator.runtime.session import MARK, Session, started_at
from orchestrator.runtime.usage import process_usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.runtime.base import Usage
    from orchestrator.runtime.guard import Guard

_LAUNCHER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py")))
_LAUNCH_WITHIN = 30.0


class ProcessRuntime:
    """Runs executables of this host, each in a session of its own. See `Runtime`.

    A provider gets this process's environment and working directory. `state_dir` holds the journal
    by which the next command finds what this one left.
    """

    def __init__(self, scope: Scope, *, state_dir: Path, guard: Guard) -> None:
        self._scope = scope
        self._journal = Journal(state_dir)
        self._guard = guard

    def start(self, launch: Launch) -> RunningProcess:
        """See `Runtime.start`. The thread that calls takes the provider with it when it ends."""
        if not isinstance(launch.program, PathProgram):
            raise TypeError(f"a process runtime cannot run {launch.program!r}")
        path = launch.program.path
        check_executable(path)
        if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # inherited so, it would make every exit status vanish

        mark = f"{self._scope.run_id}.{launch.role}.{secrets.token_hex(6)}"
        environment = {**os.environ, **launch.env, MARK: mark}
        stdin, stdin_ours = open_pipe()
        stdout_ours, stdout = open_pipe()
        stderr_ours, stderr = open_pipe()
        ours = PipeSink(stdin_ours), PipeSource(stdout_ours), PipeSource(stderr_ours)
        channel, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(
                [*_LAUNCHER, str(theirs.fileno()), str(os.getpid()), path, *launch.args],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                cwd=launch.working_directory,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            for end in (*ours, channel):
                end.close()
            raise UnavailableError("runtime.start", f"cannot start a process: {error}") from error
        finally:
            theirs.close()
            for fd in (stdin, stdout, stderr):
                os.close(fd)

        # Known to exist: its exit status has not been collected, so not even a dead one's number is anybody else's.
        session = Session(process.pid, started_at(process.pid) or "", mark)
        entry = Entry(self._scope, session)
        running = RunningProcess(process, ours, entry, self._journal, self._guard)
        try:
            self._journal.write(entry)
            self._guard.watch_session(mark, session)
            _release(channel, path, environment)
        except DstreamError:
            running.dispose(_LAUNCH_WITHIN)
            raise
        finally:
            channel.close()
        return running

    def leftovers(self) -> Sequence[Leftover]:
        return [entry.leftover() for entry in self._journal.living() if entry.scope.project == self._scope.project]

    def remove(self, leftover: Leftover, deadline: float) -> None:
        for entry in self._journal.living():
            if entry.leftover() == leftover:
                _see_gone(entry, deadline)
                self._journal.forget(entry)

    def close(self) -> None:
        self._guard.close()


class RunningProcess:
    """One started process. See `RunningProvider`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        streams: tuple[PipeSink, PipeSource, PipeSource],
        entry: Entry,
        journal: Journal,
        guard: Guard,
    ) -> None:
        self.stdin, self.stdout, self.stderr = streams
        self._process = process
        self._entry = entry
        self._journal = journal
        self._guard = guard
        self._exit: Exit | None = None
        self._ended = threading.Event()
        self._reaping = threading.Lock()
        self._reaped = False
        self._waiter = threading.Thread(target=self._watch, name=f"wait {self.identity}", daemon=True)
        self._waiter.start()

    @property
    def identity(self) -> str:
        return self._entry.identity

    def wait(self, timeout: float | None = None) -> Exit | None:
        self._ended.wait(timeout)
        return self._exit

    def usage(self, timeout: float) -> Usage | None:  # noqa: ARG002  # the host answers at once
        return None if self._ended.is_set() else process_usage(self._entry.session.members())

    def terminate(self) -> None:
        with self._reaping:
            if not self._reaped:
                os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        with self._reaping:
            if not self._reaped:
                self._entry.session.kill()

    def dispose(self, deadline: float) -> None:
        end = time.monotonic() + deadline
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()
        if self._reaped:
            return
        _see_gone(self._entry, deadline)
        self._waiter.join(max(0.0, end - time.monotonic()))
        with self._reaping:
            self._process.wait()
            self._reaped = True
        self._journal.forget(self._entry)
        self._guard.release(self._entry.session.mark)

    def _watch(self) -> None:
        """Learn the exit, yet leave the zombie: while it is there, its number names nobody else's session."""
        if hasattr(os, "waitid"):
            result = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            if result is not None:  # only WNOHANG gives None
                exited = result.si_code == os.CLD_EXITED
                self._exit = Exit(result.si_status) if exited else Exit(None, result.si_status)
        else:  # macOS before Python 3.13
            status = self._process.wait()
            self._exit = Exit(status) if status >= 0 else Exit(None, -status)
        self._ended.set()


def _see_gone(entry: Entry, deadline: float) -> None:
    if not entry.session.kill_until_gone(deadline):
        raise UnavailableError(
            "runtime.leftover",
            f"process {entry.session.pid} of task `{entry.scope.task}` does not die",
            hint="a process that waits for a disk or a network file system ignores every signal until that answers",
        )


def _release(channel: socket.socket, path: str, environment: Mapping[str, str]) -> None:
    """Let the launcher become the program, and see that it did."""
    channel.settimeout(_LAUNCH_WITHIN)
    try:
        channel.sendall(b"\0".join(os.fsencode(f"{name}={value}") for name, value in environment.items()) + b"\0")
        channel.shutdown(socket.SHUT_WR)
        answer = channel.recv(16)
    except OSError as error:
        raise UnavailableError("runtime.start", f"the process for `{path}` did not start: {error}") from error
    if answer:
        raise not_executed(path, int(answer))
