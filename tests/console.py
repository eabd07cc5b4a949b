"""What a page shows of a terminal: commands, and what they say."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ANYTHING = "…"


@dataclass(frozen=True)
class Step:
    """A command of a page, or a file that it has the reader write; a file's second part is added to its first."""

    command: str
    shown: str
    file: str | None = None

    def take(self, folder: Path, environ: dict[str, str]) -> None:
        """Do it. Raises AssertionError where a command fails, or says something else than the page shows."""
        if self.file:
            with (folder / self.file).open("a") as file:
                file.write(self.shown)
            return
        done = subprocess.run(
            ["bash", "-c", f"{{ {self.command}\n}} 2>&1"],
            cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {self.command}\n{done.stdout}"
        assert matches(self.shown, done.stdout), f"$ {self.command}\n{done.stdout}\nthe page shows:\n{self.shown}"


def steps(page: str) -> list[Step]:
    """In the page's order, the files of its blocks with `file=NAME` and the commands of its blocks `console`."""
    found = []
    for language, file, text in re.findall(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        if file:
            found.append(Step("", text, file))
        elif language == "console":
            found += [Step(*part.split("\n", 1)) for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]]
    return found


def matches(shown: str, said: str) -> bool:
    """Whether `said` is what is shown, where `…` stands for any text in a line, and alone in one for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == ANYTHING else ".*".join(map(re.escape, line.split(ANYTHING))) + r" *\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, said) is not None
