"""A project whose runs are killed: its dstream.hcl, its files, and everything that its runs ever started."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.state.sqlite import SqliteState
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orchestrator.runtime.base import Role
    from tests.faults.places import Place

TASK = "orders"
MARK = "FAULTS_PROJECT"
"""The environment variable by which every process of a project is known: providers and guards inherit it."""

DSTREAM = Path(sys.executable).with_name("dstream")
ENDS_WITHIN = 100.0
GONE_WITHIN = 60.0


@dataclass(frozen=True)
class Done:
    """A command that has ended, and what it said on stderr."""

    status: int
    stderr: str

    @property
    def errors(self) -> list[str]:
        """The codes of the errors that it reported."""
        return re.findall(r"^error\[([a-z_.]+)\]", self.stderr, re.MULTILINE)

    @property
    def summary(self) -> str:
        """The line with the figures."""
        found = re.search(r"^.* relayed .*$", self.stderr, re.MULTILINE)
        return found[0] if found else ""

    def __str__(self) -> str:
        return f"exit {self.status}, stderr:\n{self.stderr}"


class Run:
    """One `dstream run` under way."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self.process = process
        self._errors = errors

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def stderr(self) -> str:
        return self._errors.read_text()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, deadline: float = ENDS_WITHIN) -> Done:
        try:
            self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the run did not end within {deadline:g} s; it said:\n{self.stderr}") from None
        return Done(self.process.returncode, self.stderr)


class Project:
    """A folder with a task of an input and an output, which are at `place`.

    `cache` is the user's cache folder, best shared: to fill it takes a second. `package` is a folder whose
    `orchestrator` is run instead of this repository's.
    """

    def __init__(self, folder: Path, place: Place, *, cache: Path, package: Path | None = None) -> None:
        self.folder = folder
        self.place = place
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        self.data.chmod(0o777)  # providers in containers are nobody
        (folder / "home").mkdir()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        folders = {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(cache)}
        self.environ = {**kept, **folders, MARK: str(folder), **place.environ}
        if package is not None:
            self.environ["PYTHONPATH"] = str(package)
        self._runs: list[Run] = []

    def write(
        self,
        source: Mapping[str, Any],
        sink: Mapping[str, Any],
        *,
        programs: tuple[str, str] = ("source", "sink"),
        protocols: tuple[int | None, int | None] = (1, 1),
        max_in_flight: int = 100_000,
        ack_timeout: str = "60s",
        restart: str = "",
    ) -> None:
        """Write dstream.hcl. `protocols` None makes a legacy provider; `restart` is the block's content."""
        blocks = []
        roles: tuple[Role, Role] = ("input", "output")
        for role, program, protocol, config in zip(roles, programs, protocols, (source, sink), strict=True):
            told = {"folder": self.place.data_of(role, self.data), **config}
            announced = f"    protocol = {protocol}\n" if protocol else ""
            values = "".join(f"      {name} = {json.dumps(value)}\n" for name, value in told.items())
            provider = self.place.provider(role, program, self.data)
            blocks.append(f"  {role} {{\n{provider}{announced}    config {{\n{values}    }}\n  }}\n")
        if restart:
            blocks.append(f"  restart {{\n    {restart}\n  }}\n")
        delivery = f'  delivery {{\n    max_in_flight = {max_in_flight}\n    ack_timeout = "{ack_timeout}"\n  }}\n'
        (self.folder / "dstream.hcl").write_text(f'task "{TASK}" {{\n{"".join(blocks)}{delivery}}}\n')

    def start(self, *options: str, under: Sequence[str] = ()) -> Run:
        """Start `dstream run`, perhaps under another program. What tells of the last run is forgotten."""
        for name in ("written", "input-up", "output-up"):
            self.file(name).unlink(missing_ok=True)
        errors = self.folder / f"run-{len(self._runs) + 1}.stderr"
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                [*under, DSTREAM, "run", TASK, *options],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        self._runs.append(Run(process, errors))
        return self._runs[-1]

    def run(self, *options: str) -> Done:
        """Run the task to its end."""
        return self.start(*options).wait()

    # What its files say.

    def file(self, name: str) -> Path:
        return self.data / name

    def number(self, name: str) -> int:
        """The number in a provider's file, 0 where there is none."""
        try:
            return int(self.file(name).read_text() or 0)
        except FileNotFoundError:
            return 0

    @property
    def sink(self) -> Path:
        return self.file("sink")

    def stored(self) -> int:
        """The number of the record up to which everything is dealt with, as the store has it."""
        with self._state() as state:
            checkpoint = state.checkpoint(TASK)
        return int(json.loads(checkpoint.state)["number"]) if checkpoint else 0

    @property
    def identity(self) -> str:
        """The id that its containers carry."""
        with self._state() as state:
            return state.project

    def _state(self) -> contextlib.closing[SqliteState]:
        return contextlib.closing(SqliteState(self.folder / ".dstream" / "state.db"))

    # What its runs started.

    def signal(self, role: Role, number: int) -> None:
        """Send a signal to a provider's program, unless it has just ended."""
        pid = self.place.pid(self, role)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def processes(self) -> list[int]:
        """Every living process that a run of this project started on this host, guards included."""
        mark = f"{MARK}={self.folder}".encode()
        return [pid for pid in living() if mark in environment_of(pid)]

    def left(self) -> list[str]:
        """What is there of runs that have ended."""
        with self._state() as state:
            open_runs = [f"open run {run.run_id}" for run in state.open_runs()]
        journal = [f"journal {path.name}" for path in (self.folder / ".dstream" / "processes").glob("*")]
        running = [f"process {pid}: {command_of(pid)}" for pid in self.processes()]
        return [*running, *self.place.left(self), *journal, *open_runs]

    def left_for_good(self) -> list[str]:
        """What is there even after it had the time to go: a guard leaves when its orchestrator has."""
        with contextlib.suppress(AssertionError):
            until(lambda: not self.left(), "everything gone", GONE_WITHIN)
        return self.left()

    def until(self, run: Run, condition: Callable[[], object], what: str, deadline: float = ENDS_WITHIN) -> None:
        """Wait for `condition` to hold, or for the run to end."""
        try:
            until(lambda: run.ended or condition(), what, deadline)
        except AssertionError as error:
            raise AssertionError(f"{error}; the run said:\n{run.stderr}") from None

    def sweep(self) -> None:
        """Kill whatever is left, so that a test that failed leaves nothing either."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for run in self._runs:
            run.process.wait(GONE_WITHIN)
        self.place.sweep(self)


def living() -> list[int]:
    """The processes of this host, zombies left out."""
    pids = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX":
                    pids.append(int(folder.name))
    return pids


def environment_of(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


def command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return "gone"
