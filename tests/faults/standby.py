"""Two hosts that stand by for each other: a state directory each, one shared state, one source and one sink."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Self

from orchestrator.tasklog.place import TaskLogs
from tests.faults.places import Processes
from tests.faults.project import TASK, Project, Run
from tests.faults.sinkfile import lengths_of_starts
from tests.servers.azurite import connection_string
from tests.servers.proxy import Proxy
from tests.streams import until

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from orchestrator.runtime.base import Role
    from tests.faults.sources import Source
    from tests.servers.azurite import Azurite

Fault = Literal["kill", "freeze", "cut"]
FAULTS: tuple[Fault, ...] = ("kill", "freeze", "cut")

ROLES: tuple[Role, ...] = ("input", "output")

TERM = 15
TAKES_OVER_WITHIN = 2 * TERM
STARTS_WITHIN = 120  # all pairs at once, on whatever processors there are


class Host:
    """One orchestrator, whose ways to the shared state and to the source can be cut."""

    def __init__(
        self, folder: Path, data: Path, source: Source, azurite: Azurite, container: str, *, cache: Path, restart: str
    ) -> None:
        state, *there = self._ways = [Proxy(address) for address in (azurite.address, *source.addresses)]
        self.project = Project(folder, Processes(), cache=cache)
        source.write(self.project, data, [way.address for way in there], restart=restart)
        with (folder / "dstream.hcl").open("a") as file:
            file.write(
                'state "azure_blob" {\n  connection_string = env("STATE")\n'
                f'  container = "{container}"\n  term = "{TERM}s"\n}}\n'
            )
        self.project.environ["STATE"] = connection_string(state.address)
        self.run: Run | None = None

    def start(self) -> Run:
        self.run = self.project.start()
        return self.run

    @property
    def said(self) -> str:
        assert self.run is not None
        return self.run.stderr

    def took_over(self) -> float:
        """When it went on behind its last standing by, as its log has it: Unix time."""
        with closing(TaskLogs(self.project.folder / ".dstream").reader(TASK)) as reader:
            told = [record for record in reader.read() if record.provider == "relay"]
        last = max(at for at, record in enumerate(told) if record.event == "standby")
        return datetime.fromisoformat(told[last + 1].time).timestamp()

    def cut(self) -> None:
        for way in self._ways:
            way.cut()

    def mend(self) -> None:
        for way in self._ways:
            way.mend()

    def close(self) -> None:
        self.project.sweep()
        for way in self._ways:
            way.close()


@dataclass
class Takeover:
    """What one fault led to. `seconds` is how long nobody had the task."""

    fault: Fault
    seconds: float


@dataclass
class Pair:
    """`with Pair(...) as pair`: host 0 works and host 1 stands by, in turns."""

    folder: Path
    source: Source
    azurite: Azurite
    cache: Path
    restart: str
    takeovers: list[Takeover] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.data = self.folder / "far"
        self.data.mkdir(parents=True)
        self.sink = self.data / "sink"
        container = f"standby-{os.urandom(6).hex()}"
        self.hosts = [
            Host(
                self.folder / name,
                self.data,
                self.source,
                self.azurite,
                container,
                cache=self.cache,
                restart=self.restart,
            )
            for name in ("one", "two")
        ]
        try:
            self.hosts[0].start()
            self._works(after=0)
            self.hosts[1].start()
            self._stands_by(self.hosts[1], 0)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in self.hosts:
            host.close()

    def suffer(self, fault: Fault) -> None:
        """Do it to whoever works, see the other take over, and bring the first back as the one that stands by."""
        holder, other = self.hosts
        assert holder.run is not None
        starts, said = len(lengths_of_starts(self.sink)), holder.said.count("standby: ")
        began = time.time()
        if fault == "kill":
            holder.run.signal(signal.SIGKILL)
        elif fault == "freeze":
            holder.run.signal(signal.SIGSTOP)
        else:
            holder.cut()
        self._works(after=starts)
        self.takeovers.append(Takeover(fault, other.took_over() - began))
        assert self.takeovers[-1].seconds < TAKES_OVER_WITHIN, f"it took over late: {self.takeovers[-1]}, {other.said}"
        alive = [role for role in ROLES if holder.project.place.pid(holder.project, role) is not None]
        assert not alive, f"the {alive} of the host before still run"
        # By now its claim is another's, and whatever was on its way comes late.
        if fault == "freeze":
            holder.run.signal(signal.SIGCONT)
        holder.mend()
        if fault == "kill" or not self.restart:
            status = holder.run.wait().status
            assert status == (-signal.SIGKILL if fault == "kill" else 4), holder.said
            assert fault == "kill" or "error[state.fenced]" in holder.said, holder.said
            holder.start()
            said = 0
        self._stands_by(holder, said)
        self.hosts = [other, holder]

    def end(self) -> list[str]:
        """Drain whoever works and dismiss the other. What is wrong with what the sink got and with what is left."""
        self.source.end(self.sink)
        for host in reversed(self.hosts):
            assert host.run is not None
            host.run.signal(signal.SIGTERM)
            done = host.run.wait()
            assert done.status == 0, str(done)
        left = [line for host in self.hosts for line in host.project.left_for_good()]
        return [*self.source.faults(self.sink), *left]

    def _works(self, *, after: int) -> None:
        """Wait until a start behind so many others has written some, and some of it is durable."""
        until(
            lambda: len(starts := lengths_of_starts(self.sink)) > after and starts[-1] > self.source.enough,
            f"another host writes: {[host.said for host in self.hosts if host.run]}",
            STARTS_WITHIN,
            pause=0.1,
        )

    def _stands_by(self, host: Host, times: int) -> None:
        until(lambda: host.said.count("standby: ") > times, f"it stands by: {host.said}", 60, pause=0.1)


def play(pair: Pair, faults: list[Fault]) -> list[str]:
    """One pair through all its faults; what went wrong."""
    try:
        with pair.source, pair:
            for fault in faults:
                pair.suffer(fault)
            return pair.end()
    except AssertionError as error:
        return [f"{error}, after {pair.takeovers}"]


def play_together(pairs: list[Pair], faults: list[list[Fault]]) -> list[list[str]]:
    """All pairs at once: they spend their time waiting for leases to end."""
    found: list[list[str]] = [[] for _ in pairs]

    def one(number: int) -> None:
        found[number] = play(pairs[number], faults[number])

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(pairs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
