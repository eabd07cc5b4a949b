"""The notes of a release."""

from __future__ import annotations

import re
import subprocess

from releasing.units import CORE, HEADING, Unit
from releasing.version import Refused, Version

MERGE = re.compile(r"Merge pull request (#\d+) ")


def notes(unit: Unit, version: Version) -> str:
    """Its changelog, and what was merged and committed since the release before it, in Markdown."""
    before = tag_before(unit, version)
    said = changes(unit, version)
    # A first release is all there is: its changelog says it, every commit there ever was does not.
    if before is None:
        return said
    return "\n".join([said, "", f"## Since {before}", "", *(f"- {line}" for line in commits(unit, version, before))])


def changes(unit: Unit, version: Version) -> str:
    """What stands in the changelog under this version's heading."""
    text = unit.changelog.read_text(encoding="utf-8")
    headings = list(HEADING.finditer(text))
    for heading, after in zip(headings, [*headings[1:], None], strict=True):
        if heading[1] == str(version):
            return text[heading.end() : after.start() if after else None].strip()
    raise Refused(f"{unit.changelog} says nothing of {version}")


def tag_before(unit: Unit, version: Version) -> str | None:
    """The newest tag of the same unit below this version. A final release counts from the final one before it."""
    earlier = []
    for tag in git(unit, "tag", "--list", unit.tag(version).removesuffix(str(version)) + "*").split():
        try:
            known = Version.parse(tag.rpartition("/")[2].removeprefix("v"))
        except Refused:
            continue
        if unit.tag(known) == tag and known < version and (known.final or not version.final):
            earlier.append(known)
    return unit.tag(max(earlier)) if earlier else None


def commits(unit: Unit, version: Version, before: str) -> list[str]:
    """One line each, the newest first: along the first parents, so that a pull request counts once."""
    tag = unit.tag(version)
    end = tag if git(unit, "tag", "--list", tag).strip() else "HEAD"
    paths = [] if unit.name == CORE else ["--", f"images/{unit.name}"]
    lines = []
    for entry in git(unit, "log", "--first-parent", "--format=%s%x1f%b%x1e", f"{before}..{end}", *paths).split("\x1e"):
        subject, _, body = entry.strip().partition("\x1f")
        if merged := MERGE.match(subject):
            title = body.strip().partition("\n")[0]
            subject = f"{title} ({merged[1]})" if title else subject
        if subject:
            lines.append(subject)
    return lines


def git(unit: Unit, *arguments: str) -> str:
    """What git says in the unit's repository. Raises `Refused` with git's own words."""
    done = subprocess.run(["git", *arguments], cwd=unit.root, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise Refused(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout
