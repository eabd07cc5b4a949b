"""Holds a provider against the contract: the SDK's suite, run as a program of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.marketplace.subject import command_of
from orchestrator.cli.runs.signals import Signals
from orchestrator.cli.terminal.events import emit
from orchestrator.cli.terminal.screen import Screen
from orchestrator.cli.terminal.words import printable
from orchestrator.errors import ConfigError
from orchestrator.pipeline.observe import RunControl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.marketplace.subject import Command, Subject

_LEAVES_WITHIN = 10.0
_CONFIG = """write `--with '{"key": "value"}'`, or `--with @FILE`"""


def hold(invocation: Invocation, subject: Subject, config: str, options: Sequence[str]) -> int:
    """Show each result as it is known. The exit status is the suite's.

    `config` is JSON or `@FILE`, `options` are those of `python -m dstream_sdk.testing`.
    """
    settings = invocation.settings()
    _check_config(config)
    # -P: what lies in the current folder is no module of ours.
    suite = [sys.executable, "-P", "-m", "dstream_sdk.testing", "--config", config, *options]
    suite += ["--role", subject.role] if subject.role else []
    suite += ["--json"] if invocation.json else []
    with (
        _interruptible(),
        command_of(subject, invocation, settings) as command,
        _announced(command) as announced,
        _running([*suite, *announced, "--", *command.line]) as running,
    ):
        # It answers first of all what it is, and may take its time.
        Screen(invocation).note(f"asking `{printable(subject.provider)}` what it is")
        for line in running.stdout or ():
            if invocation.json:
                emit({"event": "contract", **json.loads(line)})
            else:
                print(printable(line.rstrip("\n")), flush=True)
        return running.wait()


@contextlib.contextmanager
def _announced(command: Command) -> Iterator[list[str]]:
    """By way of a file: it may be longer than an argument can be."""
    if command.announcement is None:
        yield []
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="replace", prefix="dstream-") as file:
        file.write(command.announcement)
        file.flush()
        yield [f"--announcement=@{file.name}"]


def _check_config(text: str) -> None:
    """Refuse here what the suite would refuse in words of its own."""
    try:
        config = json.loads(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise ConfigError("test.config", f"`--with`: `{text[1:]}` cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError("test.config", f"`--with` is not JSON: {error}", hint=_CONFIG) from error
    if not isinstance(config, dict):
        raise ConfigError("test.config", "`--with` is not a JSON object", hint=_CONFIG)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """A signal raises `Interrupted`, wherever we wait."""
    signals = Signals(RunControl())
    signals.preparing = True
    with signals:
        yield


@contextlib.contextmanager
def _running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Ended, and with it the provider that it tests, however this is left."""
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    # In a group of its own: Ctrl-C is for us to hand on.
    with subprocess.Popen(command, stdin=nothing, stdout=pipe, text=True, process_group=0) as suite:
        try:
            yield suite
        finally:
            suite.terminate()
            try:
                suite.wait(_LEAVES_WITHIN)
            except subprocess.TimeoutExpired:
                suite.kill()
