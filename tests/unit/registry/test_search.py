"""What a search finds, and in which order."""

from __future__ import annotations

import pytest

from dstream_sdk.protocol import Catalog, CatalogEntry, Description
from orchestrator.registry.catalogs.search import Offer, meant, merge, search

DIGEST = "sha256:" + "0" * 64


def entry(name: str, namespace: str = "ghcr.io/katasec", **said: object) -> CatalogEntry:
    provider = Description(name=name, protocol=1, **{"role": "input", **said})  # type: ignore[arg-type]
    return CatalogEntry(f"{namespace}/{name}", "image", "v1.0.0", DIGEST, provider)


OFFERS = [
    Offer(each, "c")
    for each in (
        entry("mssql-cdc-provider", title="Change data capture", system="SQL Server", capabilities=["checkpoint"]),
        entry("postgres-cdc-provider", title="Change data capture", system="PostgreSQL", capabilities=["checkpoint"]),
        entry("asb-output-provider", title="Queues", system="Azure Service Bus", role="output", commands=["init"]),
        entry("webhook-output", role="output", description="Posts records, for example to an mssql gateway."),
        entry("postgres", role="both"),
    )
]


def names(query: str) -> list[str]:
    return [offer.entry.provider.name for offer in search(OFFERS, query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("mssql", ["mssql-cdc-provider", "webhook-output"]),
        ("MSSQL", ["mssql-cdc-provider", "webhook-output"]),
        ("sql server", ["mssql-cdc-provider"]),
        ("sqlserver", ["mssql-cdc-provider"]),
        ("service-bus", ["asb-output-provider"]),
        ("postgres", ["postgres", "postgres-cdc-provider"]),
        ("capture", ["mssql-cdc-provider", "postgres-cdc-provider"]),
        ("checkpoint", ["mssql-cdc-provider", "postgres-cdc-provider"]),
        ("init", ["asb-output-provider"]),
        ("postgres output", ["postgres"]),
        ("postgres oracle", []),
        ("oracle", []),
        ("-", ["asb-output-provider", "mssql-cdc-provider", "postgres-cdc-provider", "webhook-output"]),
    ],
)
def test_what_a_query_finds_best_first(query: str, expected: list[str]) -> None:
    assert names(query) == expected


def test_a_direction_finds_all_that_go_there() -> None:
    assert set(names("output")) == {"asb-output-provider", "webhook-output", "postgres"}
    assert set(names("input")) == {"mssql-cdc-provider", "postgres-cdc-provider", "postgres"}


def test_no_words_find_everything() -> None:
    assert len(names(" ")) == len(OFFERS)


@pytest.mark.parametrize(
    ("query", "expected"), [("mssqll", "mssql"), ("posgres", "postgres"), ("snowflake", None), ("", None)]
)
def test_a_misspelt_query_is_told_the_nearest_name(query: str, expected: str | None) -> None:
    assert meant(OFFERS, query) == expected


def test_of_a_provider_in_two_catalogs_the_first_speaks() -> None:
    official, community = entry("counter", title="ours"), entry("counter", title="theirs")
    other = entry("kafka", "ghcr.io/community")
    merged = merge(
        [("official", Catalog(1, providers=[official])), ("community", Catalog(1, providers=[community, other]))]
    )
    assert [(offer.catalog, offer.entry.provider.title) for offer in merged] == [
        ("official", "ours"),
        ("community", ""),
    ]
    assert merged[1].reference == "ghcr.io/community/kafka:v1.0.0"
