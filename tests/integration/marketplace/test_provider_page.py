"""A provider's page, as its visitors use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from orchestrator.config.load import load_project
from tests.integration.marketplace.conftest import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.cli.conftest import Project
    from tests.integration.marketplace.conftest import Site


def copied(page: Page, provider: str, what: str) -> str:
    """What is in the clipboard once the visitor has copied it."""
    page.get_by_role("link", name="Providers").click()
    page.get_by_role("link", name=provider).click()
    page.get_by_role("button", name=f"Copy the {what}").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_two_copied_blocks_make_a_task(page: Page, project: Project) -> None:
    source = copied(page, "SQL Server CDC", "input block")
    output = copied(page, "Parquet files", "output block")
    project.write(f'task "orders" {{\n{source}{output}}}\n')
    task = load_project(project.file, environ={"CONNECTION_STRING": "Server=db"}).tasks["orders"]
    assert task.input.reference.endswith("/team/mssql-cdc-provider:v0.1.0")
    assert task.input.config["connection_string"] == "Server=db"
    assert task.output.reference.endswith("/team/lab/parquet-files:v1.0.0")
    assert task.output.config == {"bucket": HOSTILE}


def test_a_digest_and_a_command_are_copied_as_they_stand(page: Page) -> None:
    assert len(copied(page, "Counter", "digest")) == len("sha256:") + 64
    page.get_by_role("button", name="Copy the command").first.click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith("dstream providers inspect ")
    assert command.endswith("/team/counter-input-provider:v0.1.0")


def test_the_config_is_a_table_wide_and_narrow(page: Page) -> None:
    page.get_by_role("link", name="SQL Server CDC").click()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        row = (
            page.get_by_role("table").get_by_role("row").filter(has=page.get_by_role("rowheader", name="tables").first)
        )
        expect(row.first.get_by_role("cell").nth(1)).to_have_text("required")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_link_of_every_page_leads_somewhere(page: Page, site: Site) -> None:
    written = {path.name for path in site.files.glob("*.html")}
    seen = set()
    for name in written:
        page.goto(site.address + name)
        seen |= {link.get_attribute("href") for link in page.get_by_role("link").all()}
    assert seen == written | {"#content", "../"}


def test_a_strangers_markup_is_text_and_a_script_in_the_file_does_not_run(page: Page, site: Site) -> None:
    page.get_by_role("link", name="Parquet files").click()
    expect(page.get_by_text(HOSTILE, exact=True).first).to_be_visible()
    assert page.evaluate("window.reached") is None


def test_the_policy_stops_a_script_that_got_into_a_page(browser: Browser, site: Site) -> None:
    text = (site.files / "index.html").read_text()
    (site.files / "changed.htm").write_text(text.replace("<h1>", "<script>window.reached = 1</script><h1>"))
    try:
        with browser.new_page() as page:
            page.goto(f"{site.address}changed.htm")
            expect(page.get_by_role("searchbox")).to_be_visible()  # the page's own script has run
            assert page.evaluate("window.reached") is None
    finally:
        (site.files / "changed.htm").unlink()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_of(browser: Browser, site: Site, scheme: Literal["light", "dark"]) -> None:
    with browser.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        for provider in (None, "SQL Server CDC"):
            page.goto(site.address)
            if provider:
                page.get_by_role("link", name=provider).click()
            for width in (1280, 360):
                page.set_viewport_size({"width": width, "height": 800})
                found = Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
