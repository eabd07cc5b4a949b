"""The real command, run on a project of a test's own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from orchestrator.cli.main import main
from orchestrator.config.hcl import parse
from orchestrator.config.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVIDERS = Path(__file__).parents[1] / "fakes" / "providers"
DSTREAM = Path(sys.executable).with_name("dstream")

# Who runs the tests in the background hands on a Ctrl-C that is ignored, and so would the commands under test.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """What `--json` wrote: every line is one object."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Project:
    """A folder with a dstream.hcl, and the command run in it."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.file = folder / "dstream.hcl"
        home = folder / "home"
        home.mkdir()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        self.environ = {
            **kept,
            "HOME": str(home),
            "XDG_CACHE_HOME": str(cache),
            "DOCKER_HOST": f"unix://{folder}/no-engine.sock",
        }

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def task(
        self, name: str = "orders", *, source: str = "numbers.py", output: str = "lines.py", config: str = ""
    ) -> None:
        """Add a task that joins two of the providers in tests/fakes; `source` is the input, `config` its."""
        self.file.touch()
        with self.file.open("a") as file:
            file.write(
                f'task "{name}" {{\n'
                f'  input {{\n    provider_path = "{_path(source)}"\n    protocol = 1\n    ready_timeout = "60s"\n'
                f"    config {{ {config} }}\n  }}\n"
                f'  output {{\n    provider_path = "{_path(output)}"\n    protocol = 1\n  }}\n'
                "}\n"
            )

    @contextlib.contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The running command; killed where a test leaves it running."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [DSTREAM, *arguments],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        try:
            yield process
            process.wait(timeout=60)
        finally:
            process.kill()
            process.communicate()

    def run(self, *arguments: str) -> Done:
        """The command from its first line to its exit, in this process: starting one costs more than all the rest."""
        stdout, stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, self.environ, clear=True),
            mock.patch.multiple(sys, argv=["dstream", *arguments], stdout=stdout, stderr=stderr),
            pytest.raises(SystemExit) as exited,
        ):
            main()
        assert isinstance(exited.value.code, int)
        return Done(exited.value.code, _written(stdout), _written(stderr))

    def execute(self, *arguments: str) -> Done:
        """The command as a shell runs it."""
        with self.started(*arguments) as process:
            stdout, stderr = process.communicate(timeout=60)
        return Done(process.returncode, stdout, stderr)


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


def _path(name: str) -> str:
    return name if "/" in name else str(PROVIDERS / name)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the parser's tables are kept. They are loaded here once, and inherited by every parsing child."""
    folder = tmp_path_factory.mktemp("cache")
    with mock.patch.dict(os.environ, {"XDG_CACHE_HOME": str(folder)}):
        parse(Source("none", "", folder))
    return folder


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    return Project(tmp_path, cache)
