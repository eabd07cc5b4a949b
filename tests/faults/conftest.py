"""What the fault tests share: projects that leave nothing, an engine with their images, and the seed."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.places import Containers, Processes, make_images
from tests.faults.project import Project
from tests.servers.engine import PrivateEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.places import Place

# In the environment, so that all processes that run tests side by side have one.
SEED = int(os.environ.setdefault("DSTREAM_FAULT_SEED", str(random.SystemRandom().randrange(1 << 32))))

TOLD = pytest.StashKey[list[str]]()
"""What tests have to tell besides whether they passed, printed at the end."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["told"] = session.config.stash.get(TOLD, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    stash = node.config.stash
    stash[TOLD] = [*stash.get(TOLD, []), *node.workeroutput.get("told", [])]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"faults: DSTREAM_FAULT_SEED={SEED}")
    for line in terminalreporter.config.stash.get(TOLD, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def seed() -> int:
    """What every random choice of these tests comes from."""
    return SEED


@pytest.fixture(scope="session")
def containers(engine: str) -> Containers:
    """The shared engine, with an image of every program in providers/."""
    make_images(engine)
    return Containers(engine)


@pytest.fixture(scope="session")
def mortal_engine() -> Iterator[PrivateEngine]:
    """An engine that may be killed, with the same images."""
    with PrivateEngine("mortal") as engine:
        make_images(engine.host)
        yield engine


@pytest.fixture(params=["process", "container"])
def place(request: pytest.FixtureRequest) -> Place:
    """Both runtimes, one after the other."""
    if request.param == "process":
        return Processes()
    found: Containers = request.getfixturevalue("containers")
    return found


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's cache folder, for all projects."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project_at(tmp_path: Path, cache: Path) -> Iterator[Callable[..., Project]]:
    """Makes projects, and sees to it that nothing of them is left."""
    made: list[Project] = []

    def make(place: Place, *, package: Path | None = None) -> Project:
        made.append(Project(tmp_path / f"project-{len(made)}", place, cache=cache, package=package))
        return made[-1]

    yield make
    for project in made:
        project.sweep()
