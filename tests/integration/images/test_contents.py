"""What is in an image, and what is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.images.conftest import CONSOLE, COUNTER, push
from tests.servers.builder import Builder

if TYPE_CHECKING:
    from orchestrator.registry.client import RegistryClient
    from tests.integration.images.pushed import PushedImage

# Together, so that the images are built once.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

PLATFORMS = ("linux/amd64", "linux/arm64")
ALLOWED = 90_000_000
COMPILERS = re.compile(r"/bin/([\w.-]+-)?(gcc|g\+\+|cc|clang|go|make|ld)(-[\d.]+)?$")
BUILT_WITH = re.compile(r"/site-packages/(pip|setuptools|wheel|hatchling)(-[^/]+\.dist-info)?/")
KEPT_BY_PACKAGE_MANAGERS = re.compile(r"^/var/(cache/apt|lib/apt/lists)/.*(?<!/lock)$|/\.cache/pip/")


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", [COUNTER, CONSOLE])
def test_an_image_is_small_and_its_user_is_not_root(pushed: dict[str, PushedImage], name: str, platform: str) -> None:
    assert sum(layer.size for layer in pushed[name].manifest(platform).layers) <= ALLOWED
    assert pushed[name].config(platform)["config"]["User"] == "65532:65532"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_nothing_is_left_of_building(pushed: dict[str, PushedImage], platform: str) -> None:
    paths = [path for path, _ in pushed[CONSOLE].files(platform)]
    assert [path for path in paths if KEPT_BY_PACKAGE_MANAGERS.search(path)] == []
    assert [path for path in paths if COMPILERS.search(path)] == []
    # A public base image has a pip of its own, elsewhere.
    assert [path for path in paths if path.startswith("/opt/") and BUILT_WITH.search(path)] == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_a_provider_imports_is_compiled(pushed: dict[str, PushedImage], platform: str) -> None:
    paths = {path for path, _ in pushed[CONSOLE].files(platform) if path.startswith("/opt/dstream/lib/")}
    sources = {path for path in paths if path.endswith(".py")}
    compiled = {re.sub(r"__pycache__/(\w+)\.cpython-\d+\.pyc$", r"\1.py", path) for path in paths - sources}
    assert len(sources) > 100
    assert sources <= compiled


def test_two_builds_make_the_same_layers(client: RegistryClient, pushed: dict[str, PushedImage], address: str) -> None:
    with Builder("again") as builder:
        again = push(client, builder, f"{address}/katasec/again/{COUNTER}:v1")
    for platform in PLATFORMS:
        one, other = pushed[COUNTER].manifest(platform), again.manifest(platform)
        assert [layer.digest for layer in one.layers] == [layer.digest for layer in other.layers]
