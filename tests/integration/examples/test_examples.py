"""Every example runs, and so does the demo, with a Docker Engine and without."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.roadmap import OCI_VALIDATION
from tests.servers.engine import PrivateEngine
from tests.servers.images import of_today

if TYPE_CHECKING:
    from tests.servers.images import Images

REPOSITORY = Path(__file__).parents[3]
DSTREAM = Path(sys.executable).with_name("dstream")
COUNTED = ["1", "2", "3", "4", "5"]


def run(
    *command: str | Path, state: Path, host: str, mirrors: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environ = {
        **os.environ,
        "CI": "false",  # which would allow the demo to start an engine of its own
        "DOCKER_HOST": host,
        "DSTREAM_STATE_DIR": str(state),
        "DSTREAM_MIRRORS": json.dumps(mirrors or {}),
    }
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def numbers(output: str) -> list[str]:
    return re.findall(r'"value":(\d+)', output)


@pytest.mark.engine
def test_the_counter_example_runs_in_containers_pulled_by_reference(
    engine: str, images: Images, tmp_path: Path
) -> None:
    example = "examples/counter-to-console/dstream.hcl"
    done = run(
        DSTREAM, "--config", example, "run", "counter-to-console", state=tmp_path, host=engine, mirrors=images.mirrors
    )
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout) == COUNTED
    assert "5 emitted = 5 relayed = 5 acknowledged" in done.stderr


def listed(host: str, *command: str) -> set[str]:
    """What `docker COMMAND` of that engine prints."""
    done = subprocess.run(["docker", "--host", host, *command], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def processes_of(folder: Path) -> list[str]:
    """The command lines that name the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # gone since
            found.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if str(folder) in line]


@pytest.mark.engine
def test_the_roadmaps_task_pulls_both_images_runs_them_and_leaves_nothing(
    engine: str, images: Images, tmp_path: Path
) -> None:
    everything = (
        ["ps", "--all", "--quiet", "--no-trunc"],
        ["network", "ls", "--quiet", "--no-trunc"],
        ["volume", "ls", "--quiet"],
    )
    for image in (images.counter, images.console):
        if listed(engine, "images", "--quiet", image):
            listed(engine, "rmi", "--force", image)
        assert listed(engine, "images", "--quiet", image) == set()
    before = [listed(engine, *what) for what in everything]
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    (tmp_path / "dstream.hcl").write_text(of_today(OCI_VALIDATION))
    done = run(
        "env", f"TMPDIR={temporary}", DSTREAM, "--config", tmp_path / "dstream.hcl", "run", "oci-validation",
        state=tmp_path / "state", host=engine, mirrors=images.mirrors,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout) == COUNTED
    assert "5 emitted = 5 relayed = 5 acknowledged" in done.stderr
    assert [listed(engine, *what) for what in everything] == before
    assert list(temporary.iterdir()) == []
    assert processes_of(tmp_path) == []


def test_the_counter_example_runs_as_processes(tmp_path: Path) -> None:
    example = "examples/counter-to-console/local.hcl"
    done = run(DSTREAM, "--config", example, "run", "counter-to-console", state=tmp_path, host="unix:///nowhere")
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout) == COUNTED


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_the_demo_builds_the_images_and_runs_them(tmp_path: Path) -> None:
    with PrivateEngine("demo") as engine:
        done = run("scripts/demo", state=tmp_path, host=engine.host)
        left = subprocess.run(
            ["docker", "--host", engine.host, "ps", "--all", "--quiet"],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout) == COUNTED
    assert "building ghcr.io/katasec/counter-input-provider" in done.stderr
    assert left.stdout == ""


def test_the_demo_without_an_engine_runs_processes_and_says_how_to_get_containers(tmp_path: Path) -> None:
    done = run("scripts/demo", state=tmp_path, host="unix:///nowhere/engine.sock")
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout) == COUNTED
    assert "no Docker Engine answers" in done.stderr
    assert "for containers" in done.stderr


def test_a_missing_package_is_named_in_one_line_and_nothing_is_installed(tmp_path: Path) -> None:
    # A machine with the usual tools and no docker-registry.
    for tool in ("bash", "cat", "dirname", "env", "grep", "id", "tr"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    done = subprocess.run(
        [shutil.which("bash") or "bash", "scripts/registry", "start", "--name", "absent"],
        cwd=REPOSITORY, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "apt-get install docker-registry" in done.stderr
