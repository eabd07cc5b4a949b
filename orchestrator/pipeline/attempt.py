"""One attempt of a run: both providers started, joined, watched to their end, and gone afterwards.

An attempt is never resumed: whatever breaks, both providers end and a new one starts from durable state.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dstream_sdk.protocol import SignalLine
from orchestrator.errors import RunError, UnavailableError
from orchestrator.pipeline.conversation import Party, envelope, greet, start, take_handshake
from orchestrator.pipeline.observe import Delivery, Hears, Phase, RunControl
from orchestrator.pipeline.provider import Prepared
from orchestrator.pipeline.watch import EXIT_S, SETTLE_S, Forced, Report, Reports, Watch
from orchestrator.relay.channel import Halt, Halted
from orchestrator.relay.counters import Ledger, Settled
from orchestrator.relay.pump import Pump
from orchestrator.relay.recording import Recording
from orchestrator.relay.replies import Replies
from orchestrator.relay.settle import InputWriter, Settler
from orchestrator.runtime.base import Role, Runtime

DISPOSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What an attempt is run under. Times are seconds; `fields` go into the command envelope of each."""

    fields: dict[Role, dict[str, Any]]
    max_in_flight: int
    ack_timeout: float
    ready_timeout: dict[Role, float]
    grace: float
    timeout: float | None = None
    max_records: int | None = None
    ca_bundle: str | None = None
    pace: float = 0.0


class Attempt:
    """See the module. `run` is called once, from the main thread, since processes are started there.

    `ledger` and `delivery` hold what is known while it runs and afterwards.
    """

    def __init__(
        self,
        *,
        source: Prepared,
        output: Prepared,
        runtime_of: Callable[[Prepared], Runtime],
        terms: Terms,
        allowed: Callable[[], None],
        commit: Callable[[Settled], None],
        outbox: Hears,
        control: RunControl,
        on_phase: Callable[[Phase], None],
        recording: Recording | None = None,
    ) -> None:
        self._prepared: dict[Role, Prepared] = {"input": source, "output": output}
        self._runtime_of = runtime_of
        self._terms = terms
        self._allowed = allowed
        self._commit = commit
        self._outbox = outbox
        self._control = control
        self._on_phase = on_phase
        self._recording = recording
        self._halt = Halt()
        self._reports: Reports = queue.SimpleQueue()
        self._parties: dict[Role, Party] = {}
        self._relays: list[threading.Thread] = []
        self._watchers: list[threading.Thread] = []
        self._writer: InputWriter | None = None
        self._settler: Settler | None = None
        self.ledger = Ledger(confirming=False, max_in_flight=terms.max_in_flight)
        self.delivery: Delivery = "best-effort"
        self.drained = False

    def run(self) -> None:
        """Run to the end: returns when all is acknowledged, or drained.

        Raises `DstreamError` when it failed, `Forced` on a second signal. Nothing it started is left
        behind in any case, or `runtime.leftover` says what is.
        """
        try:
            # Until data may flow a request simply ends the attempt; from then on the watch decides.
            self._control.listen(self._halt.set)
            watch = self._open()
            watch.run()
            self.drained = watch.draining
        except Halted:
            # Asked to stop before a record flowed.
            self.drained = True
            if self._control.kill_requested:
                raise Forced from None
        finally:
            self._control.listen(None)
            self._tear_down()

    @property
    def parties(self) -> Mapping[Role, Party]:
        """The providers that were started so far."""
        return self._parties

    def signal(self, signal: dict[str, Any]) -> None:
        """Hand a request to the input, in any thread. Never blocks.

        Raises `RunError`: `input.not_running` while it is not, and `input.no_signals` for one that takes none.
        """
        source, writer = self._parties.get("input"), self._writer
        if source is None or writer is None or self._halt.is_set or self._control.drain_requested:
            raise RunError("input.not_running", "the input is not running at this moment", hint="try again in a moment")
        if "signal" not in source.capabilities:
            raise RunError(
                "input.no_signals", f"input `{source.prepared.name}` takes no requests", where=source.prepared.where
            )
        writer.put_signal(SignalLine(signal))

    def _open(self) -> Watch:
        self._on_phase("starting")
        # The output is ready before the input starts: an input may let its source forget what it wrote.
        output = self._join("output")
        source = self._join("input")
        confirming = "ack" in output.capabilities
        checkpointing = "checkpoint" in source.capabilities
        self.ledger = Ledger(
            confirming=confirming, max_in_flight=self._terms.max_in_flight, checkpointing=checkpointing
        )
        if confirming and checkpointing:
            self.delivery = "at-least-once"
        self._writer = InputWriter(source.outlet)
        if not source.prepared.announced:
            self._writer.close()
        self._settler = Settler(
            self._store,
            self._writer.put_ack,
            lambda error: self._reports.put(Report("settler", error)),
            pace=self._terms.pace,
        )
        pump = Pump(
            inlet=source.inlet,
            outlet=output.outlet if self._recording is None else self._recording.onto(output.outlet),
            reader=source.reader,
            ledger=self.ledger,
            capabilities=source.capabilities,
            forward_control=confirming,
            settled=self._settler.settle,
            on_end=lambda: self._reports.put(Report("input", "ended")),
            on_records=self._count if self._terms.max_records is not None else None,
        )
        replies = Replies(
            inlet=output.inlet,
            reader=output.reader,
            ledger=self.ledger,
            capabilities=output.capabilities,
            settled=self._settler.settle,
            text=self._text if output.handshake else _LateHandshake(output, self._text),
            on_end=lambda: self._reports.put(Report("output", "ended")),
        )
        watch = Watch(
            parties=self._parties,
            ledger=self.ledger,
            pump=pump,
            finish=lambda clean: self._spawn("input", lambda: pump.finish(clean=clean), self._relays),
            writer=self._writer,
            settler=self._settler,
            reports=self._reports,
            control=self._control,
            allowed=self._allowed,
            ack_timeout=self._terms.ack_timeout,
            grace=self._terms.grace,
            timeout=self._terms.timeout,
            on_phase=self._on_phase,
        )
        self._control.listen(lambda: self._reports.put(None))
        if self._halt.is_set:
            raise Halted
        self._spawn("output", replies.run, self._relays)
        self._spawn("input", pump.run, self._relays)
        self._spawn("output", output.running.wait, self._watchers)
        self._spawn("input", source.running.wait, self._watchers)
        return watch

    def _join(self, role: Role) -> Party:
        """Start one provider and shake hands with it."""
        prepared = self._prepared[role]
        party = start(prepared, self._runtime_of(prepared), self._halt, self._outbox.log, self._terms.ca_bundle)
        self._parties[role] = party
        if self._halt.is_set:
            raise Halted
        fields = self._terms.fields[role]
        close_stdin = role == "input" and not prepared.announced
        timeout = self._terms.ready_timeout[role]
        greet(party, envelope(prepared, "run", fields), close_stdin=close_stdin, timeout=timeout)
        return party

    def _spawn(self, role: Role, work: Callable[[], Any], threads: list[threading.Thread]) -> None:
        def report() -> None:
            try:
                self._reports.put(Report(role, work()))
            except Exception as error:  # noqa: BLE001  # whatever it is, the watch decides what it means
                self._reports.put(Report(role, error))

        thread = threading.Thread(target=report, name=f"{role}-{len(threads)}", daemon=True)
        threads.append(thread)
        thread.start()

    def _store(self, settled: Settled) -> None:
        self._commit(settled)
        self.ledger.stored(settled)

    def _text(self, content: bytes) -> None:
        self._outbox.text("output", content)

    def _count(self, relayed: int) -> None:
        if self._terms.max_records is not None and relayed >= self._terms.max_records:
            self._control.drain()

    def _tear_down(self) -> None:
        """Stop every thread, keep what was settled, and see both providers gone."""
        self._on_phase("stopping")
        self._halt.set()
        self.ledger.stop()
        # Before the settler, which gets the last of what they read, and before their streams are closed: a closed
        # stream's number may soon be somebody else's.
        gone_by = time.monotonic() + EXIT_S
        for thread in self._relays:
            thread.join(max(0.0, gone_by - time.monotonic()))
        if self._settler is not None:
            self._settler.close(SETTLE_S)
        if self._writer is not None:
            self._writer.close()
            self._writer.join(EXIT_S)
        remains: UnavailableError | None = None
        for party in self._parties.values():
            try:
                party.dispose(DISPOSE_S)
            except UnavailableError as error:
                remains = error
        for thread in self._watchers:
            thread.join(EXIT_S)
        if not any(thread.is_alive() for thread in (*self._relays, *self._watchers)):
            self._halt.close()
        if remains is not None:
            raise remains


class _LateHandshake:
    """Text of a legacy output that was silent at first: its first line may still be a handshake, or refuse."""

    def __init__(self, party: Party, text: Callable[[bytes], None]) -> None:
        self._party = party
        self._text = text
        self._first = True

    def __call__(self, content: bytes) -> None:
        if self._first:
            self._first = False
            line, newline, rest = content.partition(b"\n")
            if take_handshake(self._party, line + newline):
                content = rest
        if content:
            self._text(content)
