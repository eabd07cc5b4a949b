"""One question to a provider and its one answer: `describe`, `check`, `discover` and the lifecycle commands."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from dstream_sdk.protocol import LINE_LIMIT, NOT_JSON
from orchestrator.errors import RunError
from orchestrator.pipeline.conversation import Party, broken, envelope, greet, start
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.provider import Prepared
from orchestrator.relay.channel import Halt, Inlet
from orchestrator.runtime.base import Role, Runtime, StreamBroken

DISPOSE_S = 30.0
EXIT_S = 5.0
"""How long a provider may take to exit once it has answered, before it is killed."""

Reply = TypeVar("Reply")


def ask(
    prepared: Prepared,
    runtime: Runtime,
    command: str,
    reply: type[Reply],
    *,
    fields: dict[str, Any],
    timeout: float,
    ready_timeout: float,
    control: RunControl,
    log: Callable[[Role, bytes], None],
    ca_bundle: str | None = None,
) -> Reply:
    """Start the provider, ask, and see it gone. Blocks for at most `ready_timeout` + `timeout` + `EXIT_S` seconds.

    A reply that says `Failed` is returned like any other. Raises `RunError` when the provider dies, answers
    something else or nothing, and `Halted` when `control` is asked to stop.
    """
    halt = Halt()
    control.listen(halt.set)
    try:
        party = start(prepared, runtime, halt, log, ca_bundle)
        try:
            legacy = not prepared.announced
            greet(party, envelope(prepared, command, fields), close_stdin=legacy, timeout=ready_timeout)
            deadline = time.monotonic() + timeout
            line = read_answer(party, party.inlet, command, deadline)
            if line is None:
                raise RunError(
                    "provider.no_answer",
                    f"{party.role} `{prepared.name}` did not answer `{command}` within {timeout:g} s",
                    where=party.where(),
                )
            party.running.wait(EXIT_S)  # it was not asked to go: an answer comes before what tidies up behind it
            try:
                return msgspec.json.decode(line, type=reply)
            except NOT_JSON as error:
                raise not_understood(party, command, line, error) from error
        finally:
            halt.set()  # nobody reads its streams any more
            party.dispose(DISPOSE_S)
    finally:
        control.listen(None)
        halt.close()


def read_answer(party: Party, inlet: Inlet, command: str, deadline: float) -> bytes | None:
    """The provider's next line, read from its stdout by `inlet` and still held; None past `deadline` (monotonic).

    The last line of a legacy provider that exits 0 need not be ended: the original takes it as well.

    Raises `RunError` when it dies first or says more than a line may hold, `UnavailableError` where the stream breaks
    and `Halted` as the inlet does.
    """
    while (line := party.reader.peek_line()) is None:
        try:
            count = inlet.read_into(party.reader.room(), deadline)
        except StreamBroken as error:
            raise broken(party, error) from error
        if count is None:
            return None
        if count == 0:
            ended = party.wait(5.0)
            if party.reader.held and not party.prepared.announced and ended is not None and ended.clean:
                return party.reader.held
            raise party.died(ended, f"before it answered `{command}`")
        party.reader.hold(count)
        if len(party.reader.held) > LINE_LIMIT:
            raise RunError(
                "provider.answer",
                f"{party.role} `{party.prepared.name}` answered `{command}` with more than {LINE_LIMIT:,} bytes",
                where=party.where(),
            )
    return line


def not_understood(party: Party, command: str, line: bytes, problem: object) -> RunError:
    """The error for an answer that is something else."""
    text = line[:200].decode("utf-8", "replace").rstrip()
    return RunError(
        "provider.answer",
        f"{party.role} `{party.prepared.name}` answered `{command}` with something else ({problem}): `{text}`",
        where=party.where(),
    )
