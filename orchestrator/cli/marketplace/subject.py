"""The command line that starts the provider under test: a local program, a container, or an artifact's executable."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dstream_sdk.protocol import LABEL
from orchestrator.cli.compose import container_limits
from orchestrator.cli.engine import engine_host
from orchestrator.cli.runs.pulls import BarPulls, PlainPulls
from orchestrator.cli.sources import sources
from orchestrator.cli.terminal.screen import Screen
from orchestrator.errors import ConfigError, Where
from orchestrator.pipeline.sources import Asked
from orchestrator.runtime.base import ImageProgram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.cli.invocation import Invocation
    from orchestrator.registry.image import ResolvedImage
    from orchestrator.settings import Settings

_PATHS = ("/", "./", "../", "~/")


@dataclass(frozen=True, slots=True)
class Subject:
    """What was named on the command line. Only with `artifact` does a reference become a process of this host."""

    provider: str
    role: str | None
    network: str | None
    artifact: bool


@dataclass(frozen=True, slots=True)
class Command:
    """`announcement` is the description that goes with it: None where a task may say `protocol = 1` instead."""

    line: list[str]
    announcement: str | None


@contextlib.contextmanager
def command_of(subject: Subject, invocation: Invocation, settings: Settings) -> Iterator[Command]:
    """What starts it, for as long as this is entered. Blocks while it is pulled.

    Raises `ConfigError` (`test.no_program`, `test.ambiguous`) and what `Sources` does.
    """
    provider = subject.provider
    if provider in (".", "..") or provider.startswith(_PATHS):
        yield _program(provider)
        return
    if not set(":@") & set(provider) and Path(provider).exists():
        hint = f"write `./{provider}` for the program, or `{provider}:latest` for the image"
        raise ConfigError("test.ambiguous", f"`{provider}` is here, and may be an image's name too", hint=hint)
    screen = Screen(invocation)
    pulls = BarPulls(screen) if screen.interactive else PlainPulls(screen)
    asked = Asked(provider, Where(image=provider), settings.pull, on_event=pulls.event)
    with sources(None, settings) as found, contextlib.closing(pulls):
        if subject.artifact:
            artifact = found.artifact(asked)
            said = artifact.description
            command = Command([str(artifact.executable)], said.decode("utf-8", "replace") if said else None)
        else:
            command = _container(found.image(asked), subject, settings)
        pulls.close()
        yield command


def _program(provider: str) -> Command:
    """The program at that path, or the one called `provider` in that folder."""
    path = Path(provider).expanduser()
    path = path / "provider" if path.is_dir() else path
    if not path.is_file():
        hint = "name an executable, or a folder with one called `provider`; an image goes without `./`"
        raise ConfigError("test.no_program", f"there is no program `{path}`", hint=hint)
    beside = path.with_name("provider.json")
    return Command([str(path.absolute())], beside.read_text("utf-8", "replace") if beside.is_file() else None)


def _container(image: ResolvedImage, subject: Subject, settings: Settings) -> Command:
    from orchestrator.cli.marketplace.attached import command_line

    label = image.labels.get(LABEL, "")
    said = _description(label)
    line = command_line(
        ImageProgram(image.reference, image.image_id, image.digest),
        container_limits(settings),
        engine_host(settings.engine_host),
        settings.pass_proxy,
        role=subject.role or ("output" if said.get("role") == "output" else "input"),
        network=subject.network,
        writable=said.get("writable", []),
    )
    return Command(line, label)


def _description(label: str) -> dict[str, Any]:
    """What an image announces, where it announces anything: the suite judges it, this only starts it."""
    try:
        said = json.loads(label)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
