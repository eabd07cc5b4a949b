"""One release of this repository, of the two small images for one platform, into a registry whose data is kept."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.registry.client import RegistryClient
from tests.servers.builder import Builder
from tests.servers.registry import Registry
from tests.servers.script import REPOSITORY, run_script

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = ("console-output-provider", "counter-input-provider")
PLATFORM = "linux/amd64"


@dataclass(frozen=True)
class Release:
    """What one command did in `clone`, and what the registry then had, served again at `namespace`."""

    clone: Path
    said: str
    printed: list[str]
    namespace: str
    key: Path

    def script(self, name: str, *arguments: str, signer: bool = True) -> subprocess.CompletedProcess[str]:
        """Another of its scripts, in the environment that the release had."""
        return run(self.clone, name, *arguments, signer=signer)


def run(clone: Path, name: str, *arguments: str, signer: bool = True) -> subprocess.CompletedProcess[str]:
    """scripts/`name` of the clone. With `signer` the stand-in for cosign is on the PATH."""
    fakes = [str(REPOSITORY / "tests" / "fakes" / "signer")] if signer else []
    cache = os.environ.get("DSTREAM_CACHE", str(REPOSITORY / ".cache"))
    return subprocess.run(
        [clone / "scripts" / name, *arguments],
        env={**os.environ, "DSTREAM_CACHE": cache, "PATH": os.pathsep.join([*fakes, os.environ["PATH"]])},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Release]:
    """What `scripts/rehearse-release` does with a clean clone. Large ones lack their Dockerfile there, so are none."""
    folder = tmp_path_factory.mktemp("release")
    clone, data = folder / "clone", folder / "data"
    git = ["git", "-C", str(clone), "-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True, timeout=60)
    for dockerfile in clone.glob("images/*/Dockerfile"):
        if dockerfile.parent.name not in SMALL:
            dockerfile.unlink()
    subprocess.run([*git, "commit", "--quiet", "--all", "--message", "Only small images"], check=True, timeout=60)
    # What is installed serves the clone as well, as long as it is of the same sources.
    changed = subprocess.run(["git", "-C", REPOSITORY, "diff", "--quiet", "HEAD"], check=False, timeout=60).returncode
    if not changed and (REPOSITORY / ".venv").exists():
        run_script("venv")
        (clone / ".venv").symlink_to(REPOSITORY / ".venv")
    with Builder("release") as builder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", engine)
        patch.setenv("BUILDKIT_HOST", builder.host)  # what was built once is not built again
        done = run(clone, "rehearse-release", "--platform", PLATFORM, "--data", str(data))
        assert done.returncode == 0, done.stderr
        with Registry(data, "released") as registry:
            namespace = f"{registry.address}/katasec"
            yield Release(clone, done.stderr, done.stdout.splitlines(), namespace, data / "cosign.pub")
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def client() -> Iterator[RegistryClient]:
    with RegistryClient() as asking:
        yield asking
