"""The errors of the orchestrator, as data.

    DstreamError
    ├── RunError          exit 1  the run, a provider or a test failed
    ├── ConfigError       exit 3  the configuration, the command line, or trust is wrong
    └── UnavailableError  exit 4  the environment is: no engine, no registry, no disk

A library's exception becomes one of these once, at the boundary where the library is called.
Only `orchestrator.cli` renders them; everything else raises.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_CHANGES = 2
EXIT_CONFIG = 3
EXIT_ENVIRONMENT = 4
EXIT_FORCED_INT = 130
EXIT_FORCED_TERM = 143


@dataclass(frozen=True, slots=True)
class Where:
    """The place that an error is about. Every field is optional; the renderer shows what is there.

    `line` and `column` count from 1; `text` is the offending source line without its newline.
    `last_words` are the provider's last stderr lines, oldest first; secrets are hidden where they are shown.
    """

    file: str | None = None
    line: int | None = None
    column: int | None = None
    text: str | None = None
    provider: str | None = None
    image: str | None = None
    last_words: tuple[str, ...] = ()

    def filled_from(self, other: Where) -> Where:
        """This place, with what it does not say taken from `other`."""
        blank = {f.name: getattr(other, f.name) for f in fields(self) if not getattr(self, f.name)}
        return replace(self, **blank)


class DstreamError(Exception):
    """Base of all. `code` is a stable dotted name such as `config.unknown_task`.

    `message` is one line without a full stop, literals in backticks; `hint` is the way out. `others` were found
    together with it and are told with it.
    """

    exit_code: ClassVar[int] = EXIT_FAILED
    others: tuple[DstreamError, ...] = ()

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        where: Where | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.where = where or Where()

    def each(self) -> tuple[DstreamError, ...]:
        """This error, and the others."""
        return (self, *self.others)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class RunError(DstreamError):
    """The run, a provider or a test failed."""

    exit_code = EXIT_FAILED


class ConfigError(DstreamError):
    """The configuration, the command line, a stale plan or lock, or trust is wrong."""

    exit_code = EXIT_CONFIG


class UnavailableError(DstreamError):
    """Something the host should provide is missing or does not answer."""

    exit_code = EXIT_ENVIRONMENT


def state_unwritable(path: Path, error: OSError) -> UnavailableError:
    """For a file of the state directory, without which a run must not begin."""
    return UnavailableError(
        "state.unwritable",
        f"cannot write `{path}`: {error.strerror}",
        hint="the state directory must be writable by the user who runs dstream, on a disk with room",
        where=Where(file=str(path)),
    )


def error_class(exit_code: int) -> type[DstreamError]:
    """The kind of error that ends a command with `exit_code`."""
    kinds: tuple[type[DstreamError], ...] = (RunError, ConfigError, UnavailableError)
    return next((kind for kind in kinds if kind.exit_code == exit_code), RunError)
