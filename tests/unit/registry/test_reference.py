"""The grammar of image references, and what every container tool makes of short ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import ConfigError, Where
from orchestrator.registry.reference import Reference, rewrite

DIGEST = "sha256:" + "0123456789abcdef" * 4

_hosts = st.one_of(
    st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?\.[a-z]{2,5}", fullmatch=True),
    st.sampled_from(["localhost", "127.0.0.1", "[::1]", "[2001:db8::7]", "docker.io", "REGISTRY"]),
)
_ports = st.one_of(st.just(""), st.integers(0, 65535).map(lambda port: f":{port}"))
_components = st.from_regex(r"[a-z0-9]{1,6}(([._]|__|-{1,3})[a-z0-9]{1,6}){0,2}", fullmatch=True)
_paths = st.lists(_components, min_size=1, max_size=3).map("/".join)
_tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
_digests = st.from_regex(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}", fullmatch=True)


@st.composite
def references(draw: st.DrawFn) -> str:
    registry = draw(st.one_of(st.just(""), st.builds(str.__add__, _hosts, _ports)))
    tag = draw(st.one_of(st.just(""), _tags.map(":{}".format)))
    digest = draw(st.one_of(st.just(""), _digests.map("@{}".format)))
    path = draw(_paths)
    if not registry and "." in path.split("/")[0]:  # would be read as a registry
        registry = "registry.example"
    return f"{registry}/{path}{tag}{digest}" if registry else f"{path}{tag}{digest}"


@given(references())
def test_a_reference_survives_being_written_and_read_again(text: str) -> None:
    reference = Reference.parse(text)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference
    assert str(reference).endswith(text.rpartition("/")[2])
    assert len(reference.familiar) <= len(str(reference))


@given(st.text(max_size=300))
def test_any_text_is_either_a_reference_or_a_clear_error(text: str) -> None:
    _read_or_refuse(text)


@given(references(), st.sampled_from([" ", "@", "//", "A/", ":/", "é", "\n", "\x00"]), st.data())
def test_a_reference_with_a_wrong_character_in_it_never_crashes(text: str, wrong: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    _read_or_refuse(text[:at] + wrong + text[at:])


def _read_or_refuse(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except ConfigError as error:
        code, hint = error.code, error.hint
    else:
        assert Reference.parse(str(reference)) == reference
        return
    assert code == "reference.invalid"
    assert hint


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("alpine", "docker.io/library/alpine", "alpine"),
        ("alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"),
        ("katasec/counter", "docker.io/katasec/counter", "katasec/counter"),
        ("docker.io/alpine", "docker.io/library/alpine", "alpine"),
        ("index.docker.io/library/alpine", "docker.io/library/alpine", "alpine"),
        ("localhost/counter", "localhost/counter", "localhost/counter"),
        ("localhost:5000/counter", "localhost:5000/counter", "localhost:5000/counter"),
        ("localhost", "docker.io/library/localhost", "docker.io/library/localhost"),
        ("127.0.0.1:5000/a/b/c:v1", "127.0.0.1:5000/a/b/c:v1", "127.0.0.1:5000/a/b/c:v1"),
        ("[::1]:5000/counter", "[::1]:5000/counter", "[::1]:5000/counter"),
        ("[2001:db8::1]/counter", "[2001:db8::1]/counter", "[2001:db8::1]/counter"),
        ("GHCR/counter", "GHCR/counter", "GHCR/counter"),
        ("counter:5000", "docker.io/library/counter:5000", "counter:5000"),
        (f"a.b/c@{DIGEST}", f"a.b/c@{DIGEST}", f"a.b/c@{DIGEST}"),
        (f"a.b/c:v1@{DIGEST}", f"a.b/c:v1@{DIGEST}", f"a.b/c:v1@{DIGEST}"),
        (f"docker.io/library/{'a' * 64}", f"docker.io/library/{'a' * 64}", f"library/{'a' * 64}"),
    ],
)
def test_short_references_are_completed_as_container_tools_do(text: str, full: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == full
    if text != "localhost":
        assert reference.familiar == familiar


def test_the_parts_of_a_reference() -> None:
    reference = Reference.parse(f"ghcr.io/katasec/counter-input-provider:v0.1.0@{DIGEST}")
    assert (reference.registry, reference.repository) == ("ghcr.io", "katasec/counter-input-provider")
    assert (reference.tag, reference.digest) == ("v0.1.0", DIGEST)
    assert reference.name == "ghcr.io/katasec/counter-input-provider"
    assert reference.pinned == f"ghcr.io/katasec/counter-input-provider@{DIGEST}"


def test_without_a_tag_latest_is_meant() -> None:
    assert Reference.parse("alpine").tag is None
    assert Reference.parse("alpine").tag_or_latest == "latest"
    assert Reference.parse("alpine").pinned == "docker.io/library/alpine:latest"


def test_a_digest_can_be_added_and_is_checked() -> None:
    assert str(Reference.parse("alpine:3").with_digest(DIGEST)) == f"docker.io/library/alpine:3@{DIGEST}"
    with pytest.raises(ConfigError, match="64 lower-case"):
        Reference.parse("alpine").with_digest("sha256:abc")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        (" alpine", "white space"),
        ("https://ghcr.io/katasec/x:v1", "URL scheme"),
        ("a" * 64, "image id"),
        ("ghcr.io/Katasec/x", "`Katasec` has upper case"),
        ("Alpine", "`Alpine` has upper case"),
        ("ghcr.io/katasec/", "is empty"),
        ("ghcr.io//x", "is empty"),
        ("/x", "is empty"),
        ("ghcr.io/a..b", "`a..b` is not a repository name"),
        ("ghcr.io/a___b", "`a___b` is not a repository name"),
        ("ghcr.io/-a", "`-a` is not a repository name"),
        ("alpine:", "its tag is empty"),
        ("alpine:-x", "`-x` is not a tag"),
        ("alpine:" + "t" * 129, "128 characters"),
        ("ghcr.io:port/x", "`port` is not a port"),
        ("ghcr.io:65536/x", "`65536` is not a port"),
        ("-bad.io/x", "`-bad.io` is not a registry's host name"),
        ("[::1/x", "IPv6"),
        ("[::zz]/x", "IPv6"),
        ("[::1%eth0]/x", "IPv6"),
        ("[::1]5000/x", "IPv6"),
        ("alpine@", "is not a digest"),
        ("alpine@md5:" + "0" * 32, "is not a digest"),
        ("alpine@sha256:abc", "64 lower-case hexadecimal digits"),
        ("alpine@" + DIGEST.upper().replace("SHA256", "sha256"), "64 lower-case hexadecimal digits"),
        (f"alpine@{DIGEST}@{DIGEST}", "64 lower-case hexadecimal digits"),
        (f"alpine@{DIGEST}:v1", "64 lower-case hexadecimal digits"),
    ],
)
def test_what_is_not_a_reference_says_why_and_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"reference\.invalid") as caught:
        Reference.parse(text)
    assert says in caught.value.message
    assert caught.value.hint


def test_an_error_carries_the_place_it_came_from() -> None:
    with pytest.raises(ConfigError) as caught:
        Reference.parse("A b", where=Where(file="dstream.hcl", line=4))
    assert caught.value.where.line == 4


def test_a_repository_name_has_at_most_255_characters() -> None:
    assert Reference.parse(f"ghcr.io/{'a' * 255}").repository == "a" * 255
    with pytest.raises(ConfigError, match="longer than 255"):
        Reference.parse(f"ghcr.io/{'a' * 256}")


MIRRORS = {"ghcr.io/katasec": "127.0.0.1:5000/katasec"}


@pytest.mark.parametrize(
    ("text", "mirrors", "expected"),
    [
        ("ghcr.io/katasec/x:v1", MIRRORS, "127.0.0.1:5000/katasec/x:v1"),
        (f"ghcr.io/katasec/x:v1@{DIGEST}", MIRRORS, f"127.0.0.1:5000/katasec/x:v1@{DIGEST}"),
        ("ghcr.io/katasec", MIRRORS, "127.0.0.1:5000/katasec"),
        ("ghcr.io/katasec-labs/x", MIRRORS, "ghcr.io/katasec-labs/x"),
        ("ghcr.io/other/x", MIRRORS, "ghcr.io/other/x"),
        ("ghcr.io/katasec/x", {"ghcr.io": "m.example"}, "m.example/katasec/x"),
        ("ghcr.io/katasec/x", {"ghcr.io": "m.example", **MIRRORS}, "127.0.0.1:5000/katasec/x"),
        ("ghcr.io/katasec/x", {**MIRRORS, "ghcr.io": "m.example"}, "127.0.0.1:5000/katasec/x"),
        ("ghcr.io/katasec/x", {"ghcr.io/katasec/x": "m.example/y", **MIRRORS}, "m.example/y"),
        ("alpine:3", {"docker.io": "m.example"}, "m.example/library/alpine:3"),
        ("alpine:3", {"index.docker.io/library": "m.example/hub"}, "m.example/hub/alpine:3"),
        ("alpine:3", {"library/alpine": "m.example/alpine/"}, "m.example/alpine:3"),
        ("ghcr.io:443/katasec/x", {"ghcr.io": "m.example"}, "ghcr.io:443/katasec/x"),
    ],
)
def test_a_mirror_replaces_whole_segments_and_the_longest_wins(
    text: str, mirrors: dict[str, str], expected: str
) -> None:
    assert str(rewrite(Reference.parse(text), mirrors)) == expected


@given(references())
def test_without_a_mirror_for_it_a_reference_stays(text: str) -> None:
    reference = Reference.parse(text)
    assert rewrite(reference, {"never.example/nobody": "127.0.0.1:5000"}) == reference


@pytest.mark.parametrize("target", ["", "https://m.example", "M!"])
def test_a_mirror_that_is_no_reference_is_refused(target: str) -> None:
    with pytest.raises(ConfigError, match=r"settings\.mirror"):
        rewrite(Reference.parse("ghcr.io/katasec/x"), {"ghcr.io": target})
