"""What the reports from a running attempt mean. Every such decision is made here, on one thread.

Threads do the waiting: the pump, the output's replies, the two exits, the settler. They only report.
"""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from orchestrator.errors import DstreamError, RunError, UnavailableError
from orchestrator.pipeline.conversation import Party, broken
from orchestrator.pipeline.observe import Phase, RunControl
from orchestrator.relay.channel import Halted
from orchestrator.relay.counters import Ledger
from orchestrator.relay.pump import InputClosed, OutputGone, Pump
from orchestrator.relay.replies import OutputClosed
from orchestrator.relay.settle import InputWriter, Settler
from orchestrator.runtime.base import Exit, ImageProgram, Role, StreamBroken

EXIT_S = 5.0
"""How long a provider that hung up, or was told to go, may take to be seen gone."""

SETTLE_S = 30.0
TICK_S = 0.5
DRAINED = (0, 128 + signal.SIGINT, 128 + signal.SIGTERM)


class Forced(Exception):
    """A second signal: end now."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a thread has to say of a provider. `"ended"` is its `end` line, everything before it dealt with."""

    role: Role | Literal["settler"]
    what: Literal["ended"] | InputClosed | OutputClosed | Exit | Exception | None


Reports = queue.SimpleQueue[Report | None]
"""None says that `RunControl` has a request."""


class InputFailed(Exception):
    """The input failed and the output did not: it may still flush what it has."""

    def __init__(self, error: DstreamError) -> None:
        super().__init__(str(error))
        self.error = error


class Watch:
    """Sees an attempt through. `run` belongs to the thread that started it.

    `finish` has `Pump.finish` run on a thread of its own: an output that does not read may hold it up. `allowed`
    raises once another host may have the task; the attempt then ends at once.
    """

    def __init__(
        self,
        *,
        parties: Mapping[Role, Party],
        ledger: Ledger,
        pump: Pump,
        finish: Callable[[bool], None],
        writer: InputWriter,
        settler: Settler,
        reports: Reports,
        control: RunControl,
        allowed: Callable[[], None],
        ack_timeout: float,
        grace: float,
        timeout: float | None,
        on_phase: Callable[[Phase], None],
    ) -> None:
        self._input = parties["input"]
        self._output = parties["output"]
        self._ledger = ledger
        self._pump = pump
        self._finish = finish
        self._writer = writer
        self._settler = settler
        self._reports = reports
        self._control = control
        self._allowed = allowed
        self._ack_timeout = ack_timeout
        self._grace = grace
        self._on_phase = on_phase
        self._exits: dict[Role, Exit] = {}
        self._exited_at: dict[Role, float] = {}
        self._input_closed: InputClosed | None = None
        self._output_closed = False
        self._input_ended = False
        self._output_ended = False  # and not the ledger's word: that comes before what it settles was handed over
        self._finishing = False
        self._began = time.monotonic()
        self._drain_at = None if timeout is None else self._began + timeout
        self._drain_by: float | None = None
        self._progress = (-1, 0.0)
        self._exit_seen = (-1, 0.0)
        self.draining = False

    def run(self) -> None:
        """Return once everything is acknowledged and both providers have exited 0.

        Raises `DstreamError` when the attempt failed and `Forced` when it is to end at once.
        """
        try:
            self._on_phase("running")
            self._relay_to_the_end()
            self._on_phase("ending")
            self._finish_output()
            self._finish_input()
        except InputFailed as failed:
            self._let_output_flush()
            raise failed.error from failed

    # The three stages.

    def _relay_to_the_end(self) -> None:
        while not self._input_ended and not self._output_ended:
            self._step()
            if self._input_closed is not None and self._ledger.emitted is None and not self._finishing:
                self._input_hung_up()
            if self._output_is_gone():
                raise self._output_died()
            self._check_progress()
            self._check_input_exit()
            now = time.monotonic()
            if self._drain_at is not None and now >= self._drain_at:
                self._drain_at = None
                self._control.drain()
            if self._drain_by is not None and now >= self._drain_by:
                raise self._not_drained()

    def _finish_output(self) -> None:
        output = self._output
        if not self._ledger.confirming:
            output.outlet.close()
        deadline = time.monotonic() + self._grace if self.draining else None
        while not self._output_ended:
            if self._output_is_gone():
                break
            self._step()
            if deadline is None:
                self._check_progress(owed=True)
            elif time.monotonic() >= deadline:
                raise RunError(
                    "provider.drain_timeout",
                    f"output `{output.prepared.name}` did not finish within {self._grace:g} s",
                    hint="raise `--grace`; what it has not acknowledged is repeated by the next run",
                    where=output.where(),
                )
        if self._ledger.confirming and not self._output_ended:
            raise self._output_died()
        if not self._ledger.confirming:
            ended = self._await_exit(output)
            if ended is None or not (ended.clean or self._drained_legacy(ended)):
                raise output.died(ended, "before it had processed everything")

    def _finish_input(self) -> None:
        """The last state is stored, the last ack written, and only then is the input told to go."""
        if not self._settler.close(SETTLE_S):
            raise _not_stored("the last state")
        while not self._reports.empty():  # the settler's failure, if it had one, is among them
            self._step(timeout=0)
        self._writer.close()
        deadline = time.monotonic() + self._grace
        for party in (self._output, self._input):
            while party.role not in self._exits:
                if time.monotonic() >= deadline:
                    raise RunError(
                        "provider.lingers",
                        f"{party.role} `{party.prepared.name}` did not exit within {self._grace:g} s of its end",
                        hint="everything was delivered and stored; it must exit once its stdin is closed",
                        where=party.where(),
                    )
                self._step()
            ended = self._exits[party.role]
            if not ended.clean and not self._drained_legacy(ended) and party.prepared.announced:
                raise party.died(ended, "after its `end`; everything was delivered and stored")

    # What can go wrong.

    def _input_hung_up(self) -> None:
        """The input's stdout ended without `end`: a legacy input's way to finish, else a crash."""
        ended = self._await_exit(self._input)
        if self._input.prepared.announced:
            raise InputFailed(self._input.died(ended, f"before its `end`, after {self._ledger.relayed:,} records"))
        if ended is None or not (ended.clean or self._drained_legacy(ended)):
            raise InputFailed(self._input.died(ended, f"after {self._ledger.relayed:,} records"))
        if self._pump.tail_doubtful and isinstance(self._input.prepared.program, ImageProgram):
            raise InputFailed(
                RunError(
                    "relay.tail_missing",
                    "the tail may be missing: the relay stood still near the end of the input's stream, and an engine"
                    " drops what an exited container wrote",
                    hint="run again, with an output that keeps up; a provider of protocol 1 cannot lose its tail",
                    where=self._input.where(),
                )
            )
        self._finishing = True
        self._finish(ended.clean)

    def _output_is_gone(self) -> bool:
        """Its stdout has ended without `end`; or it has exited, and something else holds its stdout open."""
        if self._output_ended or self._output_closed:
            return not self._output_ended
        return "output" in self._exits and time.monotonic() - self._exited_at["output"] > EXIT_S

    def _output_died(self) -> DstreamError:
        """The error for an output that is gone; acks that it wrote before are still taken in."""
        ended = self._await_exit(self._output)
        deadline = time.monotonic() + EXIT_S
        while not self._output_closed and time.monotonic() < deadline:
            self._step(ignore_output=True)
        if ended is None and not self._output_closed:
            return RunError(
                "provider.stdin_closed",
                f"output `{self._output.prepared.name}` closed its stdin after {self._ledger.relayed:,} records",
                where=self._output.where(),
            )
        return self._output.died(ended, f"before its `end`, after {self._ledger.acked:,} acknowledged records")

    def _await_exit(self, party: Party) -> Exit | None:
        deadline = time.monotonic() + EXIT_S
        while party.role not in self._exits and time.monotonic() < deadline:
            self._step(ignore_output=True)
        party.wait(0.5)  # its last words
        return self._exits.get(party.role)

    def _let_output_flush(self) -> None:
        """After the input failed: what the output has already is worth keeping."""
        try:
            if self._output.prepared.announced:
                self._output.running.terminate()
            else:
                self._output.outlet.close()
        except UnavailableError:
            return  # the engine is away: nothing can be flushed, and the input's failure says more
        deadline = time.monotonic() + self._grace
        while not (self._output_closed and "output" in self._exits) and time.monotonic() < deadline:
            self._step(ignore_output=True)

    def _check_progress(self, *, owed: bool = False) -> None:
        """Fail when the output owes an ack, or room in its stdin, for longer than `ack_timeout`."""
        now = time.monotonic()
        newest, since = self._progress
        # The ack and not its count: heartbeats are acknowledged too, and move no count.
        if newest != self._ledger.newest_ack or not (owed or self._ledger.awaiting_ack) or not since:
            self._progress = (self._ledger.newest_ack, now)
        elif now - since > self._ack_timeout:
            what = "acknowledged nothing" if self._ledger.confirming else "did not finish"
            raise self._stalled(f"{what} for {self._ack_timeout:g} s")
        waiting = self._output.outlet.waiting_since
        if waiting is not None and now - waiting > self._ack_timeout:
            raise self._stalled(f"read nothing for {self._ack_timeout:g} s")
        storing = self._settler.storing_since
        if storing is not None and now - storing > SETTLE_S:
            raise _not_stored("a state")

    def _not_drained(self) -> DstreamError:
        party, what = self._input, f"did not end within {self._grace:g} s of SIGTERM"
        if self._output.outlet.waiting_since is not None or self._ledger.must_wait():
            # The input may have ended long ago, behind what the output does not take.
            party, what = self._output, f"did not keep up: it held back the input's end for {self._grace:g} s"
        return RunError(
            "provider.drain_timeout",
            f"{party.role} `{party.prepared.name}` {what}",
            hint="raise `--grace`; what was not acknowledged is repeated by the next run",
            where=party.where(),
        )

    def _stalled(self, what: str) -> DstreamError:
        return RunError(
            "provider.stalled",
            f"output `{self._output.prepared.name}` {what}, after {self._ledger.relayed:,} records",
            hint="raise `ack_timeout` in the task's `delivery` block if its far side is that slow",
            where=self._output.where(),
        )

    def _check_input_exit(self) -> None:
        """An input that exited while something else holds its stdout open would never end."""
        ended = self._exits.get("input")
        if ended is None or self._input_closed is not None:
            return
        relayed, since = self._exit_seen
        now = time.monotonic()
        if relayed != self._ledger.bytes or self._output.outlet.waiting_since is not None:
            self._exit_seen = (self._ledger.bytes, now)
        elif now - since > EXIT_S and not self._ledger.must_wait():
            raise InputFailed(self._input.died(ended, "but something that it started holds its stdout open"))

    def _drained_legacy(self, ended: Exit) -> bool:
        """Whether a legacy provider ended as one does that was asked to."""
        if not self.draining:
            return False
        return ended.status in DRAINED or ended.signal in (signal.SIGINT, signal.SIGTERM)

    # Taking reports.

    def _step(self, *, timeout: float = TICK_S, ignore_output: bool = False) -> None:
        """Take one report, or none within `timeout` seconds."""
        self._allowed()
        try:
            report = self._reports.get(timeout=timeout) if timeout else self._reports.get_nowait()
        except queue.Empty:
            return
        if report is None:
            self._asked()
            return
        match report.what:
            case "ended":
                self._input_ended |= report.role == "input"
                self._output_ended |= report.role == "output"
            case InputClosed() as closed:
                self._input_closed = closed
            case OutputClosed():
                self._output_closed = True
            case Exit() as ended if report.role != "settler":
                self._exits[report.role] = ended
                self._exited_at[report.role] = time.monotonic()
            case Exception() as error:
                self._failed(report.role, error, ignore_output=ignore_output)

    def _failed(self, role: Role | Literal["settler"], error: Exception, *, ignore_output: bool) -> None:
        if isinstance(error, Halted):
            return
        if isinstance(error, OutputGone):
            # Its exit says why; while that is being awaited the pump's word adds nothing.
            if not ignore_output:
                raise self._output_died()
            return
        if role == "settler":
            raise error
        party = self._input if role == "input" else self._output
        if isinstance(error, StreamBroken):
            raise broken(party, error)
        if isinstance(error, DstreamError):
            error.where = error.where.filled_from(party.where())
            if role == "input" and not isinstance(error, UnavailableError):
                raise InputFailed(error)
        raise error

    def _asked(self) -> None:
        if self._control.kill_requested:
            raise Forced
        if self._control.drain_requested and not self.draining and not self._input_ended:
            self.draining = True
            self._grace = self._control.grace or self._grace
            self._drain_by = time.monotonic() + self._grace
            self._on_phase("draining")
            self._input.running.terminate()


def _not_stored(what: str) -> DstreamError:
    return UnavailableError(
        "state.unavailable", f"{what} could not be stored within {SETTLE_S:g} s", hint="see to the disk that it is on"
    )
