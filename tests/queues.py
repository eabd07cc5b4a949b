"""The Service Bus output's lifecycle commands, given to it as `dstream` gives them."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from dstream_sdk import LifecycleReply, Resource
from dstream_sdk.protocol import CommandEnvelope, CommandOptions, Stream
from tests.commands import started

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


PROJECT = "shop"
PATIENCE_S = 120.0


class Queues:
    """The queues of one task, looked after by the provider as a process. `engine` is the folder of Pulumi's.

    `tables` are what the input announces; `said` is what each command said on stderr.
    """

    def __init__(
        self, folder: Path, engine: Path, connection_string: str, *, task: str = "mssql-to-asb", **config: Any
    ) -> None:
        self.folder = folder / task
        self.task = task
        self.config = {"connection_string": connection_string, **config}
        self.environ = {**os.environ, "PATH": f"{engine}{os.pathsep}{os.environ['PATH']}"}
        self.tables: Sequence[str] = ("Persons", "Orders", "Customers")
        self.said: list[str] = []

    def start(self, command: str, **options: Any) -> subprocess.Popen[str]:
        """The command under way, its envelope written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        envelope = CommandEnvelope(
            command,
            self.config,
            protocol=1,
            role="output",
            task=self.task,
            options=msgspec.to_builtins(CommandOptions(project=PROJECT, folder=str(self.folder), **options)),
            streams=[Stream(table, schema="dbo") for table in self.tables],
        )
        return started("asb_output_provider", envelope, self.environ)

    def ask(self, command: str, **options: Any) -> LifecycleReply:
        """The reply to the command."""
        with self.start(command, **options) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            # stdin stays open: its end would mean that nobody waits for the reply.
            with ThreadPoolExecutor(1) as aside:
                said = aside.submit(process.stderr.read)
                out = process.stdout.read()
                self.said.append(said.result())
            process.stdin.close()
            process.wait(PATIENCE_S)
        assert out, self.said[-1]
        handshake, *lines = out.splitlines()
        assert json.loads(handshake)["status"] == "ready", out + self.said[-1]
        (line,) = lines
        reply = msgspec.json.decode(line, type=LifecycleReply)
        assert process.returncode == (0 if reply.status == "Success" else 1)
        return reply

    def actions(self, command: str, **options: Any) -> dict[str, str]:
        """What the command did or would do, by queue. Fails unless it succeeds."""
        reply = self.ask(command, **options)
        assert reply.status == "Success", reply.error
        return actions(reply)


def actions(reply: LifecycleReply) -> dict[str, str]:
    return {resource.name: resource.action for resource in reply.resources if isinstance(resource, Resource)}


def resource(reply: LifecycleReply, name: str) -> Resource:
    return next(one for one in reply.resources if isinstance(one, Resource) and one.name == name)
