"""Stored lines in an input's place: a provider that is a thread of this process, on pipes like any other.

It keeps the contract of an input, so everything above it, from the relay to the rule of the ack, is what every run has.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec

from dstream_sdk.protocol import CheckpointLine, CheckpointMark, End, EndLine
from orchestrator.config.model import ProviderSpec
from orchestrator.errors import DstreamError, Where
from orchestrator.pipeline.provider import Prepared
from orchestrator.relay.record import Lines, Mark
from orchestrator.runtime.base import Exit, Launch, Leftover, PathProgram, Usage
from orchestrator.runtime.pipes import PipeSink, PipeSource, open_pipe

Feed = Callable[[threading.Event], Iterator[Lines | Mark]]
"""Gives what is fed, whole lines at a time. It may wait for more, until the event is set: then it should end."""

EVERY = 1000
"""Records after which there is a checkpoint, where the feed has none itself."""

_HANDSHAKE = b'{"status":"ready","protocol":1,"capabilities":["checkpoint"]}\n'


def fed(what: str, where: Where) -> Prepared:
    """The provider that a `Feeder` starts; `what` it is called in errors."""
    return Prepared(ProviderSpec("input", "path", what, where, protocol=1), PathProgram(what), True, None)


class Feeder:
    """The `Runtime` of one feed. `failure` is what ended the feed before its end, if anything did."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._running: RunningFeed | None = None

    @property
    def failure(self) -> DstreamError | None:
        return self._running.failure if self._running is not None else None

    def start(self, launch: Launch) -> RunningFeed:  # noqa: ARG002  # there is nothing to launch
        self._running = RunningFeed(self._feed)
        return self._running

    def leftovers(self) -> Sequence[Leftover]:
        return ()

    def remove(self, leftover: Leftover, deadline: float) -> None:
        """Nothing is ever left: a thread ends with its process."""

    def close(self) -> None:
        """Nothing is held."""


class RunningFeed:
    """A feed under way. See `RunningProvider`."""

    identity = "this process"

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._exit: Exit | None = None
        self.failure: DstreamError | None = None
        self._stdin, stdin = open_pipe()
        stdout, self._stdout = open_pipe()
        stderr, self._stderr = open_pipe()
        self.stdin, self.stdout, self.stderr = PipeSink(stdin), PipeSource(stdout), PipeSource(stderr)
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)
        self._thread.start()

    def wait(self, timeout: float | None = None) -> Exit | None:
        self._ended.wait(timeout)
        return self._exit

    def terminate(self) -> None:
        self._stopping.set()

    def kill(self) -> None:
        """Whatever it still writes is no longer read once it is disposed of."""
        self._stopping.set()

    def usage(self, timeout: float) -> Usage | None:  # noqa: ARG002  # that of this process would say nothing
        return None

    def dispose(self, deadline: float) -> None:
        self._stopping.set()
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()
        self._thread.join(deadline)

    def _run(self) -> None:
        ended = Exit(0)
        try:
            self._converse()
        except BrokenPipeError:
            ended = Exit(None, signal.SIGPIPE)
        except DstreamError as error:
            self.failure = error
            ended = Exit(1)
        finally:
            for fd in (self._stdin, self._stdout, self._stderr):
                os.close(fd)
            self._exit = ended
            self._ended.set()

    def _converse(self) -> None:
        envelope = b""
        while not envelope.endswith(b"\n"):
            read = os.read(self._stdin, 65536)
            if not read:
                return
            envelope += read
        self._write(_HANDSHAKE)
        records = number = since = 0

        def mark(state: bytes) -> None:
            nonlocal number, since
            number, since = number + 1, 0
            checkpoint = CheckpointMark(number, records, msgspec.Raw(state))
            self._write(msgspec.json.encode(CheckpointLine(checkpoint)) + b"\n")

        for item in self._feed(self._stopping):
            if isinstance(item, Mark):
                mark(item.state)
                continue
            self._write(item.content)
            records += item.records
            since += item.records
            if since >= EVERY:
                mark(Mark().state)
            if self._stopping.is_set():
                break
        if since:
            mark(Mark().state)
        self._write(msgspec.json.encode(EndLine(End(records))) + b"\n")
        while os.read(self._stdin, 65536):  # acks: whoever feeds learns from the attempt what became durable
            pass

    def _write(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            left = left[os.write(self._stdout, left) :]
