from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asb_output_provider.names import DEFAULT_TEMPLATE, QueueNames, Table, checked_template

parts = st.text(max_size=300) | st.sampled_from(
    ["Orders", "orders", "sales.Orders", "a_b", "a", "b_c", "dbo", "public"]
)
tables = st.builds(Table, parts, parts)
templates = st.sampled_from([DEFAULT_TEMPLATE, "{SchemaName}_{TableName}", "x/{TableName}", "{TableName}"])
LEGAL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?")


def name(*table: str, template: str = DEFAULT_TEMPLATE) -> str:
    schema, bare = table if len(table) == 2 else ("dbo", table[0])
    return QueueNames(template, [Table(schema, bare)]).of(Table(schema, bare))


def test_a_table_of_the_default_schema_goes_by_its_name_alone() -> None:
    assert name("Persons") == name("public", "Persons") == name("", "Persons") == "Persons_cdc_events"


def test_a_table_of_another_schema_bears_it() -> None:
    assert name("sales", "Orders") == "sales.Orders_cdc_events"


def test_a_template_may_place_the_schema() -> None:
    assert name("Orders", template="shop-{SchemaName}-{TableName}") == "shop-dbo-Orders"


def test_what_service_bus_refuses_is_replaced_and_marked() -> None:
    assert re.fullmatch(r"Order_Details_cdc_events-[0-9a-f]{12}", name("Order Details"))
    assert name("Order Details") != name("Order#Details")


def test_a_name_that_is_too_long_is_cut_and_marked() -> None:
    assert len(name("x" * 300)) == 260
    assert name("x" * 300) != name("x" * 301)


def test_names_that_differ_in_case_alone_are_kept_apart() -> None:
    names = QueueNames(DEFAULT_TEMPLATE, [Table("dbo", "Orders"), Table("dbo", "ORDERS")])
    one, other = names.known.values()
    assert one.lower() != other.lower()


def test_a_table_that_comes_later_takes_no_others_name() -> None:
    names = QueueNames(DEFAULT_TEMPLATE, [Table("dbo", "Orders")])
    assert names.of(Table("dbo", "orders")).startswith("orders_cdc_events-")
    assert names.of(Table("dbo", "Orders")) == "Orders_cdc_events"


@given(templates, st.sets(tables, max_size=8), st.lists(tables, max_size=4))
def test_every_table_has_a_legal_queue_of_its_own(template: str, known: set[Table], later: list[Table]) -> None:
    names = QueueNames(template, known)
    for table in later:
        names.of(table)
    assert set(names.known) == known | set(later)
    assert len({one.lower() for one in names.known.values()}) == len(names.known)
    assert all(LEGAL.fullmatch(one) and len(one) <= 260 for one in names.known.values())


@given(templates, tables)
def test_a_tables_name_stays_the_same(template: str, table: Table) -> None:
    assert QueueNames(template, [table]).of(table) == QueueNames(template).of(table)


@pytest.mark.parametrize(
    "text", ["queue", "{SchemaName}", "{TableName}{Nope}", "{TableName}?", "{TableName}" + "x" * 131]
)
def test_a_template_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"TableName|takes no|too little"):
        checked_template(text)
