"""One lifecycle command to one provider, which may take its time and is asked to stop before it is killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dstream_sdk.protocol import NOT_JSON
from orchestrator.errors import RunError
from orchestrator.pipeline.ask import DISPOSE_S, EXIT_S, not_understood, read_answer
from orchestrator.pipeline.conversation import Party, envelope, greet, start, take_handshake
from orchestrator.pipeline.lifecycle.resources import Reply, read_reply
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.provider import Prepared
from orchestrator.relay.channel import Halt, Halted, Inlet
from orchestrator.runtime.base import Exit, Role, Runtime

Cut = Literal["timeout", "signal"]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for the handshake, for the answer, and for one that was asked to stop."""

    ready: float
    answer: float
    grace: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command.

    `cut` is why the provider was asked to stop; it may still have answered then. `ended` is how it ended after its
    answer, None where it had to be killed.
    """

    reply: Reply | None
    cut: Cut | None = None
    ended: Exit | None = None


def command(
    prepared: Prepared,
    runtime: Runtime,
    name: str,
    *,
    fields: dict[str, Any],
    patience: Patience,
    control: RunControl,
    on_cut: Callable[[], None],
    log: Callable[[Role, bytes], None],
    redact: Callable[[str], str],
    ca_bundle: str | None = None,
) -> Answer:
    """Start the provider, give it the command, and see it gone. Blocks for as long as `patience` allows.

    When the time is up, or at the first signal, the provider is asked to stop in a consistent state: its stdin ends,
    or it gets a SIGTERM where it is a legacy one. `on_cut` is called just before. Raises `RunError` (`provider.died`,
    `provider.answer` and those of the handshake), and `Halted` on a second signal, or on the first before it has
    shaken hands.
    """
    kill, cancel = Halt(), Halt()

    def asked() -> None:
        halt = kill if control.kill_requested else cancel
        halt.set()

    control.listen(kill.set)
    try:
        party = start(prepared, runtime, kill, log, ca_bundle)
        try:
            legacy = not prepared.announced
            greet(party, envelope(prepared, name, fields), close_stdin=legacy, timeout=patience.ready)
            control.listen(asked)
            cut: Cut | None = None
            line: bytes | None = None
            try:
                inlet = Inlet(party.running.stdout, cancel)
                line = _reply_line(party, inlet, name, time.monotonic() + patience.answer)
                cut = "timeout" if line is None else None
            except Halted:
                cut = "signal"
            if kill.is_set:
                raise Halted
            if cut is not None:
                on_cut()
                line = _last_words(party, name, patience.grace)
            if line is None:
                return Answer(None, cut)
            ended = party.running.wait(EXIT_S)
            try:
                return Answer(read_reply(line, redact), cut, ended)
            except NOT_JSON as error:
                raise not_understood(party, name, line, error) from error
        finally:
            kill.set()  # nobody reads its streams any more
            party.dispose(DISPOSE_S)
    finally:
        control.listen(None)
        kill.close()
        cancel.close()


def _last_words(party: Party, name: str, grace: float) -> bytes | None:
    """Ask it to stop: what it answers then, if anything."""
    if party.prepared.announced:
        party.outlet.close()
    else:
        party.running.terminate()
    try:
        return _reply_line(party, party.inlet, name, time.monotonic() + grace)
    except RunError as error:
        if error.code != "provider.died":
            raise
        return None  # it was asked to go, and need not say anything


def _reply_line(party: Party, inlet: Inlet, name: str, deadline: float) -> bytes | None:
    """The line that answers; None past `deadline`. What a legacy provider says besides is not for us."""
    while True:
        line = read_answer(party, inlet, name, deadline)
        if line is None or party.prepared.announced:
            return line
        late = party.handshake is None and take_handshake(party, line)
        if not late and line.lstrip().startswith(b"{") and b'"status"' in line:
            return line
        party.reader.skip(len(line))
        if time.monotonic() >= deadline:  # a stream that always has something is never waited for
            return None
