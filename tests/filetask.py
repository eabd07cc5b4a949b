"""A task whose infrastructure is files, looked after by Pulumi's engine: its commands as `dstream` gives them."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec

from dstream_sdk import LifecycleReply, Resource
from dstream_sdk.protocol import CommandEnvelope, CommandOptions
from tests.commands import started

ROOT = Path(__file__).parents[1]
PATIENCE_S = 90.0


class FileTask:
    """`far` is where its files are, `folder` where Pulumi keeps its state; `said` is the last command's stderr."""

    module = "tests.fakes.pulumi.files"

    def __init__(self, root: Path, engine: Path, *, task: str = "orders", **config: Any) -> None:
        self.far = root / "far"
        self.far.mkdir(exist_ok=True)
        self.folder = root / "infra" / task
        self.task = task
        self.config: dict[str, Any] = {"far": str(self.far), **config}
        self.environ = {
            **os.environ,
            "PATH": f"{engine}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        self.said = ""

    def start(self, command: str, **options: Any) -> subprocess.Popen[str]:
        """The command under way, its envelope written."""
        envelope = CommandEnvelope(
            command,
            self.config,
            protocol=1,
            role="output",
            task=self.task,
            options=msgspec.to_builtins(CommandOptions(folder=str(self.folder), **options)),
        )
        return started(self.module, envelope, self.environ)

    def reply(self, process: subprocess.Popen[str]) -> LifecycleReply:
        """What it answers at last. Its stdin stays open until then: closed, it would mean cancel."""
        assert process.stdout is not None
        assert process.stderr is not None
        with process:
            lines = process.stdout.read().splitlines()
            self.said = process.stderr.read()
        assert len(lines) == 2, (lines, self.said)
        return msgspec.json.decode(lines[1], type=LifecycleReply)

    def do(self, command: str, **options: Any) -> LifecycleReply:
        return self.reply(self.start(command, **options))

    def hold(self, name: str) -> None:
        """Have the next creation or deletion of the file stop once it is made and before it is told."""
        (self.far.parent / "hold").write_text(name)

    def held(self) -> None:
        """Wait until it has come there."""
        deadline = time.monotonic() + PATIENCE_S
        while not (self.far.parent / "held").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def release(self) -> None:
        (self.far.parent / "hold").unlink()
        (self.far.parent / "held").unlink()

    def files(self) -> list[str]:
        return sorted(path.name for path in self.far.iterdir())


def actions(reply: LifecycleReply) -> dict[str, str]:
    """What is to be done with each file."""
    assert reply.status == "Success", reply.error
    return {one.name: one.action for one in reply.resources if isinstance(one, Resource)}


def detail(reply: LifecycleReply, name: str) -> dict[str, Any]:
    return next(one.detail for one in reply.resources if isinstance(one, Resource) and one.name == name)
