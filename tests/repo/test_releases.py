"""Raising a version, what a tag then releases, and the notes of that release, in a repository of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasing.plan import tagged
from releasing.units import CORE, units
from releasing.version import LABELS, Refused, Version
from tests.repo.tracked import REPOSITORY, files

IMAGE = "console-output-provider"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of this repository says a version, and the scripts; everything in it is released as 1.0.0. To be read."""
    root = tmp_path_factory.mktemp("released")
    folders = {"scripts", "images", "templates", "examples", "docs"}
    for path in files():
        inside = path.relative_to(REPOSITORY)
        if len(inside.parts) == 1 or (inside.parts[0] in folders and "tests" not in inside.parts):
            (root / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, root / inside)
    for unit in units(root):
        unit.move_to(Version.parse("1.0.0"))
        unit.date(date(2026, 1, 31))
    return root


@pytest.fixture
def repository(released: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(released, tmp_path / "repository"))


def script(repository: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [repository / "scripts" / name, *arguments],
        cwd=repository.parent, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def bump(repository: Path, *arguments: str) -> str:
    done = script(repository, "version-bump", *arguments)
    assert done.returncode == 0, done.stderr
    assert [wrong for unit in units(repository) for wrong in unit.disagreements()] == []
    return done.stdout.strip()


def refused(repository: Path, name: str, *arguments: str) -> str:
    done = script(repository, name, *arguments)
    assert (done.returncode, done.stdout) == (3, "")
    return done.stderr


def test_a_bump_says_the_new_version_everywhere_and_opens_the_changelog(repository: Path) -> None:
    assert bump(repository, "minor") == "v1.1.0"
    assert (repository / "VERSION.txt").read_text() == "1.1.0\n"
    assert '"dstream-sdk>=1.1.0,<2"' in (repository / "pyproject.toml").read_text()
    assert "dstream-provider-base:v1.1.0\n" in (repository / "images" / IMAGE / "Dockerfile").read_text()
    assert "## 1.1.0 (unreleased)\n\n## 1.0.0 (2026-01-31)" in (repository / "CHANGELOG.md").read_text()
    assert bump(repository, IMAGE, "patch") == f"{IMAGE}/v1.0.1"
    assert f"/{IMAGE}:v1.0.1" in (repository / "examples/counter-to-console/dstream.hcl").read_text()
    assert '"version":"1.0.1"' in (repository / "images" / IMAGE / "provider.json").read_text()


def test_what_was_noted_for_a_version_that_never_was_released_is_the_next_ones(repository: Path) -> None:
    bump(repository, "patch")
    bump(repository, "major")
    text = (repository / "CHANGELOG.md").read_text()
    assert "## 2.0.0 (unreleased)\n\n## 1.0.0 (2026-01-31)" in text


def test_pre_releases_come_before_their_version(repository: Path) -> None:
    assert bump(repository, "minor", "--pre", "beta") == "v1.1.0-beta.1"
    assert '"dstream-sdk>=1.1.0-beta.1,<2"' in (repository / "pyproject.toml").read_text()
    bump(repository, "release")
    assert "prerelease=true\n" in script(repository, "release-plan", "v1.1.0-beta.1").stdout
    assert bump(repository, "--pre", "beta") == "v1.1.0-beta.2"
    assert bump(repository, "minor", "--pre", "rc") == "v1.1.0-rc.1"
    assert "would come before" in refused(repository, "version-bump", "--pre", "alpha")
    assert bump(repository, "minor") == "v1.1.0"
    bump(repository, "release")
    assert "is released: say of which version" in refused(repository, "version-bump", "--pre", "beta")


def test_a_bump_of_versions_that_disagree_is_refused(repository: Path) -> None:
    (repository / "VERSION.txt").write_text("7.0.0\n")
    assert "pyproject.toml: >=1.0.0,<2, not >=7.0.0,<8" in refused(repository, "version-bump", "minor")


@pytest.mark.parametrize(
    "place",
    ["CHANGELOG.md", "pyproject.toml", f"images/{IMAGE}/Dockerfile", f"images/{IMAGE}/pyproject.toml",
     "templates/provider/python/Dockerfile", f"images/{IMAGE}/provider.json", f"docs/providers/{IMAGE}.md",
     f"images/{IMAGE}/CHANGELOG.md", f"images/{IMAGE}/README.md", "README.md",
     "examples/counter-to-console/dstream.hcl"],
)  # fmt: skip
def test_a_single_place_that_says_another_version_is_found(repository: Path, place: str) -> None:
    file = repository / place
    text = file.read_text()
    assert "1.0.0" in text
    file.write_text(text.replace("1.0.0", "1.0.9", 1))
    assert any(wrong.startswith(f"{place}: ") for unit in units(repository) for wrong in unit.disagreements())


def test_a_tag_says_what_it_releases(released: Path) -> None:
    assert script(released, "release-plan", "v1.0.0").stdout == (
        "name=dstream\nversion=1.0.0\nprerelease=false\npackages=true\n"
        f"images={json.dumps([unit.name for unit in units(released) if unit.name != CORE])}\n"
    )
    assert script(released, "release-plan", f"{IMAGE}/v1.0.0").stdout == (
        f'name={IMAGE}\nversion=1.0.0\nprerelease=false\npackages=false\nimages=["{IMAGE}"]\n'
    )


def test_an_image_whose_version_is_not_called_released_waits_for_its_own(repository: Path) -> None:
    bump(repository, IMAGE, "patch")
    (images,) = [
        line for line in script(repository, "release-plan", "v1.0.0").stdout.splitlines() if line.startswith("images=")
    ]
    assert IMAGE not in images
    assert "counter-input-provider" in images


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("v1.0.1", "is not the version of dstream, which is 1.0.0"),
        (f"{IMAGE}/v2.0.0", f"is not the version of {IMAGE}"),
        ("v1.0.0-beta.1", "is not the version"),
        ("1.0.0", "releases nothing"),
        ("v1.0", "is no version"),
        ("v01.0.0", "is no version"),
        ("v1.0.0-beta1", "is no version"),
        ("v1.0.0\n", "is no version"),
        ("/v1.0.0", "releases nothing"),
        ("nobody-knows/v1.0.0", "nothing is released as"),
        ("", "releases nothing"),
    ],
)
def test_a_tag_that_is_not_the_version_is_refused(released: Path, tag: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        tagged(tag, released)


def test_a_tag_of_what_is_not_called_released_is_refused(repository: Path) -> None:
    bump(repository, "minor")
    assert "CHANGELOG.md calls 1.1.0 unreleased" in refused(repository, "release-plan", "v1.1.0")
    assert "is not the version" in refused(repository, "release-plan", "v1.0.0")


def test_notes_are_the_changelog_and_what_was_merged_since_the_release_before(repository: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=repository, capture_output=True, check=True, timeout=60)

    def commit(message: str, file: str = "README.md") -> None:
        with (repository / file).open("a") as opened:
            opened.write("\n")
        git("add", "--all")
        git("commit", "--message", message)

    git("init", "--initial-branch", "main")
    commit("Begin")
    git("tag", "v1.0.0")
    git("tag", f"{IMAGE}/v1.0.0")
    bump(repository, IMAGE, "minor")
    changelog = repository / "images" / IMAGE / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("(unreleased)\n", "(unreleased)\n\n- Shows colours.\n"))
    bump(repository, IMAGE, "release")
    git("switch", "--create", "colours")
    commit("try", f"images/{IMAGE}/README.md")
    commit("try again", f"images/{IMAGE}/README.md")
    git("switch", "main")
    git(
        "merge",
        "--no-ff",
        "colours",
        "--message",
        "Merge pull request #7 from somebody/colours\n\nShow colours\n\nAll of them.",
    )
    commit("Mend a link (#8)", f"images/{IMAGE}/README.md")
    commit("Something else")
    git("tag", f"{IMAGE}/v1.1.0")
    assert script(repository, "release-notes", f"{IMAGE}/v1.1.0").stdout == (
        f"- Shows colours.\n\n## Since {IMAGE}/v1.0.0\n\n- Mend a link (#8)\n- Show colours (#7)\n"
    )
    assert "Since" not in script(repository, "release-notes", "v1.0.0").stdout


@given(
    st.tuples(*[st.integers(0, 30)] * 3),
    st.none() | st.tuples(st.sampled_from(LABELS), st.integers(1, 30)),
    st.sampled_from(["major", "minor", "patch"]),
    st.none() | st.sampled_from(LABELS),
)
def test_the_next_version_comes_after_this_one(
    core: tuple[int, int, int], pre: tuple[str, int] | None, part: str, label: str | None
) -> None:
    version = Version(*core) if pre is None else Version(*core, False, *pre)
    assert Version.parse(str(version)) == version
    try:
        following = version.raised(part, label)
    except Refused:
        assert pre is not None
        assert label is not None
        assert label < pre[0]
    else:
        assert following > version
        assert following.final == (label is None)


def test_units_are_found_and_not_listed() -> None:
    assert {unit.name for unit in units(REPOSITORY)} == {
        "dstream", *(path.parent.name for path in REPOSITORY.glob("images/*/Dockerfile"))
    }  # fmt: skip
