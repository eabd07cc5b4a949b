"""The cache of artifacts: whole entries, in use or not, and what `prune` takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import UnavailableError
from orchestrator.registry.cache import ArtifactCache
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFERENCE = Reference.parse("registry.test/team/numbers:v1")
DIGEST = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64
PLATFORM = "linux/arm/v7"
DAY = 86400.0


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ArtifactCache]:
    made = ArtifactCache(tmp_path / "artifacts")
    yield made
    made.close()


def again(tmp_path: Path) -> ArtifactCache:
    """The same cache as another process sees it."""
    return ArtifactCache(tmp_path / "artifacts")


def add(cache: ArtifactCache, digest: str = DIGEST, content: bytes = b"content", *, unused_for: float = 0.0) -> Path:
    with cache.adding(REFERENCE, digest, PLATFORM) as folder:
        (folder / "file").write_bytes(content)
    cache.tag(REFERENCE, digest)
    path = cache.use(digest, PLATFORM)
    assert path is not None
    cache.close()
    used = time.time() - unused_for
    os.utime(path, (used, used))
    return path


def test_an_entry_is_there_once_it_is_whole(cache: ArtifactCache) -> None:
    assert cache.use(DIGEST, PLATFORM) is None
    with cache.adding(REFERENCE, DIGEST, PLATFORM) as folder:
        (folder / "file").write_bytes(b"content")
        assert cache.use(DIGEST, PLATFORM) is None
    path = cache.use(DIGEST, PLATFORM)
    assert path is not None
    assert (path / "file").read_bytes() == b"content"
    assert cache.use(DIGEST, "linux/amd64") is None
    assert cache.use(OTHER, PLATFORM) is None


def test_an_entry_that_fails_on_the_way_leaves_nothing(cache: ArtifactCache, tmp_path: Path) -> None:
    def fail() -> None:
        with cache.adding(REFERENCE, DIGEST, PLATFORM) as folder:
            (folder / "file").write_bytes(b"content")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list((tmp_path / "artifacts").iterdir()) == []


def test_of_two_that_add_the_same_entry_the_first_one_stays(cache: ArtifactCache, tmp_path: Path) -> None:
    with cache.adding(REFERENCE, DIGEST, PLATFORM) as slow:
        (slow / "file").write_bytes(b"slow")
        path = add(again(tmp_path), content=b"fast")
    assert (path / "file").read_bytes() == b"fast"
    assert [stored.digest for stored in cache.stored()] == [DIGEST]


def test_a_damaged_entry_makes_room_for_a_new_one(cache: ArtifactCache) -> None:
    add(cache, content=b"damaged")
    cache.use(DIGEST, PLATFORM)
    cache.discard(DIGEST, PLATFORM)
    assert cache.use(DIGEST, PLATFORM) is None
    assert (add(cache, content=b"good") / "file").read_bytes() == b"good"


def test_what_another_process_put_in_place_of_a_damaged_entry_is_not_discarded(
    cache: ArtifactCache, tmp_path: Path
) -> None:
    add(cache, content=b"damaged")
    cache.use(DIGEST, PLATFORM)
    other = again(tmp_path)
    other.use(DIGEST, PLATFORM)
    other.discard(DIGEST, PLATFORM)
    add(other, content=b"good")
    cache.discard(DIGEST, PLATFORM)
    path = cache.use(DIGEST, PLATFORM)
    assert path is not None
    assert (path / "file").read_bytes() == b"good"


def test_a_tag_means_the_digest_that_it_had_last(cache: ArtifactCache) -> None:
    assert cache.tagged(REFERENCE) is None
    cache.tag(REFERENCE, DIGEST)
    cache.tag(REFERENCE, OTHER)
    assert cache.tagged(REFERENCE) == OTHER
    assert cache.tagged(Reference.parse("registry.test/team/numbers:v2")) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"digest": 7}', '{"digest": "../../etc"}', "\x00", "\udcff"])
def test_a_tag_that_cannot_be_read_is_unknown(cache: ArtifactCache, tmp_path: Path, content: str) -> None:
    cache.tag(REFERENCE, DIGEST)
    for file in (tmp_path / "artifacts" / "tags").iterdir():
        file.write_text(content, errors="surrogateescape")
    assert cache.tagged(REFERENCE) is None
    cache.prune(0)


def test_prune_takes_what_was_not_used_for_long_and_forgets_its_tag(cache: ArtifactCache) -> None:
    add(cache, OTHER)
    old = add(cache, DIGEST, unused_for=31 * DAY)
    kept, gone = OTHER, DIGEST
    pruned = cache.prune(30 * DAY)
    assert [(one.digest, one.reference, one.platform) for one in pruned.removed] == [(gone, str(REFERENCE), PLATFORM)]
    assert pruned.removed[0].size == len("content") + len(str(REFERENCE))
    assert not old.exists()
    assert [one.digest for one in cache.stored()] == [kept]
    assert cache.tagged(REFERENCE) is None


def test_using_an_entry_keeps_it(cache: ArtifactCache, tmp_path: Path) -> None:
    add(cache, unused_for=31 * DAY)
    other = again(tmp_path)
    other.use(DIGEST, PLATFORM)
    other.close()
    assert cache.prune(30 * DAY).removed == ()


def test_prune_leaves_what_a_process_is_using(cache: ArtifactCache, tmp_path: Path) -> None:
    path = add(cache)
    running = again(tmp_path)
    running.use(DIGEST, PLATFORM)
    pruned = cache.prune(0)
    assert (pruned.removed, [one.digest for one in pruned.in_use]) == ((), [DIGEST])
    running.close()
    assert [one.digest for one in cache.prune(0).removed] == [DIGEST]
    assert not path.exists()


def test_a_dry_run_says_what_would_go_and_removes_nothing(cache: ArtifactCache) -> None:
    add(cache)
    assert [one.digest for one in cache.prune(0, dry_run=True).removed] == [DIGEST]
    assert cache.tagged(REFERENCE) == DIGEST
    assert cache.use(DIGEST, PLATFORM) is not None


KILLED = """
import os, signal, sys
from pathlib import Path
from orchestrator.registry.cache import ArtifactCache
from orchestrator.registry.reference import Reference

with ArtifactCache(Path(sys.argv[1])).adding(Reference.parse("numbers"), "sha256:" + "1" * 64, "linux/amd64") as folder:
    (folder / "provider").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_pull_left_is_no_entry_and_goes_with_the_next_prune(cache: ArtifactCache, tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    done = subprocess.run([sys.executable, "-c", KILLED, folder], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(folder.iterdir())) == 1
    assert cache.stored() == []
    with again(tmp_path).adding(REFERENCE, OTHER, PLATFORM) as living:
        cache.prune(30 * DAY)
        assert list(folder.iterdir()) == [living]
        (living / "file").touch()


def test_an_empty_cache_has_nothing_to_prune(cache: ArtifactCache) -> None:
    assert cache.stored() == []
    assert cache.prune(0).removed == ()


def test_a_cache_that_cannot_be_written_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "artifacts").touch()
    with pytest.raises(UnavailableError, match="artifacts") as caught:
        add(again(tmp_path))
    assert caught.value.code == "cache.unavailable"
