"""A small image of this host's own tools, and a runtime that runs it in the private engine."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker import APIClient

from orchestrator.runtime.base import ImageProgram, Launch, Scope
from orchestrator.runtime.docker import DockerRuntime
from orchestrator.runtime.guard import Guard
from orchestrator.runtime.sandbox import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.runtime.container import RunningContainer

TOOLS = ("sh", "cat", "dd", "env", "grep", "head", "id", "ls", "sleep", "stat", "tail", "touch")
ACCOUNTS = {
    "etc/passwd": b"root:x:0:0::/:/bin/sh\napp:x:1234:1234::/:/bin/sh\n",
    "etc/group": b"root:x:0:\napp:x:1234:\n",
}


def import_image(host: str, *changes: str) -> ImageProgram:
    """An image with a shell and a few tools, and the libraries that they need."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in ACCOUNTS.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        libraries = set()
        for tool in TOOLS:
            path = Path(shutil.which(tool) or "").resolve(strict=True)
            archive.add(path, f"bin/{tool}")
            listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
            libraries |= set(re.findall(r"(/\S+) \(0x", listed))
        for library in sorted(libraries):
            archive.add(Path(library).resolve(), library.lstrip("/"))
        # As images made carelessly have it: nobody but root may write there.
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
    api = APIClient(base_url=host, timeout=60)
    try:
        reference = f"dstream-test/tools:{uuid.uuid4().hex}"
        repository, tag = reference.split(":")
        api.import_image_from_data(packed.getvalue(), repository, tag, list(changes))
        return ImageProgram(reference, api.inspect_image(reference)["Id"])  # type: ignore[no-untyped-call]
    finally:
        api.close()


def remove_image(host: str, program: ImageProgram) -> None:
    api = APIClient(base_url=host, timeout=60)
    try:
        api.remove_image(program.reference, force=True)
    finally:
        api.close()


@pytest.fixture(scope="session")
def tools(engine: str) -> Iterator[ImageProgram]:
    """The image, on the shared engine."""
    program = import_image(engine)
    yield program
    remove_image(engine, program)


@pytest.fixture
def api(engine: str) -> Iterator[APIClient]:
    """The engine itself, to look at what the runtime made."""
    client = APIClient(base_url=engine, timeout=60)
    yield client
    client.close()


@pytest.fixture
def scope() -> Scope:
    """A project of the test's own."""
    return Scope(uuid.uuid4().hex, "orders", "run-1")


@pytest.fixture
def runtime(engine: str, scope: Scope) -> Iterator[DockerRuntime]:
    runtime = DockerRuntime(scope, engine_host=engine, guard=Guard(), limits=Limits(memory=64 << 20))
    yield runtime
    left = runtime.leftovers()
    for leftover in left:
        runtime.remove(leftover, 30)
    runtime.close()


@pytest.fixture
def start(runtime: DockerRuntime, tools: ImageProgram) -> Iterator[Callable[..., RunningContainer]]:
    """Starts a line of shell in a container, disposed at the end."""
    started: list[RunningContainer] = []

    def run(line: str, *, program: ImageProgram = tools, **options: object) -> RunningContainer:
        launch = Launch("input", program, args=["sh", "-c", line], **options)  # type: ignore[arg-type]
        started.append(runtime.start(launch))
        return started[-1]

    yield run
    for running in started:
        running.dispose(30)
