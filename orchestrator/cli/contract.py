"""Holds a provider against the contract: the SDK's suite, run as a program of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dstream_sdk.protocol import LABEL
from orchestrator.cli.compose import container_limits
from orchestrator.cli.engine import engine_host
from orchestrator.cli.events import emit
from orchestrator.cli.pulls import BarPulls, PlainPulls
from orchestrator.cli.screen import Screen
from orchestrator.cli.signals import Signals
from orchestrator.cli.sources import Images
from orchestrator.cli.words import printable
from orchestrator.errors import ConfigError, Where
from orchestrator.pipeline.observe import RunControl
from orchestrator.runtime.base import ImageProgram

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.settings import Settings

_LEAVES_WITHIN = 10.0
_CONFIG = """write `--with '{"key": "value"}'`, or `--with @FILE`"""
_PATHS = ("/", "./", "../", "~/")


@dataclass(frozen=True, slots=True)
class Asked:
    """`config` is JSON or `@FILE`, `options` are those of `python -m dstream_sdk.testing`."""

    provider: str
    config: str
    role: str | None
    network: str | None
    options: Sequence[str]


def hold(invocation: Invocation, asked: Asked) -> int:
    """Show each result as it is known. The exit status is the suite's."""
    settings = invocation.settings()
    _check_config(asked.config)
    options = ["--config", asked.config, *asked.options]
    options += ["--role", asked.role] if asked.role else []
    options += ["--json"] if invocation.json else []
    with _interruptible():
        command = _command(invocation, settings, asked)
        with _running([sys.executable, "-P", "-m", "dstream_sdk.testing", *options, "--", *command]) as suite:
            for line in suite.stdout or ():
                if invocation.json:
                    emit({"event": "contract", **json.loads(line)})
                else:
                    print(printable(line.rstrip("\n")), flush=True)
            return suite.wait()


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


def _command(invocation: Invocation, settings: Settings, asked: Asked) -> list[str]:
    if asked.provider in (".", "..") or asked.provider.startswith(_PATHS):
        return [_executable(asked.provider)]
    if not set(":@") & set(asked.provider) and Path(asked.provider).exists():
        hint = f"write `./{asked.provider}` for the program, or `{asked.provider}:latest` for the image"
        raise ConfigError("test.ambiguous", f"`{asked.provider}` is here, and may be an image's name too", hint=hint)
    return _container(invocation, settings, asked)


def _executable(provider: str) -> str:
    """The program at that path, or the one called `provider` in that folder."""
    path = Path(provider).expanduser()
    path = path / "provider" if path.is_dir() else path
    if not path.is_file():
        hint = "name an executable, or a folder with one called `provider`; an image goes without `./`"
        raise ConfigError("test.no_program", f"there is no program `{path}`", hint=hint)
    return str(path.absolute())


def _container(invocation: Invocation, settings: Settings, asked: Asked) -> list[str]:
    from orchestrator.cli.attached import command_line

    screen = Screen(invocation)
    pulls = BarPulls(screen) if screen.interactive else PlainPulls(screen)
    images = Images(settings)
    try:
        image = images.resolve(
            asked.provider, pull=settings.pull, platform=None, on_event=pulls.event, where=Where(image=asked.provider)
        )
    finally:
        pulls.close()
        images.close()
    said = _description(image.labels.get(LABEL, ""))
    return command_line(
        ImageProgram(asked.provider, image.image_id, image.digest),
        container_limits(settings),
        engine_host(settings.engine_host),
        settings.pass_proxy,
        role=asked.role or ("output" if said.get("role") == "output" else "input"),
        network=asked.network,
        writable=said.get("writable", []),
    )


def _description(label: str) -> dict[str, Any]:
    """What an image announces, where it announces anything: the suite judges it, this only starts it."""
    try:
        said = json.loads(label)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


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
