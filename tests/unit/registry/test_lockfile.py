"""The lock: found by any spelling of a reference, written to be read again, refused when it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.hcl import parse
from orchestrator.config.lockfile import read_lock
from orchestrator.config.model import LockedProvider
from orchestrator.config.source import Source
from orchestrator.errors import ConfigError, UnavailableError, Where
from orchestrator.registry.lockfile import Lock, lock_key, render_lock, write_lock
from orchestrator.registry.reference import Reference

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
ORDERS = LockedProvider("ghcr.io/katasec/orders:v1", A, "2026-11-23", ("linux/amd64", "linux/arm64"), B, "key ab12")
FILE = Path("dstream.lock.hcl")


def read(text: str) -> dict[str, LockedProvider]:
    source = Source("dstream.lock.hcl", text, Path("/"))
    return read_lock(source, parse(source))


def locking(*providers: LockedProvider, required: bool = False) -> Lock:
    return Lock({one.reference: one for one in providers}, FILE, required=required)


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.where.file == "dstream.lock.hcl"
    return caught.value


def test_what_is_written_reads_as_it_was() -> None:
    other = LockedProvider("docker.io/library/alpine:latest", B, "2026-01-02")
    assert read(render_lock([ORDERS, other])) == {one.reference: one for one in (ORDERS, other)}


def test_the_text_does_not_depend_on_the_order_of_the_providers() -> None:
    other = LockedProvider("docker.io/library/alpine:latest", B, "2026-01-02")
    assert render_lock([ORDERS, other]) == render_lock([other, ORDERS])


def test_the_file_looks_like_this() -> None:
    assert render_lock([ORDERS]) == (
        "# Written by `dstream providers lock`. Commit it: it has every run use the same providers.\n"
        "version = 1\n"
        "\n"
        'provider "ghcr.io/katasec/orders:v1" {\n'
        f'  digest      = "{A}"\n'
        '  date        = "2026-11-23"\n'
        '  platforms   = ["linux/amd64", "linux/arm64"]\n'
        f'  description = "{B}"\n'
        '  signer      = "key ab12"\n'
        "}\n"
    )


@given(signer=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_signer_of_any_name_is_kept(signer: str) -> None:
    one = LockedProvider("r.io/p:v1", A, "2026-11-23", signer=signer)
    assert read(render_lock([one])) == {"r.io/p:v1": one}


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("docker.io/library/alpine:latest", "docker.io/library/alpine:latest"),
        ("127.0.0.1:5000/a/b:v1", "127.0.0.1:5000/a/b:v1"),
        (f"r.io/p:v1@{A}", f"r.io/p:v1@{A}"),
        (f"r.io/p@{A}", f"r.io/p@{A}"),
    ],
)
def test_every_spelling_of_a_reference_has_one_key(written: str, key: str) -> None:
    assert lock_key(Reference.parse(written)) == key


def pin(lock: Lock, text: str) -> str:
    return str(lock.pin(Reference.parse(text)))


def test_a_locked_reference_is_pinned_and_keeps_its_tag() -> None:
    lock = locking(ORDERS)
    assert pin(lock, "ghcr.io/katasec/orders:v1") == f"ghcr.io/katasec/orders:v1@{A}"
    assert lock.lacks(Reference.parse("ghcr.io/katasec/orders:v1")) is None


def test_a_reference_that_the_lock_lacks_is_told_and_followed() -> None:
    lock, other = locking(ORDERS), Reference.parse("ghcr.io/katasec/orders:v2")
    assert lock.pin(other) == other
    assert "`ghcr.io/katasec/orders:v2` is not in `dstream.lock.hcl`" in str(lock.lacks(other))


def test_without_a_lock_nothing_is_said() -> None:
    lock, alpine = Lock(None, FILE), Reference.parse("alpine")
    assert lock.pin(alpine) == alpine
    assert lock.lacks(alpine) is None


@pytest.mark.parametrize(("locked", "code"), [(None, "lock.missing"), ({ORDERS.reference: ORDERS}, "lock.stale")])
def test_a_required_lock_refuses_what_it_does_not_have(locked: Mapping[str, LockedProvider] | None, code: str) -> None:
    where = Where(file="dstream.hcl", line=3)
    with pytest.raises(ConfigError) as caught:
        Lock(locked, FILE, required=True).pin(Reference.parse("ghcr.io/katasec/orders:v2"), where)
    assert (caught.value.code, caught.value.where) == (code, where)
    assert "`dstream providers lock`" in str(caught.value.hint)


def test_a_pin_in_the_configuration_that_changed_is_not_in_the_lock() -> None:
    locked = LockedProvider(f"r.io/p:v1@{A}", A, "2026-11-23")
    with pytest.raises(ConfigError, match="is not in"):
        pin(locking(locked, required=True), f"r.io/p:v1@{B}")


def test_a_lock_does_not_overrule_a_digest_in_the_configuration() -> None:
    locked = LockedProvider(f"r.io/p:v1@{A}", B, "2026-11-23")
    with pytest.raises(ConfigError) as caught:
        pin(locking(locked), f"r.io/p:v1@{A}")
    assert caught.value.code == "lock.stale"
    assert A in caught.value.message
    assert B in caught.value.message


BLOCK = f'version = 1\nprovider "r.io/p:v1" {{\n  digest = "{A}"\n  date = "2026-11-23"\n}}\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BLOCK + BLOCK.partition("\n")[2], "locked twice"),
        (BLOCK.replace("  date", "  dat"), "no attribute `dat`"),
        (BLOCK.replace('  date = "2026-11-23"\n', ""), "has no `date`"),
        (BLOCK.replace(A, "sha256:short"), "`digest` cannot have this value"),
        (BLOCK.replace('"r.io/p:v1"', ""), "one reference"),
        (BLOCK.replace("  date", '  platforms = "linux"\n  date'), "a list of texts"),
        (BLOCK.replace(f'"{A}"', 'env("HOME")'), "HOME"),
    ],
)
def test_a_lock_that_is_wrong_says_where_and_how_to_have_another(text: str, said: str) -> None:
    error = refused(text)
    assert error.code == "lock.invalid"
    assert said in error.message
    assert "`dstream providers lock`" in str(error.hint)


def test_a_lock_of_a_newer_version_is_not_guessed_at() -> None:
    error = refused(BLOCK.replace("version = 1", "version = 2"))
    assert error.code == "lock.version"
    assert "newer" in str(error.hint)


def test_a_lock_that_broke_off_has_no_version() -> None:
    error = refused("")
    assert error.code == "lock.version"
    assert error.message.startswith("the lock has no version")
    assert "`dstream providers lock`" in str(error.hint)


def test_a_lock_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "dstream.lock.hcl"
    write_lock(path, [ORDERS])
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    write_lock(path, [])
    assert read(path.read_text()) == {}
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "dstream.lock.hcl"
    path.mkdir()
    with pytest.raises(UnavailableError) as caught:
        write_lock(path, [ORDERS])
    assert caught.value.code == "lock.unwritable"
    assert list(tmp_path.iterdir()) == [path]
