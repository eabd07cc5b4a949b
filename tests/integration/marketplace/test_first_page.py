"""The first page, as its visitors use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.integration.marketplace.conftest import names

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.integration.marketplace.conftest import Site

ALL = ["Azure Service Bus", "Console", "Counter", "Kafka", "Parquet files", "SQL Server CDC"]


def test_a_search_narrows_the_list_word_by_word(page: Page) -> None:
    assert names(page) == ALL
    search = page.get_by_role("searchbox", name="Search")
    for words, found in (
        ("sqlserver", ["SQL Server CDC"]),
        ("SERVICE", ["Azure Service Bus"]),
        ("checkpoint input", ["Counter", "Kafka", "SQL Server CDC"]),
        ("lab/parquet", ["Parquet files"]),
        ("no such thing", []),
    ):
        search.fill(words)
        expect(page.get_by_role("status")).to_have_text(f"{len(found)} of 6 providers")
        assert names(page) == found
    page.get_by_role("button", name="Show all").click()
    assert names(page) == ALL
    expect(page.get_by_role("status")).to_have_text("6 providers")
    expect(search).to_be_focused()


def test_filters_narrow_by_direction_and_system_together(page: Page) -> None:
    page.get_by_role("radio", name="Output").check()
    assert names(page) == ["Azure Service Bus", "Console", "Parquet files"]
    system = page.get_by_role("combobox", name="System")
    assert system.locator("option").all_inner_texts() == [
        "All systems", "Amazon S3", "Apache Kafka", "Azure Service Bus", "SQL Server",
    ]  # fmt: skip
    system.select_option("Amazon S3")
    assert names(page) == ["Parquet files"]
    page.get_by_role("radio", name="Input").check()
    assert names(page) == ["Parquet files"]
    system.select_option("SQL Server")
    assert names(page) == ["SQL Server CDC"]
    page.get_by_role("searchbox").fill("kafka")
    assert names(page) == []


def test_what_was_asked_stands_in_the_address_and_comes_back_from_there(page: Page) -> None:
    page.get_by_role("searchbox").fill("sql server")
    page.get_by_role("radio", name="Input").check()
    assert page.url.endswith("#query=sql+server&direction=input")
    page.get_by_role("link", name="SQL Server CDC").click()
    page.go_back()
    assert names(page) == ["SQL Server CDC"]
    page.reload()
    assert names(page) == ["SQL Server CDC"]
    expect(page.get_by_role("radio", name="Input")).to_be_checked()


@pytest.mark.parametrize("address", ["#query=%00%22%3E&direction=nonsense&system=x", "#constructor=1&__proto__=2&=3"])
def test_an_address_that_somebody_made_up_breaks_nothing(page: Page, site: Site, address: str) -> None:
    page.goto(site.address + address)
    page.reload()
    page.get_by_role("button", name="Show all").or_(page.get_by_text("6 providers", exact=True)).first.wait_for()
    page.goto(f"{site.address}#query=kafka")
    expect(page.get_by_role("status")).to_have_text("1 of 6 providers")


def test_it_can_all_be_done_from_the_keyboard(page: Page) -> None:
    keys = page.keyboard
    keys.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    keys.press("Enter")
    keys.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    keys.type("sql")
    keys.press("Tab")
    keys.press("ArrowRight")
    expect(page.get_by_role("radio", name="Input")).to_be_checked()
    keys.press("Tab")
    expect(page.get_by_role("combobox")).to_be_focused()
    keys.press("Tab")
    keys.press("Tab")
    expect(page.get_by_role("link", name="SQL Server CDC")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("SQL Server CDC")


def test_without_javascript_every_provider_is_there_to_be_read(browser: Browser, site: Site) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site.address)
        assert page.locator("li.card h2 a").all_inner_texts() == ALL
        expect(page.get_by_role("search")).to_have_count(0)
        page.get_by_role("link", name="Kafka").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Kafka")
        expect(page.get_by_text('provider_image = "')).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)
