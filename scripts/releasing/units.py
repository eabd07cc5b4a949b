"""What is released under one version, and every place that says so.

A *unit* is `dstream` (the command, the SDK and the base image, on `vX.Y.Z`) or one folder of images/ (on
`<image>/vX.Y.Z`). Each version stands in many files: here is the one list of them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from releasing.version import Refused, Version

REPOSITORY = Path(__file__).resolve().parents[2]
CORE = "dstream"
UNRELEASED = "unreleased"
SAID = r"(\d[0-9A-Za-z.-]*)"
HEADING = re.compile(r"^## (\S+)(?: \(([^)\n]*)\))?$", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """Where a file says a version: in the first group of each match of `pattern`, in the form that `says` gives it."""

    file: Path
    pattern: str
    says: Callable[[Version], str] = str

    def found(self) -> list[str]:
        text = self.file.read_text(encoding="utf-8") if self.file.is_file() else ""
        return [match[1] for match in re.finditer(self.pattern, text, re.MULTILINE)]

    def write(self, version: Version) -> None:
        def renewed(match: re.Match[str]) -> str:
            start, end = (at - match.start() for at in match.span(1))
            return match[0][:start] + self.says(version) + match[0][end:]

        text = self.file.read_text(encoding="utf-8")
        new = re.sub(self.pattern, renewed, text, flags=re.MULTILINE)
        if new != text:
            self.file.write_text(new, encoding="utf-8")


@dataclass(frozen=True)
class Unit:
    """What is released under one version, in the repository at `root`."""

    name: str
    root: Path = REPOSITORY

    @property
    def changelog(self) -> Path:
        return self.root / "CHANGELOG.md" if self.name == CORE else self.root / "images" / self.name / "CHANGELOG.md"

    def tag(self, version: Version) -> str:
        return f"v{version}" if self.name == CORE else f"{self.name}/v{version}"

    def version(self) -> Version:
        """Raises `Refused` where its first place says none."""
        place = self.places()[0]
        said = place.found()
        if not said:
            raise Refused(f"{place.file} says no version")
        return Version.parse(said[0].strip())

    def places(self) -> list[Place]:
        """Everywhere its version stands, but the changelog. What says it first is the source, the others follow."""
        return list(self._core() if self.name == CORE else self._image())

    def _core(self) -> Iterator[Place]:
        yield Place(self.root / "VERSION.txt", r"\A(\S+)$")
        template = self.root / "templates" / "provider" / "python"
        builders = [image / "Dockerfile" for image in folders(self.root)]
        for dockerfile in [self.root / "Dockerfile", *builders, template / "Dockerfile"]:
            if dockerfile.is_file() and "dstream-provider-base" in dockerfile.read_text(encoding="utf-8"):
                yield Place(dockerfile, rf"/dstream-provider-base:v{SAID}")
        if (pipeline := self.root / "compose.yaml").is_file():
            yield Place(pipeline, rf"/katasec/dstream:v{SAID}")
        users = [self.root, template, *folders(self.root)]
        for project in (folder / "pyproject.toml" for folder in users):
            if project.is_file() and "dstream-sdk" in project.read_text(encoding="utf-8"):
                yield Place(project, r'"dstream-sdk(?:\[\w+\])?(>=[^"]*)"', Version.requirement)

    def _image(self) -> Iterator[Place]:
        folder = self.root / "images" / self.name
        yield Place(folder / self.name.replace("-", "_") / "__init__.py", rf'^__version__ = "{SAID}"$')
        yield Place(folder / "provider.json", rf'"version":"{SAID}"')
        yield Place(self.root / "docs" / "providers" / f"{self.name}.md", rf"^\| Version \| {SAID} \|$")
        for page in documents(self.root):
            mentions = Place(page, rf"/katasec/{re.escape(self.name)}:v{SAID}")
            if mentions.found():
                yield mentions

    def release(self) -> tuple[str, str]:
        """The newest heading of its changelog: the version, and the day of its release or `unreleased`."""
        newest = HEADING.search(self.changelog.read_text(encoding="utf-8"))
        if newest is None:
            raise Refused(f"{self.changelog} has no heading `## VERSION (DATE)`")
        return newest[1], newest[2] or ""

    def disagreements(self) -> list[str]:
        """Every place that says another version than the source, or none. Empty is good."""
        version = self.version()
        wrong = []
        for place in self.places():
            said = place.found()
            wanted = place.says(version)
            if not said or any(each != wanted for each in said):
                wrong.append(
                    f"{place.file.relative_to(self.root)}: {', '.join(sorted(set(said))) or 'nothing'}, not {wanted}"
                )
        heading, when = self.release()
        where = self.changelog.relative_to(self.root)
        if heading != str(version):
            wrong.append(f"{where}: the newest heading is {heading}, not {version}")
        if when != UNRELEASED and not _is_date(when):
            wrong.append(f"{where}: {heading} is `({when})`, neither ({UNRELEASED}) nor a day such as (2026-01-31)")
        return wrong

    def move_to(self, version: Version) -> None:
        """Say `version` everywhere. What a heading lists that was never released is listed under the new one."""
        heading, when = self.release()
        for place in self.places():
            place.write(version)
        text = self.changelog.read_text(encoding="utf-8")
        new = f"## {version} ({UNRELEASED})"
        old = HEADING.search(text)
        if old is None or heading != old[1]:
            raise Refused(f"{self.changelog} changed meanwhile")
        text = text[: old.start()] + (new if when == UNRELEASED else f"{new}\n\n{old[0]}") + text[old.end() :]
        self.changelog.write_text(text, encoding="utf-8")

    def date(self, day: datetime.date) -> None:
        """Call what the newest heading lists released on `day`. Raises `Refused` where it is already."""
        heading, when = self.release()
        if when != UNRELEASED:
            raise Refused(f"{heading} was released on {when}: raise the version first")
        text = self.changelog.read_text(encoding="utf-8")
        self.changelog.write_text(
            text.replace(f"## {heading} ({UNRELEASED})", f"## {heading} ({day})", 1), encoding="utf-8"
        )


def folders(root: Path = REPOSITORY) -> list[Path]:
    """The provider images, found by their Dockerfiles."""
    return sorted(path.parent for path in root.glob("images/*/Dockerfile"))


def units(root: Path = REPOSITORY) -> list[Unit]:
    return [Unit(CORE, root), *(Unit(folder.name, root) for folder in folders(root))]


def unit(name: str, root: Path = REPOSITORY) -> Unit:
    """Raises `Refused` for what is not released here."""
    for each in units(root):
        if each.name == name:
            return each
    raise Refused(f"nothing is released as `{name}`: {', '.join(each.name for each in units(root))}")


def documents(root: Path) -> list[Path]:
    """What people copy from, and so names images as they are. Elsewhere a version in an example is any version."""
    found = [path for folder in ("examples", "images", "templates") for path in (root / folder).rglob("*")]
    return sorted([root / "README.md", *(path for path in found if path.name == "README.md" or path.suffix == ".hcl")])


def _is_date(text: str) -> bool:
    try:
        return str(datetime.date.fromisoformat(text)) == text
    except ValueError:
        return False
