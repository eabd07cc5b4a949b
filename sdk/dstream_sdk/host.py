"""Runs one provider for one command: reads the envelope, shakes hands, hands over to the verb."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NoReturn, cast

import msgspec

from dstream_sdk.context import Context
from dstream_sdk.description import capabilities, commands, describe, roles
from dstream_sdk.errors import OrchestratorGone, ProviderError
from dstream_sdk.input_run import InputRun
from dstream_sdk.logs import start_logs
from dstream_sdk.output_run import OutputRun
from dstream_sdk.protocol import NOT_JSON
from dstream_sdk.protocol.limits import ENVELOPE_LIMIT, PROTOCOL_VERSION
from dstream_sdk.protocol.messages import (
    COMMANDS,
    CheckReply,
    CommandEnvelope,
    DiscoverReply,
    Finding,
    Handshake,
    LifecycleReply,
    Role,
)
from dstream_sdk.provider import InfrastructureProvider, InputProvider, OutputProvider, Provider
from dstream_sdk.stdio import FirstLine, Stdio, cancel_on_eof, write_all
from dstream_sdk.stop import Stop

_BOM = b"\xef\xbb\xbf"


def run_provider(provider: type[Provider[Any]]) -> NoReturn:
    """Serve one command on stdin and stdout and exit the process.

    The exit status is 0 when the command was done, 1 otherwise; why is said in the handshake or on
    stderr, with a traceback only at `DSTREAM_LOG_LEVEL=debug`. Call it from the main thread.
    """
    stdio = Stdio.claim()
    sys.exit(Host(provider, stdio).serve())


class Host:
    """One process, one command."""

    def __init__(self, provider: type[Provider[Any]], stdio: Stdio) -> None:
        self._class = provider
        self._stdio = stdio
        self._stop = Stop()
        self._log = start_logs(provider.name)
        self._shaken = False
        self._protocol: int | None = None

    def serve(self) -> int:
        """Read the envelope, do what it says. Returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        first = FirstLine(self._stdio.stdin, ENVELOPE_LIMIT)
        try:
            envelope = parse_envelope(first.read())
            offered = envelope.protocol or 0
            self._protocol = min(offered, PROTOCOL_VERSION) if offered >= 1 else None
            return self._dispatch(envelope, first.rest)
        except OrchestratorGone as error:
            self._log.info("stopped: %s", error)
        except Exception as error:  # noqa: BLE001 - the provider's code, reported here and nowhere else
            self._report(error)
        finally:
            # A late signal must not turn what is done into a death by signal: an exiting interpreter takes its
            # handlers away.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
        return 1

    def _on_signal(self, number: int, _frame: object) -> None:
        """The first signal drains, a second one finds the default behaviour."""
        signal.signal(number, signal.SIG_DFL)
        self._stop.request(f"{signal.Signals(number).name} came")

    def _dispatch(self, envelope: CommandEnvelope, rest: bytes) -> int:
        command = envelope.command
        known = commands(self._class)
        if command not in known:
            what = "does not have" if command in COMMANDS else "does not know"
            raise ProviderError(
                f"`{self._class.name}` {what} the command `{command}`",
                hint="it knows " + ", ".join(f"`{one}`" for one in known),
            )
        if command == "describe":
            self._shake_hands(())
            self._send(describe(self._class))
            return 0
        role = self._role(envelope)
        provider = self._make(envelope, role)
        if command == "run":
            self._run(provider, role, rest)
            return 0
        if self._protocol:
            cancel_on_eof(self._stdio.stdin, self._stop)
        self._shake_hands(())
        reply = _VERBS[command](provider)
        self._send(reply)
        return 0 if reply.status == "Success" else 1

    def _role(self, envelope: CommandEnvelope) -> Role:
        possible = roles(self._class)
        if envelope.role in possible:
            return envelope.role
        if envelope.role is not None:
            raise ProviderError(f"`{self._class.name}` is no {envelope.role}", hint=f"it is an {possible[0]}")
        if len(possible) > 1:
            raise ProviderError(f"`{self._class.name}` needs a `role`", hint="it is both input and output")
        return possible[0]

    def _make(self, envelope: CommandEnvelope, role: Role) -> Provider[Any]:
        provider = self._class(self._config(envelope))
        provider.context = Context(
            command=envelope.command,
            role=role,
            task=envelope.task,
            run_id=envelope.run_id,
            delivery=envelope.delivery,
            state=None if envelope.state is None else msgspec.json.decode(envelope.state),
            options=envelope.options,
            streams=envelope.streams,
            logger=self._log,
            stop=self._stop,
        )
        return provider

    def _config(self, envelope: CommandEnvelope) -> Any:
        if self._class.config_model is None:
            return envelope.config
        from dstream_sdk.config import parse_config  # noqa: PLC0415 - pydantic, only for those who have a config

        return parse_config(self._class.config_model, envelope.config)

    def _run(self, provider: Provider[Any], role: Role, rest: bytes) -> None:
        run: InputRun | OutputRun
        if role == "input":
            source = cast(InputProvider[Any], provider)
            run = InputRun(source, provider.context, self._stdio, protocol=self._protocol, rest=rest)
        else:
            sink = cast(OutputProvider[Any], provider)
            run = OutputRun(sink, provider.context, self._stdio, protocol=self._protocol, rest=rest)
        try:
            provider.open()
            self._shake_hands(capabilities(self._class, role))
            run.run()
        except BaseException:
            self._close_after_failure(provider)
            raise
        provider.close()
        if isinstance(run, OutputRun):
            run.say_end()

    def _close_after_failure(self, provider: Provider[Any]) -> None:
        try:
            provider.close()
        except Exception as error:  # noqa: BLE001 - the provider's code; the first failure is the one to report
            self._log.warning("closing failed as well: %s", _words(error))

    def _shake_hands(self, declared: Iterable[str]) -> None:
        self._shaken = True
        if self._protocol:
            self._send(Handshake("ready", protocol=self._protocol, capabilities=list(declared)))
        else:
            self._send(Handshake("ready"))

    def _send(self, message: msgspec.Struct) -> None:
        write_all(self._stdio.stdout, msgspec.json.encode(message) + b"\n")

    def _report(self, error: Exception) -> None:
        known = isinstance(error, ProviderError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        hint = error.hint if isinstance(error, ProviderError) else ""
        self._log.debug("where it happened", exc_info=error)
        self._log.error("%s%s", message, f" (hint: {hint})" if hint else "")
        if not self._shaken:
            self._shaken = True
            try:
                self._send(Handshake("error", message=message, hint=hint))
            except OrchestratorGone as gone:
                self._log.info("stopped: %s", gone)


def parse_envelope(line: bytes | None) -> CommandEnvelope:
    """The first line as a command; a bare config means `run`. Raises `ProviderError`, never quoting the line."""
    if line is None:
        raise ProviderError(f"the first line is longer than {ENVELOPE_LIMIT} bytes")
    line = line.removeprefix(_BOM)
    if not line.strip():
        raise ProviderError("no command came on stdin", hint='try: echo \'{"command":"describe"}\' | <provider>')
    try:
        fields = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        if "command" not in fields:
            return CommandEnvelope("run", config=_envelopes_config.decode(line))
        return _envelopes.decode(line)
    except NOT_JSON as error:
        raise ProviderError(f"the first line is no command envelope: {error}") from error


def _number(digits: str) -> float | Decimal:
    """A float where it keeps every digit, else a decimal: a config's numbers are what the user wrote."""
    number = float(digits)
    exact = Decimal(digits)
    return number if Decimal(repr(number)) == exact else exact


_envelopes = msgspec.json.Decoder(CommandEnvelope, float_hook=_number)
_envelopes_config = msgspec.json.Decoder(dict[str, Any], float_hook=_number)


def _check(provider: Provider[Any]) -> CheckReply:
    findings: list[Finding] = []
    try:
        findings += provider.check()
    except Exception as error:  # noqa: BLE001 - the provider's code; the reply is where it is reported
        return CheckReply("Failed", findings, error=_words(error))
    return CheckReply("Success" if all(finding.ok for finding in findings) else "Failed", findings)


def _discover(provider: Provider[Any]) -> DiscoverReply:
    try:
        return DiscoverReply("Success", list(provider.discover()))
    except Exception as error:  # noqa: BLE001 - the provider's code; the reply is where it is reported
        return DiscoverReply("Failed", error=_words(error))


def _lifecycle(verb: str) -> Callable[[Provider[Any]], LifecycleReply]:
    def call(provider: Provider[Any]) -> LifecycleReply:
        method: Callable[[], LifecycleReply] = getattr(cast(InfrastructureProvider[Any], provider), verb)
        try:
            return method()
        except ProviderError as error:
            return LifecycleReply("Failed", error=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001 - the provider's code; the reply is where it is reported
            return LifecycleReply("Failed", error=_words(error))

    return call


def _words(error: Exception) -> str:
    if isinstance(error, ProviderError):
        return f"{error.message} (hint: {error.hint})" if error.hint else error.message
    return f"{type(error).__name__}: {error}"


_VERBS: dict[str, Callable[[Provider[Any]], CheckReply | DiscoverReply | LifecycleReply]] = {
    "check": _check,
    "discover": _discover,
    "init": _lifecycle("init"),
    "plan": _lifecycle("plan"),
    "status": _lifecycle("status"),
    "destroy": _lifecycle("destroy"),
}
