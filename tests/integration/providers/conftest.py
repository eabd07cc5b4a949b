"""Somebody who writes a provider, in a folder that knows nothing of this repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers.builder import Builder
from tests.servers.registry import Registry
from tests.servers.script import REPOSITORY
from tests.servers.wheels import wheel_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.images import Images

FAKES = REPOSITORY / "tests" / "fakes"
KEYED = "--tlog-upload=false --use-signing-config=false"


class Author:
    """Somebody with dstream, Docker and a registry of their own, and what they type."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.environ = environ

    def types(self, line: str, **environ: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", line],
            cwd=self.folder, env=self.environ | environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture
def registry_of_the_author(tmp_path: Path) -> Iterator[Registry]:
    data = tmp_path / "registry"
    data.mkdir()
    with Registry(data, "author", login="octo:token-of-octo") as registry:
        yield registry


@pytest.fixture
def author(engine: str, images: Images, tmp_path: Path) -> Author:
    """The wheels and the base image come in by the environment alone."""
    folder, home, programs = tmp_path / "clean", tmp_path / "home", tmp_path / "bin"
    for made in (folder, home, programs):
        made.mkdir()
    (programs / "docker").symlink_to(shutil.which("docker", path="/usr/bin") or "docker")
    pipx = programs / "pipx"  # a runner's, which would install the `dstream` that is on the PATH already
    pipx.write_text("#!/bin/sh\n")
    pipx.chmod(0o755)
    environ = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "DOCKER_HOST": engine,
        "BASE_IMAGE": images.counter.replace("counter-input-provider", "dstream-provider-base"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": " ".join(map(str, wheel_folders(tmp_path / "index"))),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "DSTREAM_MIRRORS": json.dumps(images.mirrors),
    }
    return Author(folder, environ)


@pytest.fixture(scope="session")
def builder() -> Iterator[Builder]:
    with Builder() as builder:
        yield builder


@pytest.fixture
def publisher(author: Author, registry_of_the_author: Registry, builder: Builder) -> Author:
    """The author, with what a runner publishes with: buildx, cosign, and a key for want of an identity."""
    home, programs = Path(author.environ["HOME"]), Path(author.environ["PATH"].partition(":")[0])
    plugins = home / ".docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(FAKES / "docker-buildx")
    (programs / "buildctl").symlink_to(builder.client)
    cosign = programs / "cosign"
    cosign.write_text(f'#!/bin/sh\nexec {FAKES}/signer/cosign sign --yes --key {home}/cosign.key {KEYED} "$3"\n')
    cosign.chmod(0o755)
    author.environ |= {
        "BUILDKIT_HOST": builder.host,
        "PLATFORMS": "linux/amd64",
        "REGISTRY": registry_of_the_author.address,
        "GITHUB_REPOSITORY_OWNER": "Octo-Org",
        "GITHUB_ACTOR": "octo",
        "TOKEN": "token-of-octo",
    }
    author.types(f"cd && {FAKES}/signer/cosign generate-key-pair")
    return author
