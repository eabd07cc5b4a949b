"""A catalog's site as visitors have it: made from a real registry, served below a path, and opened in a browser."""

from __future__ import annotations

import functools
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from orchestrator.errors import EXIT_DONE
from orchestrator.registry.client import RegistryClient
from tests.cli.conftest import Project, cache
from tests.servers.described import description, publish_described
from tests.servers.registry import Registry

__all__ = ["cache"]

IMAGES = Path(__file__).parents[3] / "images"
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
HOSTILE = "</script><script>window.reached = 1</script><img src=x onerror='window.reached = 2'>"
PARQUET = description(
    "parquet-files",
    role="both",
    title="Parquet files",
    system="Amazon S3",
    description=HOSTILE,
    config_schema={
        "properties": {"bucket": {"type": "string", "description": HOSTILE, "examples": [HOSTILE]}},
        "required": ["bucket"],
    },
)
KAFKA = description("kafka-input-provider", title="Kafka", system="Apache Kafka", capabilities=["checkpoint"])


@dataclass(frozen=True)
class Site:
    """`address` ends in `/`; `files` is the folder that is served there."""

    address: str
    files: Path


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """A test's own output is enough."""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Project:
    return Project(tmp_path_factory.mktemp("project"), cache)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, project: Project) -> Iterator[Site]:
    """Our own providers and two of strangers, served below `/some/where/`."""
    root = tmp_path_factory.mktemp("served")
    folder = root / "some" / "where"
    with (
        Registry(tmp_path_factory.mktemp("registry"), "marketplace") as registry,
        RegistryClient(deadline=5.0) as client,
    ):
        team = f"{registry.address}/team"
        for described in IMAGES.glob("*/provider.json"):
            publish_described(client, f"{team}/{described.parent.name}:v0.1.0", described.read_text("utf-8"))
        publish_described(client, f"{team}/lab/parquet-files:v1.0.0", PARQUET, artifact=True)
        publish_described(
            client, f"{team}/kafka-input-provider:v2.3.1", KAFKA, platforms=("linux/amd64", "linux/arm64")
        )
        for verb in (
            ("push", team),
            ("site", "--catalog", f"{team}/dstream-catalog", "--home", "../", "--out", str(folder)),
        ):
            done = project.run("providers", "catalog", *verb)
            assert done.code == EXIT_DONE, done.stderr
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=root)) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield Site(f"http://127.0.0.1:{server.server_port}/some/where/", folder)
        finally:
            server.shutdown()
            serving.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert program, f"none of {', '.join(BROWSERS)} is there: `apt-get install chromium-headless-shell`"
    expect.set_options(timeout=30_000)
    quiet = ["--no-sandbox", "--disable-quic", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=program, args=quiet) as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, site: Site) -> Iterator[Page]:
    """The first page. What the browser has to complain about, and whatever comes from elsewhere, fails the test."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(error.message))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on(
        "request",
        lambda request: None if request.url.startswith((site.address, "data:")) else complaints.append(request.url),
    )
    page.goto(site.address)
    yield page
    assert not complaints


def names(page: Page) -> list[str]:
    """The providers that are seen."""
    found: list[str] = json.loads(json.dumps(page.locator("li.card:visible h2").all_inner_texts()))
    return found
