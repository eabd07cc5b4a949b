"""One `run` of an input: records out, acks in."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from dstream_sdk.context import Context
from dstream_sdk.errors import OrchestratorGone, ProviderError
from dstream_sdk.protocol.limits import LINE_LIMIT, STATE_LIMIT
from dstream_sdk.protocol.messages import (
    AckLine,
    CheckpointLine,
    CheckpointMark,
    End,
    EndLine,
    Envelope,
    SignalLine,
    StatsLine,
)
from dstream_sdk.provider import Checkpoint, InputProvider
from dstream_sdk.stdio import Stdio, read_some, write_all

CHUNK = 64 * 1024
"""Bytes of lines that are sent in one write while the source is busy."""

LINGER_S = 0.05
"""The longest that a line waits for others while the source is idle."""

DRAIN_PATIENCE_S = 10.0
"""How long a provider that ignores `stopping` may take to its next checkpoint."""

CANCEL_GRACE_S = 5.0
"""How long a provider may still take to return once nobody is left to read from it."""


class InputRun:
    """Drives `read` on the calling thread; a thread sends what lingers, another one reads acks."""

    def __init__(
        self, provider: InputProvider[Any], context: Context, stdio: Stdio, *, protocol: int | None, rest: bytes
    ) -> None:
        self._provider = provider
        self._context = context
        self._stop = context.stop
        self._stdio = stdio
        self._protocol = protocol
        self._log = context.logger
        self._lines: list[bytes] = []
        self._writing = threading.Lock()
        self._encode = msgspec.json.Encoder().encode
        self._records = 0
        self._checkpoints = 0
        self._awaiting: deque[tuple[int, Checkpoint]] = deque()
        self._keeps_checkpoints = type(provider).acknowledged is not InputProvider.acknowledged
        self._failure: Exception | None = None
        self._ended = False
        self._ending = threading.Lock()  # nothing may follow `end`
        self._done = threading.Event()
        self._acks = threading.Thread(target=self._read_acks, args=(rest,), name="acks", daemon=True)
        context.port.flush = self._flush
        context.port.stats = self._send_stats

    def run(self) -> None:
        """Stream until the source ends or the run winds down. Returns once everything is acknowledged.

        Raises what the provider raised, and `OrchestratorGone` when there was nobody to stream to.
        """
        ticker = threading.Thread(target=self._tick, name="linger", daemon=True)
        ticker.start()
        if self._protocol:
            self._acks.start()
        iterator = iter(self._provider.read(self._context))
        try:
            self._pump(iterator)
            self._raise_failure()
            if self._protocol:
                with self._ending:
                    self._lines.append(self._encode(EndLine(End(self._records))))
                    self._ended = True
            self._flush()
        except BaseException:
            self._done.set()
            self._flush_quietly()
            raise
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
        if self._protocol:
            self._acks.join()
        self._done.set()
        self._raise_failure()

    def _pump(self, iterator: Iterator[Envelope | Checkpoint]) -> None:
        lines, encode, stop = self._lines, self._encode, self._stop
        size = 0
        deadline: float | None = None
        for item in iterator:
            # Appending to a list needs no lock, so the thread that flushes costs the hot path nothing.
            if type(item) is Envelope:
                line = encode(item)
                lines.append(line)
                self._records += 1
                size += len(line)
                if size >= CHUNK:
                    if len(line) >= LINE_LIMIT:
                        raise ProviderError(f"record {self._records} is longer than a line may be ({LINE_LIMIT} bytes)")
                    self._flush()
                    size = 0
            elif isinstance(item, Checkpoint):
                self._add_checkpoint(item)
            else:
                kind = type(item).__name__
                raise ProviderError(f"`read` yielded a `{kind}`", hint="it yields `Envelope` and `Checkpoint`")
            if stop.requested:
                if deadline is None:
                    deadline = time.monotonic() + DRAIN_PATIENCE_S
                if self._is_drained(item, deadline):
                    return

    def _is_drained(self, last: object, deadline: float) -> bool:
        """Whether to take no more from a provider that was asked to stop: at a checkpoint nothing repeats."""
        resumable = bool(self._protocol) and self._provider.checkpoints and self._failure is None
        return not resumable or isinstance(last, Checkpoint) or time.monotonic() > deadline

    def _add_checkpoint(self, checkpoint: Checkpoint) -> None:
        if not self._provider.checkpoints:
            name = type(self._provider).__name__
            raise ProviderError(
                f"`{name}` yields checkpoints but does not declare them", hint="set `checkpoints = True`"
            )
        if not self._protocol:
            return
        state = self._encode(checkpoint.state)
        if len(state) > STATE_LIMIT:
            raise ProviderError(f"the state of a checkpoint has {len(state)} bytes, at most {STATE_LIMIT} are kept")
        self._checkpoints += 1
        if self._keeps_checkpoints:
            self._awaiting.append((self._checkpoints, checkpoint))
        mark = CheckpointMark(self._checkpoints, self._records, msgspec.Raw(state))
        self._lines.append(self._encode(CheckpointLine(mark)))

    def _send_stats(self, figures: dict[str, Any]) -> None:
        if not self._protocol:
            return
        line = self._encode(StatsLine(figures))
        with self._ending:
            if not self._ended:
                self._lines.append(line)

    def _flush(self) -> None:
        with self._writing:
            count = len(self._lines)
            if count == 0:
                return
            taken = self._lines[:count]
            taken.append(b"")
            chunk = b"\n".join(taken)
            if chunk.count(b"\n") != count:
                raise ProviderError(
                    "a record holds a raw newline", hint="JSON carried as `msgspec.Raw` must be compact"
                )
            del self._lines[:count]
            write_all(self._stdio.stdout, chunk)

    def _flush_quietly(self) -> None:
        """Send what was yielded before a failure; the failure itself is what gets reported."""
        try:
            self._flush()
        except (OSError, OrchestratorGone, ProviderError) as error:
            self._log.debug("the last records were not sent: %s", error)

    def _tick(self) -> None:
        while not self._done.wait(LINGER_S):
            try:
                self._flush()
            except (OSError, OrchestratorGone, ProviderError) as error:
                self._fail(error)
                return

    def _read_acks(self, rest: bytes) -> None:
        """Follow stdin until it closes; before `end` that means the orchestrator is gone."""
        buffer = bytearray(rest)
        try:
            while True:
                self._take_lines(buffer)
                chunk = read_some(self._stdio.stdin)
                if not chunk:
                    break
                buffer += chunk
        except Exception as error:  # noqa: BLE001 - the provider's code, reported by the main thread
            self._fail(error)
            return
        if not self._ended:
            self._fail(OrchestratorGone("stdin was closed before the stream had ended"))

    def _take_lines(self, buffer: bytearray) -> None:
        """Act on the whole lines in `buffer` and drop them. Of several acks only the newest counts."""
        newest: AckLine | None = None
        end = buffer.rfind(b"\n")
        for line in bytes(buffer[: end + 1]).split(b"\n"):
            if line.startswith(b'{"ack":'):
                newest = msgspec.json.decode(line, type=AckLine)
            elif line.startswith(b'{"signal":'):
                self._provider.on_signal(msgspec.json.decode(line, type=SignalLine).signal)
            elif line.strip():
                self._log.debug("ignored a line on stdin that is neither ack nor signal")
        del buffer[: end + 1]
        if newest is not None:
            self._acknowledge(newest.ack.id)

    def _acknowledge(self, number: int) -> None:
        if number > self._checkpoints:
            raise ProviderError(f"checkpoint {number} was acknowledged but never written")
        covered: Checkpoint | None = None
        while self._awaiting and self._awaiting[0][0] <= number:
            covered = self._awaiting.popleft()[1]
        if covered is not None:
            self._provider.acknowledged(covered)

    def _fail(self, error: Exception) -> None:
        """From a side thread: have the main thread raise `error`, or end without it if it stays in the source."""
        self._failure = error
        self._stop.request(str(error))
        if not self._ended and not self._done.wait(CANCEL_GRACE_S):
            self._log.error("%s, and the provider did not stop within %g s", error, CANCEL_GRACE_S)
            logging.shutdown()
            os._exit(1)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
