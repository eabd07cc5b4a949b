"""What is a catalog, and what is not."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dstream_sdk.protocol import Catalog, CatalogEntry, Description
from dstream_sdk.protocol.schema import schemas
from orchestrator.errors import ConfigError
from orchestrator.registry.catalogs.catalog import Namespace, decode, encode

DOCUMENT = Path(__file__).parents[3] / "docs" / "catalogs.md"
SCHEMA = jsonschema.Draft202012Validator(schemas()["catalog"])
SOURCE = "registry.test/team/dstream-catalog"
DIGEST = "sha256:" + "0" * 64

words = st.text(st.characters(codec="utf-8"), max_size=20)
providers = st.builds(
    Description,
    name=words,
    role=st.sampled_from(["input", "output", "both"]),
    protocol=st.just(1),
    title=words,
    system=words,
    capabilities=st.lists(words, max_size=3),
)
entries = st.builds(
    CatalogEntry,
    repository=st.from_regex(r"registry\.test/[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}", fullmatch=True),
    kind=st.sampled_from(["image", "artifact"]),
    tag=words,
    digest=words,
    provider=providers,
    platforms=st.lists(words, max_size=2),
    size=st.none() | st.integers(0, 2**62),
)
catalogs = st.builds(Catalog, catalog=st.just(1), title=words, providers=st.lists(entries, max_size=4))


def document(**changed: Any) -> bytes:
    entry = {"repository": "ghcr.io/katasec/x", "kind": "image", "tag": "v1", "digest": DIGEST,
             "provider": {"name": "x", "role": "input", "protocol": 1}, **changed}  # fmt: skip
    return json.dumps({"catalog": 1, "providers": [entry]}).encode()


@given(catalogs)
def test_what_is_written_is_read_again_and_fits_the_schema(catalog: Catalog) -> None:
    content = encode(catalog)
    assert decode(content, SOURCE) == catalog
    assert encode(decode(content, SOURCE)) == content
    SCHEMA.validate(json.loads(content))


def test_the_example_in_the_document_is_a_catalog() -> None:
    [example] = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert len(decode(example.encode(), SOURCE).providers) == 1


def test_what_a_later_dstream_adds_is_ignored() -> None:
    [entry] = decode(
        document(stars=5, provider={"name": "x", "role": "input", "protocol": 2, "x": 1}), SOURCE
    ).providers
    assert entry.provider.protocol == 2


def test_a_later_format_is_refused_with_its_number() -> None:
    with pytest.raises(ConfigError) as caught:
        decode(b'{"catalog": 2, "providers": {}}', SOURCE)
    assert caught.value.code == "catalog.version"
    assert "format 2; this dstream reads 1" in caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"catalog": 1, "providers": [{}]}',
        document(kind="script"),
        document(repository="x"),
        document(repository="ghcr.io/katasec/x:v1"),
        document(repository="docker.io/x"),
    ],
)
def test_what_is_no_catalog_is_refused_with_its_place(content: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        decode(content, SOURCE)
    assert caught.value.code == "catalog.invalid"
    assert SOURCE in caught.value.message


def test_a_name_that_is_no_repository_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        decode(document(repository="; rm -rf /"), SOURCE)
    assert caught.value.code == "reference.invalid"
    assert caught.value.where.image == SOURCE


@given(st.binary(max_size=200))
def test_any_bytes_are_a_catalog_or_an_error(content: bytes) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(decode(content, SOURCE), Catalog)


@pytest.mark.parametrize(
    ("text", "registry", "path", "catalog"),
    [
        ("ghcr.io/katasec", "ghcr.io", "katasec", "ghcr.io/katasec/dstream-catalog:latest"),
        ("127.0.0.1:5000/", "127.0.0.1:5000", "", "127.0.0.1:5000/dstream-catalog:latest"),
        ("localhost:5000/a/b", "localhost:5000", "a/b", "localhost:5000/a/b/dstream-catalog:latest"),
        ("katasec", "docker.io", "katasec", "docker.io/katasec/dstream-catalog:latest"),
    ],
)
def test_a_namespace_is_a_registry_and_the_start_of_a_path(text: str, registry: str, path: str, catalog: str) -> None:
    namespace = Namespace.parse(text)
    assert (namespace.registry, namespace.path, str(namespace.catalog)) == (registry, path, catalog)
    assert str(namespace.repository("x/y")) == f"{namespace}/x/y"


@pytest.mark.parametrize("text", ["", "ghcr.io/Katasec", "https://ghcr.io/katasec", "ghcr.io/katasec:v1"])
def test_what_cannot_begin_a_reference_is_no_namespace(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Namespace.parse(text)
    assert caught.value.code == "reference.invalid"
