"""A version: what it looks like, what comes next, and how others ask for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

LABELS = ("alpha", "beta", "rc")  # those that Python's packages know, too


class Refused(Exception):
    """What was asked for cannot be: the message says why, and what to do."""


@dataclass(frozen=True, order=True)
class Version:
    """`1.2.3`, or `1.2.3-beta.1`. Sorts as they are released: a pre-release before its version."""

    major: int
    minor: int
    patch: int
    final: bool = True
    label: str = ""
    number: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """Raises `Refused` for anything else than the two forms."""
        number = r"(0|[1-9]\d*)"
        found = re.fullmatch(rf"{number}\.{number}\.{number}(?:-({'|'.join(LABELS)})\.{number})?", text)
        if found is None:
            raise Refused(f"`{text}` is no version: 1.2.3, or 1.2.3-beta.1 ({', '.join(LABELS)})")
        major, minor, patch, label, pre = found.groups()
        return cls(int(major), int(minor), int(patch), label is None, label or "", int(pre or 0))

    def __str__(self) -> str:
        core = f"{self.major}.{self.minor}.{self.patch}"
        return core if self.final else f"{core}-{self.label}.{self.number}"

    def raised(self, part: str, label: str | None = None) -> Version:
        """The next version, or the next pre-release of it. One that has pre-releases is the next after them."""
        pending = not self.final and (part == "patch" or (self.patch == 0 and (part == "minor" or self.minor == 0)))
        core = {
            "major": (self.major + 1, 0, 0),
            "minor": (self.major, self.minor + 1, 0),
            "patch": (self.major, self.minor, self.patch + 1),
        }[part]
        if label is not None:
            return self.before(label) if pending else Version(*core).before(label)
        return Version(self.major, self.minor, self.patch) if pending else Version(*core)

    def before(self, label: str) -> Version:
        """The next pre-release under this label: the first one of a final version, or the one after this."""
        number = self.number + 1 if self.label == label else 1
        following = Version(self.major, self.minor, self.patch, final=False, label=label, number=number)
        if not self.final and following < self:
            raise Refused(f"{following} would come before {self}")
        return following

    def requirement(self) -> str:
        """What asks for this version of a package, or a later compatible one: below 1.0 a minor version may break."""
        return f">={self},<0.{self.minor + 1}" if self.major == 0 else f">={self},<{self.major + 1}"
