"""Many tasks of one project, run by supervisors: what kills them, and what must be true of them meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.pipeline.control import Controls
from orchestrator.runtime.sandbox import LABEL_PROJECT
from orchestrator.state.sqlite import SqliteState
from tests.faults.places import Containers, Mixed, Processes, client
from tests.faults.project import DSTREAM, GONE_WITHIN, MARK, Done, command_of, environment_of, living
from tests.faults.sinkfile import faults_in
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.runtime.base import Role
    from tests.faults.places import Place

EVERY = 20
MAX_IN_FLIGHT = 60
FOR_EVER = 1_000_000_000
SETTLES_WITHIN = 90.0
ROLES: tuple[Role, ...] = ("input", "output")


@dataclass(frozen=True)
class Member:
    """One task. `data` is the folder of its source and its sink."""

    name: str
    place: Place
    data: Path

    @property
    def sink(self) -> Path:
        return self.data / "sink"

    def written(self) -> int:
        """The newest record that its source wrote."""
        path = self.data / "written"
        return int(path.read_text()) if path.exists() else 0

    def faults(self) -> list[str]:
        """What is wrong with the sink, once the source has drained."""
        found = faults_in(self.sink, count=self.written(), bound=MAX_IN_FLIGHT + EVERY)
        return [f"{self.name}: {fault}" for fault in found]


class Fleet:
    """A folder with a dstream.hcl of `count` tasks, whose sources write `rate` records a second until they drain.

    On an engine at `host` some have both providers in containers, and some one; the others are processes.
    """

    def __init__(self, folder: Path, cache: Path, count: int, *, host: str | None, rate: int, restart: str) -> None:
        self.folder = folder
        self.host = host
        processes = Processes()
        self.members: list[Member] = []
        (folder / "home").mkdir(parents=True)
        for number in range(count):
            place: Place = processes
            if host is not None and number % 4 == 0:
                place = Containers(host)
            elif host is not None and number % 4 == 1:
                place = Mixed(processes, Containers(host))
            data = folder / f"data-{number:02}"
            data.mkdir()
            data.chmod(0o777)  # providers in containers are nobody
            self.members.append(Member(f"task-{number:02}", place, data))
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ},
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(cache),
            MARK: str(folder),
            **({"DOCKER_HOST": host} if host is not None else {}),
        }
        (folder / "dstream.hcl").write_text("".join(_block(member, rate, restart) for member in self.members))
        self.controls = Controls(folder / ".dstream")

    def rewrite(self, old: str, new: str) -> None:
        """Change the dstream.hcl, wherever it has `old`."""
        file = self.folder / "dstream.hcl"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def member(self, name: str) -> Member:
        return next(member for member in self.members if member.name == name)

    def flows(self, *names: str) -> None:
        """Wait until each of these tasks has written more than it has by now."""
        before = {name: self.member(name).written() for name in names}
        until(lambda: all(self.member(name).written() > before[name] for name in names), "every task goes on", 60)

    def dstream(self, *arguments: str, deadline: float = 400.0) -> subprocess.CompletedProcess[str]:
        """A command, from its first line to its exit."""
        return subprocess.run(
            [DSTREAM, *arguments],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=deadline,
            check=False,
        )

    def does(self, *arguments: str) -> str:
        """A command that has to succeed; its stdout."""
        done = self.dstream(*arguments)
        assert done.returncode == 0, f"{arguments}: {Done(done.returncode, done.stderr)}\nstdout:\n{done.stdout}"
        return done.stdout

    def ps(self) -> dict[str, dict[str, Any]]:
        """What `ps` says of each task."""
        rows = [json.loads(line) for line in self.does("--json", "ps").splitlines()]
        return {row["task"]: row for row in rows}

    def status(self, name: str) -> dict[str, Any]:
        """What the run of the task says of itself."""
        return self.controls.ask(name, "status", patience=30.0)

    # What there is of it, as the kernel and the engine see it.

    @property
    def identity(self) -> str:
        with contextlib.closing(SqliteState(self.folder / ".dstream" / "state.db")) as state:
            return state.project

    def processes(self) -> list[int]:
        """Every living process that a command of this fleet started, guards included."""
        mark = f"{MARK}={self.folder}".encode()
        return [pid for pid in living() if mark in environment_of(pid)]

    def supervisors(self) -> dict[str, int]:
        """The living supervisors, by their tasks."""
        found = {}
        for pid in self.processes():
            named = re.search(r" supervise (\S+) ", command_of(pid))
            if named:
                found[named[1]] = pid
        return found

    def programs(self) -> set[str]:
        """The identities of all providers that live."""
        pids = {
            f"pid {pid}"
            for pid in self.processes()
            if any(one.startswith(b"DSTREAM_PROVIDER_ID=") for one in environment_of(pid))
        }
        return pids | {name for name, up in self.containers().items() if up}

    def left(self) -> list[str]:
        """What there is although nothing runs."""
        with contextlib.closing(SqliteState(self.folder / ".dstream" / "state.db")) as state:
            open_runs = [f"open run {run.run_id} of {run.task}" for run in state.open_runs()]
        journal = [f"journal {path.name}" for path in (self.folder / ".dstream" / "processes").glob("*")]
        sockets = [f"socket {path.name}" for path in (self.folder / ".dstream" / "control").glob("*")]
        running = [f"process {pid}: {command_of(pid)}" for pid in self.processes()]
        return [*running, *(f"container {name}" for name in self.containers()), *journal, *sockets, *open_runs]

    def left_for_good(self) -> list[str]:
        with contextlib.suppress(AssertionError):
            until(lambda: not self.left(), "everything gone", GONE_WITHIN)
        return self.left()

    def containers(self) -> dict[str, bool]:
        """The containers of this project, and whether each is up."""
        if self.host is None:
            return {}
        with client(self.host) as api:
            found = api.containers(all=True, filters={"label": [f"{LABEL_PROJECT}={self.identity}"]})
        return {item["Id"]: item["State"] == "running" for item in found}

    # What is done to it.

    def kill_supervisor(self, name: str) -> None:
        os.kill(int(self.status(name)["pid"]), signal.SIGKILL)

    def kill_provider(self, name: str, role: Role) -> bool:
        """Kill its program; False where there was none at this moment."""
        identity = self.status(name)["providers"].get(role, {}).get("identity")
        if identity is None:
            return False
        if identity.startswith("pid "):
            pid = int(identity.removeprefix("pid "))
        else:
            with client(str(self.host)) as api, contextlib.suppress(Exception):
                init = api.inspect_container(identity)["State"]["Pid"]
                children = Path(f"/proc/{init}/task/{init}/children").read_text().split()
                pid = int(children[0]) if init and children else 0
        if pid <= 0:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
        return False

    def disagreements(self, expected: Sequence[str]) -> list[str]:
        """Where `ps` and the host differ, while the tasks `expected` are to be running and the others not."""
        rows = self.ps()
        supervisors, programs = self.supervisors(), self.programs()
        found = [f"{name} has a supervisor" for name in supervisors if name not in expected]
        told: set[str] = set()
        for name, row in rows.items():
            live = row["live"]
            if name not in expected:
                if live is not None or row["holder"] is not None:
                    found.append(f"{name} is {row['state']}")
                continue
            if row["state"] != "running" or live is None:
                found.append(f"{name} is {row['state']}: {row['why']}")
                continue
            if live["pid"] != supervisors.get(name):
                found.append(f"{name} is run by {live['pid']}, its supervisor is {supervisors.get(name)}")
            told |= {provider["identity"] for provider in live["providers"].values()}
        return [*found, *(f"only one of both knows {one}" for one in sorted(map(str, told ^ programs)))]

    def agrees(self, expected: Sequence[str]) -> None:
        """Wait for `ps` and the host to agree."""
        last: list[str] = []

        def agreed() -> bool:
            last[:] = self.disagreements(expected)
            return not last

        with contextlib.suppress(AssertionError):
            until(agreed, "ps agrees", SETTLES_WITHIN, pause=0.2)
        assert not last, "\n".join(last)

    def sweep(self) -> None:
        """Kill whatever is left, so that a test that failed leaves nothing either."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.host is not None:
            with client(self.host) as api:
                for name in self.containers():
                    api.remove_container(name, force=True)


def resident_bytes(pid: int) -> int:
    """Memory that is the process's own: what it shares with others is none of its growth."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(size) for size in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE)) * 1024


def _block(member: Member, rate: int, restart: str) -> str:
    configs: dict[Role, dict[str, Any]] = {
        "input": {"count": FOR_EVER, "hold_at": FOR_EVER, "every": EVERY, "rate": rate},
        "output": {"batch": 7, "linger": 0.005},
    }
    programs: dict[Role, str] = {"input": "source", "output": "sink"}
    blocks = []
    for role in ROLES:
        config = {"folder": member.place.data_of(role, member.data), **configs[role]}
        values = "".join(f"      {name} = {json.dumps(value)}\n" for name, value in config.items())
        provider = member.place.provider(role, programs[role], member.data)
        blocks.append(
            f'  {role} {{\n{provider}    protocol = 1\n    ready_timeout = "60s"\n    config {{\n{values}    }}\n  }}\n'
        )
    delivery = f"  delivery {{\n    max_in_flight = {MAX_IN_FLIGHT}\n  }}\n"
    return f'task "{member.name}" {{\n{"".join(blocks)}  restart {{\n    {restart}\n  }}\n{delivery}}}\n'
