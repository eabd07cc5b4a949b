"""The provider images of this repository, built once for as long as nothing of them changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from docker import APIClient

from tests.servers.engine import PrivateEngine
from tests.servers.registry import Registry
from tests.servers.script import REPOSITORY, run_script

NAMESPACE = "ghcr.io/katasec"
PROVIDERS = ("counter-input-provider", "console-output-provider", "mssql-cdc-provider", "asb-output-provider")
_MADE_FROM = (
    "VERSION.txt",
    "constraints.txt",
    "Dockerfile.base",
    "scripts/build-image",
    "scripts/image",
    "scripts/base-image",
    "scripts/base-root",
    "scripts/base",
    "scripts/pulumi",
    "scripts/pulumi-engine",
    "scripts/wheelhouse",
    "sdk",
    "images",
)


@dataclass(frozen=True)
class Images:
    """References in the test registry. `mirrors` makes the published references resolve to them."""

    counter: str
    console: str
    mssql: str
    asb: str
    mirrors: dict[str, str]


def images_at(address: str) -> Images:
    """The references that `publish_images` leads to, in the registry at `address`."""
    counter, console, mssql, asb = (f"{address}/katasec/{name}:v{version_of(name)}" for name in PROVIDERS)
    return Images(counter, console, mssql, asb, {NAMESPACE: f"{address}/katasec"})


def version_of(name: str) -> str:
    """The version that the provider in images/ says it has, or that of the base image under them all."""
    if name == "dstream-provider-base":
        return (REPOSITORY / "VERSION.txt").read_text().strip()
    return str(json.loads((REPOSITORY / "images" / name / "provider.json").read_text())["version"])


def of_today(text: str) -> str:
    """The text with its published references of v0.1.0 turned into those of the versions here."""
    pattern = rf"({re.escape(NAMESPACE)}/({'|'.join(PROVIDERS)})):v0\.1\.0"
    return re.sub(pattern, lambda match: f"{match[1]}:v{version_of(match[2])}", text)


def publish_images(registry: Registry) -> Images:
    """Put the images into a running registry, as `katasec/<name>:v<version>`.

    They are built in an engine of their own, so the one under test has never seen them, nor any of their layers.
    """
    cache = Path(os.environ.get("DSTREAM_CACHE", REPOSITORY / ".cache")) / "images"
    stored = cache / _hash_of_sources()
    if not stored.exists():
        _build(stored)
        for other in cache.iterdir():
            if other != stored:
                shutil.rmtree(other, ignore_errors=True)
    # The registry's storage is plain files without an index, so this is as good as a push.
    shutil.copytree(stored, registry.data, dirs_exist_ok=True)
    return images_at(registry.address)


def _build(stored: Path) -> None:
    stored.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="building-", dir=stored.parent))
    with PrivateEngine("build") as engine, Registry(fresh, "build") as registry:
        prefix = f"{registry.address}/katasec"
        run_script("build-image", "--prefix", prefix, *PROVIDERS, environ={"DOCKER_HOST": engine.host}, timeout=900)
        with contextlib.closing(APIClient(base_url=engine.host, timeout=300)) as api:
            for name in ("dstream-provider-base", *PROVIDERS):
                for said in api.push(f"{prefix}/{name}", tag=f"v{version_of(name)}", stream=True, decode=True):
                    assert "error" not in said, said
    fresh.chmod(0o755)
    fresh.rename(stored)


def _hash_of_sources() -> str:
    digest = hashlib.sha256()
    for root in _MADE_FROM:
        for path in sorted((REPOSITORY / root).rglob("*") if (REPOSITORY / root).is_dir() else [REPOSITORY / root]):
            if path.is_file() and not {"__pycache__", "tests"} & set(path.parts):
                digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
