"""What a pair of hosts reads, and what their sink must have in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from tests.faults.sinkfile import faults_in, read_starts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from tests.faults.project import Project

EVERY = 10
RATE = 100
IN_FLIGHT = 1000
FOREVER = 10**9


class Source(Protocol):
    """A context manager: it is there, and goes on, within its block.

    `addresses` are where it is reached by the network. A start of the sink that wrote more than `enough` records has
    made some of them durable.
    """

    addresses: Sequence[str]
    enough: int

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, project: Project, data: Path, addresses: Sequence[str], *, restart: str) -> None:
        """Write the task of one host, which reaches `addresses` at these instead. The sink's folder is `data`."""

    def end(self, sink: Path) -> None:
        """Bring no more, and wait for the sink to have all that must come to it before a drain."""

    def faults(self, sink: Path) -> list[str]:
        """What is wrong with the sink."""


class Numbers:
    """providers/source.py: one number after the other, for ever."""

    addresses: Sequence[str] = ()
    enough = 2 * RATE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, project: Project, data: Path, addresses: Sequence[str], *, restart: str) -> None:
        told = {"folder": str(data)}
        numbers = {**told, "count": FOREVER, "every": EVERY, "rate": RATE, "hold_at": FOREVER}
        project.write(numbers, told, max_in_flight=IN_FLIGHT, restart=restart)

    def end(self, sink: Path) -> None:
        """A drain brings what the source has sent."""

    def faults(self, sink: Path) -> list[str]:
        # A host that was cut off may have written more than the last one did, which began where the state was.
        written = int(sink.with_name("written").read_text())
        highest = max(written, *(number for start in read_starts(sink) for number in start.numbers))
        return faults_in(sink, count=highest, bound=IN_FLIGHT + EVERY)
