"""All checks at once, each within its deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.errors import DstreamError
from orchestrator.pipeline.doctor.finding import Finding, of_error


@dataclass(frozen=True, slots=True)
class Check:
    """`look` is called once, on a thread of its own, and may raise `DstreamError`. `deadline` is in seconds."""

    name: str
    look: Callable[[], Iterable[Finding]]
    deadline: float = 20.0


@dataclass
class _Examined:
    check: Check
    found: list[Finding] = field(default_factory=list)
    fault: Exception | None = None

    def look(self) -> None:
        try:
            for finding in self.check.look():
                self.found.append(finding)
        except DstreamError as error:
            self.found.append(of_error(error))
        except Exception as error:  # noqa: BLE001  # raised where the caller listens
            self.fault = error


def examine(checks: Sequence[Check], waiting: Callable[[str], None]) -> Iterator[tuple[str, Finding]]:
    """What each check finds, with its name and in their order. `waiting` is told the one that is waited for.

    One that does not end in time has that for a finding. Its thread is left behind and keeps nobody waiting, not even
    the end of the process.
    """
    began = time.monotonic()
    threads = []
    for check in checks:
        examined = _Examined(check)
        threads.append((examined, threading.Thread(target=examined.look, name=f"doctor-{check.name}", daemon=True)))
        threads[-1][1].start()
    for examined, thread in threads:
        check = examined.check
        waiting(check.name)
        thread.join(max(0.0, began + check.deadline - time.monotonic()))
        late = thread.is_alive()
        yield from ((check.name, finding) for finding in list(examined.found))
        if examined.fault is not None:
            raise examined.fault
        if late:
            message = f"this check did not end within {check.deadline:g} s"
            yield check.name, Finding("failed", message, remedy="see why what it asks does not answer, and ask again")
