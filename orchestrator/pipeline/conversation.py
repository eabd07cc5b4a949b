"""The beginning of a conversation with a provider: the command envelope out, the handshake in."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from dstream_sdk.protocol import ENVELOPE_LIMIT, NOT_JSON, PROTOCOL_VERSION, Handshake
from orchestrator.config.model import encode_json
from orchestrator.errors import ConfigError, DstreamError, RunError, UnavailableError, Where
from orchestrator.pipeline.hints import loopback
from orchestrator.pipeline.provider import Prepared
from orchestrator.pipeline.stderr import last_lines, whole_lines
from orchestrator.relay.channel import Halt, Inlet, Outlet
from orchestrator.relay.control import BOM, PREFIXES, LineReader
from orchestrator.runtime.base import Exit, Role, RunningProvider, Runtime, StreamBroken

LEGACY_SILENCE_S = 5.0
"""How long a legacy output may take to speak; silence then counts as ready."""

LAST_WORDS = 20
HANDSHAKE_KEYS = frozenset({"status", "message", "hint", "protocol", "capabilities"})


class Party:
    """One started provider and what has been heard of it. Made by `start`; `dispose` ends it.

    `handshake` is None until it was read, and for a legacy provider that never makes one.
    """

    def __init__(
        self, prepared: Prepared, running: RunningProvider, halt: Halt, log: Callable[[Role, bytes], None]
    ) -> None:
        self.prepared = prepared
        self.running = running
        self.role: Role = prepared.spec.role
        self.inlet = Inlet(running.stdout, halt)
        self.outlet = Outlet(running.stdin, halt)
        self.reader = LineReader(self.role, PREFIXES[self.role] if prepared.announced else ())
        self.handshake: Handshake | None = None
        self.last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self._log = log
        self._stderr = threading.Thread(
            target=self._read_stderr, args=(Inlet(running.stderr, halt),), name=f"{self.role}-stderr", daemon=True
        )
        self._stderr.start()

    @property
    def capabilities(self) -> frozenset[str]:
        """What the handshake declared."""
        return frozenset(self.handshake.capabilities) if self.handshake and self.prepared.announced else frozenset()

    def wait(self, timeout: float) -> Exit | None:
        """How it ended, once stderr was read to its end as far as `timeout` seconds allow."""
        deadline = time.monotonic() + timeout
        ended = self.running.wait(timeout)
        self._stderr.join(min(1.0, max(0.0, deadline - time.monotonic())))
        return ended

    def where(self) -> Where:
        """Its place, its image and its last words, for an error."""
        place = self.prepared.where
        return Where(
            file=place.file,
            line=place.line,
            provider=place.provider,
            image=place.image,
            last_words=tuple(self.last_words),
        )

    def died(self, ended: Exit | None, when: str) -> DstreamError:
        """The error for a provider that ended, or hung up, when it should not have."""
        what = str(ended) if ended is not None else "closed its stdout"
        hint = loopback(self.prepared, self.last_words)
        if ended is not None and ended.oom_killed:
            hint = f"raise `memory` in the task's `{self.role}` block"
        return RunError(
            "provider.died", f"{self.role} `{self.prepared.name}` {what} {when}", hint=hint, where=self.where()
        )

    def dispose(self, deadline: float) -> None:
        """Close, kill and remove it, once its halt is set. Raises `UnavailableError` (`runtime.leftover`)."""
        self._stderr.join(1.0)  # a closed stream's number may soon be somebody else's
        self.running.dispose(deadline)

    def _read_stderr(self, inlet: Inlet) -> None:
        for lines in whole_lines(inlet):
            self.last_words.extend(last_lines(lines, LAST_WORDS))
            self._log(self.role, lines)


def envelope(prepared: Prepared, command: str, fields: dict[str, Any]) -> bytes:
    """The first line for a provider. A legacy one gets what the original sends, and nothing more.

    Raises `ConfigError` (`config.too_large`).
    """
    parts = [b'{"command":', msgspec.json.encode(command), b',"config":', encode_json(prepared.spec.config)]
    if prepared.announced:
        known = {"protocol": PROTOCOL_VERSION, "role": prepared.spec.role, **fields}
        parts += [b"," + msgspec.json.encode(key) + b":" + msgspec.json.encode(value) for key, value in known.items()]
    line = b"".join(parts) + b"}\n"
    if len(line) > ENVELOPE_LIMIT:
        raise ConfigError(
            "config.too_large",
            f"the config of the {prepared.spec.role} takes {len(line):,} bytes; a provider reads {ENVELOPE_LIMIT:,}",
            where=prepared.where,
        )
    return line


def start(
    prepared: Prepared, runtime: Runtime, halt: Halt, log: Callable[[Role, bytes], None], ca_bundle: str | None
) -> Party:
    """Start a provider. Blocks until it runs; raises as `Runtime.start` does, with the place in the file."""
    try:
        running = runtime.start(prepared.launch(ca_bundle))
    except DstreamError as error:
        error.where = prepared.where
        raise
    return Party(prepared, running, halt, log)


def greet(party: Party, line: bytes, *, close_stdin: bool, timeout: float) -> None:
    """Send the envelope and wait for the handshake, `timeout` seconds for both.

    Afterwards `party.handshake` is set, or the provider is a legacy one that does not shake hands and its
    first line, if there is one, is still in `party.reader`. Raises `RunError` when it refuses, dies, says
    something else or nothing, and `Halted`.
    """
    deadline = time.monotonic() + timeout
    _send(party, line, deadline, timeout)
    if close_stdin:
        party.outlet.close()
    legacy_output = not party.prepared.announced and party.role == "output"
    if legacy_output:
        deadline = min(deadline, time.monotonic() + LEGACY_SILENCE_S)
    first = _first_line(party, deadline)
    if first is None:
        if legacy_output:
            return
        raise RunError(
            "provider.handshake_timeout",
            f"{party.role} `{party.prepared.name}` said nothing within {timeout:g} s",
            hint="raise `ready_timeout` if it needs longer to start; its handshake must be flushed",
            where=party.where(),
        )
    if not first:
        # A legacy input may have nothing to say at all.
        if party.prepared.announced or party.role == "output":
            raise party.died(party.wait(5.0), "before the handshake")
        return
    if take_handshake(party, first):
        party.reader.skip(len(first))


def take_handshake(party: Party, first: bytes) -> bool:
    """Judge a provider's first line; says whether it was a handshake, which a legacy one's need not be."""
    handshake = _parse(first, strict=not party.prepared.announced)
    if handshake is None:
        if not party.prepared.announced:
            return False
        text = first[:200].decode("utf-8", "replace").rstrip()
        raise RunError(
            "provider.handshake",
            f"{party.role} `{party.prepared.name}` began with something else than a handshake: `{text}`",
            hint='its first line on stdout must be `{"status":"ready",…}`; logs belong on stderr',
            where=party.where(),
        )
    if handshake.status == "error":
        raise RunError(
            "provider.refused",
            f"{party.role} `{party.prepared.name}` is not ready: {handshake.message or 'it gave no reason'}",
            hint=handshake.hint or loopback(party.prepared, [handshake.message or "", *party.last_words]),
            where=party.where(),
        )
    if party.prepared.announced and handshake.protocol != PROTOCOL_VERSION:
        raise RunError(
            "provider.protocol",
            f"{party.role} `{party.prepared.name}` announced protocol {PROTOCOL_VERSION} and shook hands with"
            f" {handshake.protocol}",
            hint=f'its handshake must hold `"protocol":{PROTOCOL_VERSION}`',
            where=party.where(),
        )
    if not party.prepared.announced and handshake.protocol is not None:
        raise ConfigError(
            "provider.unannounced",
            f"{party.role} `{party.prepared.name}` speaks protocol {handshake.protocol} but does not announce it",
            hint=f"add `protocol = {handshake.protocol}` to the task's `{party.role}` block, or put its `provider.json`"
            " beside the executable (an image: the label `io.dstream.provider`)",
            where=party.where(),
        )
    party.handshake = handshake
    return True


def _send(party: Party, line: bytes, deadline: float, timeout: float) -> None:
    try:
        if party.outlet.write(line, deadline) == len(line):
            return
    except StreamBroken:
        raise party.died(party.wait(5.0), "before it had read its first line") from None
    raise RunError(
        "provider.handshake_timeout",
        f"{party.role} `{party.prepared.name}` did not read its first line within {timeout:g} s",
        where=party.where(),
    )


def _first_line(party: Party, deadline: float) -> bytes | None:
    """The first line, still held by the reader; b"" at the end of the stream, None past the deadline."""
    while (line := party.reader.peek_line()) is None:
        try:
            count = party.inlet.read_into(party.reader.room(), deadline)
        except StreamBroken as error:
            raise broken(party, error) from error
        if count is None:
            return None
        if count == 0:
            return party.reader.held
        party.reader.hold(count)
        if len(party.reader.held) > ENVELOPE_LIMIT:
            return party.reader.held
    return line


def _parse(line: bytes, *, strict: bool) -> Handshake | None:
    try:
        fields = msgspec.json.decode(line.removeprefix(BOM))
        if not isinstance(fields, dict) or fields.get("status") not in ("ready", "error"):
            return None
        if strict and not HANDSHAKE_KEYS.issuperset(fields):
            return None
        return msgspec.convert(fields, Handshake)
    except NOT_JSON:
        return None


def broken(party: Party, error: StreamBroken) -> UnavailableError:
    """The error for a stream that ended by somebody else's doing."""
    return UnavailableError(
        "engine.lost",
        f"the connection to {party.role} `{party.prepared.name}` broke: {error}",
        hint="nothing past the last acknowledged checkpoint is lost; run the task again when the engine is back",
        where=party.where(),
    )
