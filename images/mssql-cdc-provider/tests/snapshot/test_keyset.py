"""Going through a table by its key: what is asked for, and what is kept of a key."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mssql_cdc_provider.snapshot.jobs import Job, Range
from mssql_cdc_provider.snapshot.keyset import Keyset, is_ordered
from mssql_cdc_provider.snapshot.planning import divided
from mssql_cdc_provider.tables import Column


def column(name: str, declared: str, *, nullable: bool = False) -> Column:
    return Column(name, declared.partition("(")[0], declared, nullable)


ID = column("ID", "int")


@pytest.mark.parametrize(
    ("declared", "value", "constant"),
    [
        ("bigint", 2**63 - 1, "CAST(9223372036854775807 AS bigint)"),
        ("decimal(38,3)", Decimal("-0.001"), "CAST(-0.001 AS decimal(38,3))"),
        ("decimal(38,0)", Decimal("1E+20"), "CAST(100000000000000000000 AS decimal(38,0))"),
        ("bit", True, "CAST(1 AS bit)"),
        ("float", 0.1, "CAST(0.1E0 AS float)"),
        ("varchar(20)", "it's", "CAST(N'it''s' AS varchar(20))"),
        ("varbinary(8)", b"\0\xff", "CAST(0x00ff AS varbinary(8))"),
        ("timestamp", b"\0" * 8, "CAST(0x0000000000000000 AS binary(8))"),
        ("datetime2(7)", "2024-05-01 10:00:00.1234567", "CONVERT(datetime2(7), N'2024-05-01 10:00:00.1234567', 121)"),
        (
            "uniqueidentifier",
            UUID("0e984725-c51c-4bf4-9960-e1c80e27aba0"),
            "CAST(N'0e984725-c51c-4bf4-9960-e1c80e27aba0' AS uniqueidentifier)",
        ),
    ],
)
def test_a_key_is_compared_in_its_own_type_after_a_way_through_json(declared: str, value: Any, constant: str) -> None:
    """3. Order and resume by the whole key and not by something that looks like it."""
    keyset = Keyset([column("k", declared)])
    kept = json.loads(json.dumps(keyset.kept([value])))
    assert keyset.behind(kept) == f"t.[k] > {constant}"


def test_times_are_asked_for_with_all_their_digits() -> None:
    assert Keyset([column("at", "datetime2(7)"), ID]).expressions == ["CONVERT(varchar(40), t.[at], 121)", "t.[ID]"]


def test_a_key_of_several_columns_can_be_sought_by_its_first_one() -> None:
    keyset = Keyset([ID, column("a]b", "int")])
    one, two = "CAST(1 AS int)", "CAST(2 AS int)"
    assert keyset.behind([1, 2]) == (
        f"t.[ID] >= {one} AND ((t.[ID] > {one}) OR (t.[ID] = {one} AND t.[a]]b] > {two}))"
    )  # fmt: skip
    assert keyset.order == "t.[ID], t.[a]]b]"


@pytest.mark.parametrize(
    "columns", [[], [column("k", "int", nullable=True)], [ID, column("h", "hierarchyid")], [column("v", "sql_variant")]]
)
def test_there_is_no_going_through_a_table_without_a_key_that_can_be_kept(columns: list[Column]) -> None:
    assert not is_ordered(columns)


@given(some.integers(-(2**63), 2**63 - 1), some.integers(0, 2**20), some.integers(1, 200))
def test_ranges_meet_and_none_is_empty(lowest: int, width: int, count: int) -> None:
    highest = min(lowest + width, 2**63 - 1)
    ranges = divided(lowest, highest, count)
    assert ranges[0].lower is ranges[-1].upper is None
    bounds = [one.lower or 0 for one in ranges[1:]]
    assert bounds == [one.upper for one in ranges[:-1]]
    assert all(one < other for one, other in pairwise([lowest, *bounds, highest + 1]))
    assert len(ranges) <= count


@given(
    some.builds(
        Job,
        table=some.text(),
        filter=some.none() | some.text(min_size=1),
        ranges=some.none()
        | some.lists(
            some.builds(
                Range,
                some.none() | some.integers(),
                some.none() | some.integers(),
                some.none() | some.lists(some.integers() | some.text() | some.floats(allow_nan=False)),
            ),
            min_size=1,
        ),
        key=some.lists(some.text()),
        rows=some.integers(0),
        expected=some.none() | some.integers(0),
    )
)
def test_a_job_comes_out_of_a_checkpoint_as_it_went_in(job: Job) -> None:
    stored = json.loads(json.dumps(job.to_json()))
    assert Job.from_json(stored).to_json() == job.to_json()
