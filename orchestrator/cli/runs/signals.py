"""Ctrl-C and SIGTERM during a run: the first asks it to drain, the second ends it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from orchestrator.pipeline.observe import RunControl

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal came before there was anything to drain. Raised in the main thread, wherever that stands."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class Signals:
    """Hands signals to `control` while entered. `last` is the newest signal's number, or None.

    While `preparing` they also raise `Interrupted`: nothing runs yet that could be drained, and a registry that
    does not answer must not keep anybody waiting.
    """

    def __init__(self, control: RunControl) -> None:
        self._control = control
        self._count = 0
        self._before: dict[int, object] = {}
        self.preparing = False
        self.last: int | None = None

    @property
    def exit_code(self) -> int:
        """128 and the newest signal's number: how a shell reports a forced end."""
        return 128 + (self.last or signal.SIGINT)

    def __enter__(self) -> Signals:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # it came from `signal.signal`

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.last = number
        self._count += 1
        if self._count > 1:
            self._control.kill()
        else:
            self._control.drain()
        if self.preparing:
            raise Interrupted(number)
