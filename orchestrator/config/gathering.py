"""Several things wrong in one file, told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.errors import ConfigError


class Gathering:
    """Keeps the errors of parts that can be read apart from one another, until all of them were read.

    with gathering.part():
        input = read(…)
    with gathering.part():
        output = read(…)
    gathering.finish()
    """

    def __init__(self) -> None:
        self._errors: list[ConfigError] = []

    @contextmanager
    def part(self) -> Iterator[None]:
        """What is raised in here is kept. What the part would have set is not to be used before `finish`."""
        try:
            yield
        except ConfigError as error:
            self.add(error)

    def add(self, error: ConfigError) -> None:
        self._errors.append(error)

    def finish(self) -> None:
        """Raise the first error of all, with the others as its `others`; do nothing where there was none."""
        if self._errors:
            first, *others = (one for error in self._errors for one in error.each())
            first.others = tuple(others)
            raise first
