"""`dead_letter { provider… }`: dead letters go to an output of their own, behind the back of the data path.

They are in the store before, so that nothing waits for this output, and nothing is lost when it fails: it gets every
letter at least once, in the order in which they were stored, and the store remembers how far it came.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from dstream_sdk.protocol import Stream
from orchestrator.errors import DstreamError
from orchestrator.pipeline.feeding import Feeding, Fodder, unacknowledging
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.provider import Prepared
from orchestrator.pipeline.redelivery import Fed, line_of
from orchestrator.pipeline.services import Session
from orchestrator.pipeline.watch import Forced
from orchestrator.relay.counters import Settled
from orchestrator.relay.record import Lines, Mark
from orchestrator.runtime.base import Role
from orchestrator.state.store import Claim

IDLE_S = 30.0
"""How long the provider runs on without a letter."""

LONGEST_PAUSE_S = 60.0
GONE_S = 60.0
"""How long the provider may take to be seen gone once it was killed."""

_LOOK_UP_S = 0.2


class PassingOn:
    """Runs the provider whenever there are letters, until closed. Makes nothing wait; what fails is tried again.

    Making one raises `ConfigError` (`output.unacknowledging`).
    """

    def __init__(self, session: Session, provider: Prepared, claim: Callable[[], Claim]) -> None:
        if not provider.may("ack"):
            raise unacknowledging(provider)
        session.runtime(provider.spec.kind)  # made here, and not by two threads at once
        self._session = session
        self._provider = provider
        self._claim = claim
        self._control = RunControl()
        self._changed = threading.Condition()
        self._more = True  # perhaps of an earlier run
        self._closing = False
        self._position_keys: Sequence[str] = ()
        self._streams: Sequence[Stream] | None = None
        self._thread = threading.Thread(target=self._run, name="passing on", daemon=True)

    def start(self, source: Prepared, streams: Sequence[Stream] | None) -> None:
        """Begin, once the run knows what its input reads. The provider is told what the output is."""
        self._position_keys, self._streams = source.position_keys, streams
        self._thread.start()

    def more(self) -> None:
        """Letters were stored. Never blocks."""
        with self._changed:
            self._more = True
            self._changed.notify_all()

    def close(self, grace: float) -> None:
        """Pass on what is stored, for at most `grace` seconds, and see the provider gone. Idempotent.

        A run that is to be killed does not wait.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            until = time.monotonic() + grace
            while self._thread.is_alive() and time.monotonic() < until and not self._session.control.kill_requested:
                self._thread.join(_LOOK_UP_S)
            self._control.kill()
            self._thread.join(GONE_S)

    def _run(self) -> None:
        pause = 1.0
        while self._is_more():
            try:
                self._pass_on()
                pause = 1.0
            except Forced:
                return
            except DstreamError as error:
                again = "the next run tries again" if self._closing else f"trying again in {pause:g} s"
                said = self._session.services.redact(str(error))
                self._session.observer.warning(f"the dead letters could not be passed on; {again}: {said}")
                with self._changed:
                    self._more = True
                    if self._changed.wait_for(lambda: self._closing, pause):
                        return
                pause = min(LONGEST_PAUSE_S, 2 * pause)

    def _is_more(self) -> bool:
        """Wait for letters; False once there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._more or self._closing)
            if not self._more:
                return False
            self._more = False
        state, task = self._session.services.state, self._session.task.name
        try:
            return bool(state.letters(task, after=state.passed_on(task), limit=1)) or self._is_more()
        except DstreamError:
            return True  # whoever passes them on will say what is wrong

    def _pass_on(self) -> None:
        """Run the provider until there was nothing for it for a while."""
        claim, fed = self._claim(), Fed()
        what = f"dead letters of {self._session.task.name}"
        fodder = Fodder(lambda stopping: self._feed(fed, stopping), what, self._position_keys, self._streams)

        def settled(done: Settled) -> None:
            if done.rejects:
                many = f"{len(done.rejects):,} letter{'' if len(done.rejects) == 1 else 's'}"
                self._session.observer.warning(f"the `dead_letter` provider rejects {many}, which the state keeps")
            if done.mark is not None and (ids := fed.covered(done.mark.records)):
                self._session.services.state.pass_on(claim, ids[-1])

        Feeding(
            self._session, claim, self._provider, fodder, settled, control=self._control, outbox=_Beside(self._session)
        ).run()

    def _feed(self, fed: Fed, stopping: threading.Event) -> Iterator[Lines | Mark]:
        state, task = self._session.services.state, self._session.task.name
        after = state.passed_on(task)
        while True:
            if page := state.letters(task, after=after):
                for one in page:
                    fed.add(one.id)
                    yield Lines(line_of(one.letter), 1)
                yield Mark()
                after = page[-1].id
            elif not self._wait_for_more(stopping):
                return

    def _wait_for_more(self, stopping: threading.Event) -> bool:
        until = time.monotonic() + IDLE_S
        with self._changed:
            while not self._more:
                if self._closing or stopping.is_set() or time.monotonic() >= until:
                    return False
                self._changed.wait(_LOOK_UP_S)  # the event wakes nobody here
            self._more = False
            return True


class _Beside:
    """What the provider prints is no data of the run's, and its logs are told from the output's."""

    def __init__(self, session: Session) -> None:
        self._outbox = session.outbox

    def text(self, role: Role, content: bytes) -> None:
        self.log(role, content)

    def log(self, role: Role, content: bytes) -> None:
        self._outbox.log(role, b"".join(b"dead_letter: " + line for line in content.splitlines(keepends=True)))
