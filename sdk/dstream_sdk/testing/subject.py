"""What a suite is held against, and the steps that its checks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import msgspec

from dstream_sdk.protocol.messages import Description, Handshake, Role
from dstream_sdk.testing.process import DeadlineMissed, ProviderProcess

_HANDSHAKE_KEYS = {"status", "message", "hint", "protocol", "capabilities"}


class ContractFailure(AssertionError):
    """A promise of the contract that the provider broke. The text says what was seen."""


class Inapplicable(Exception):
    """The provider does not claim what the check is about."""


def fail(message: str) -> NoReturn:
    raise ContractFailure(message)


def expect(holds: object, message: str) -> None:
    """Raise `ContractFailure` unless `holds`."""
    if not holds:
        fail(message)


@dataclass(frozen=True)
class Subject:
    """One provider under test.

    `config` is one it works with; an input's should give at least some hundred records quickly.
    `key` reduces an envelope to what is the same when it is read again (the whole envelope by
    default). `durable` counts the records at an output's far side. `announcement` is what an image's
    label or a `provider.json` says, empty where there should be one. `patience_s` is for anything
    that should happen, `quiet_s` for watching that something does not.
    """

    command: Sequence[str]
    config: Mapping[str, Any] = field(default_factory=dict)
    role: Role = "input"
    description: Description | None = None
    key: Callable[[dict[str, Any]], object] = field(default=lambda envelope: envelope)
    durable: Callable[[], int] | None = None
    announcement: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    patience_s: float = 15.0
    quiet_s: float = 0.3

    @contextmanager
    def start(self) -> Iterator[ProviderProcess]:
        """Start the command; failures inside get its last words, and it is gone afterwards."""
        with ProviderProcess(self.command, self.env) as process:
            try:
                yield process
            except DeadlineMissed as error:
                raise ContractFailure(f"the provider {error}{_last_words(process)}") from error
            except ContractFailure as error:
                raise ContractFailure(f"{error}{_last_words(process)}") from error

    def send(self, process: ProviderProcess, message: object) -> None:
        """Send one line."""
        process.send(msgspec.json.encode(message) + b"\n", self.patience_s)

    def command_envelope(self, command: str = "run", **fields: Any) -> dict[str, Any]:
        """An envelope as an orchestrator of protocol 1 writes it."""
        return {
            "command": command,
            "config": dict(self.config),
            "protocol": 1,
            "role": self.role,
            "task": "contract",
            "run_id": "00000000000000000000000000",
            "delivery": "at-least-once",
            **fields,
        }

    def handshake(self, process: ProviderProcess) -> Handshake:
        """Read the handshake, whichever it is."""
        line = process.line(self.patience_s)
        if line is None:
            fail("the provider closed stdout without a handshake")
        fields = decode_object(line, "the handshake")
        expect(set(fields) <= _HANDSHAKE_KEYS, f"the first line is no handshake: {shown(line)}")
        try:
            return msgspec.convert(fields, Handshake)
        except msgspec.ValidationError as error:
            fail(f"the first line is no handshake ({error}): {shown(line)}")

    def ready(self, process: ProviderProcess, **fields: Any) -> Handshake:
        """Start a run and expect the handshake `ready`."""
        self.send(process, self.command_envelope(**fields))
        handshake = self.handshake(process)
        expect(handshake.status == "ready", f"not ready with the given config: {handshake.message}")
        expect(handshake.protocol == 1, f"the handshake answers protocol {handshake.protocol}, 1 was offered")
        return handshake

    def refusal(self, process: ProviderProcess) -> Handshake:
        """Expect the handshake `error` with a message, and an exit status that is not 0."""
        handshake = self.handshake(process)
        expect(handshake.status == "error", "the handshake says ready")
        expect(handshake.message, "the handshake's error has no message")
        process.close_stdin()
        expect(process.status(self.patience_s) != 0, "it exits 0 after a handshake that says error")
        return handshake

    def line(self, process: ProviderProcess) -> bytes:
        """The next line; the end of stdout is a failure."""
        line = process.line(self.patience_s)
        if line is None:
            fail(f"the provider closed stdout before its end, and exited {process.status(self.patience_s)}")
        return line


def decode_object(line: bytes, what: str) -> dict[str, Any]:
    """A line as a JSON object."""
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fail(f"{what} is no JSON object ({error}): {shown(line)}")


def shown(line: bytes) -> str:
    """The beginning of a line, for people."""
    return repr(line[:120].decode("utf-8", "replace")) + ("…" if len(line) > 120 else "")


def _last_words(process: ProviderProcess) -> str:
    lines = process.stderr.strip().splitlines()[-5:]
    return "".join(f"\n  stderr: {line}" for line in lines)
