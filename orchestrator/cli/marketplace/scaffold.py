"""A new provider's folder, copied from the template that comes with dstream.

The template is a provider that works, called `my-provider`. Making a new one is copying it under another name.
"""

from __future__ import annotations

import keyword
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import orchestrator
from orchestrator.errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    from orchestrator.config.model import Role

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 63
_TAKEN = sys.stdlib_module_names | {"dstream_sdk", "tests"}
_FILES = ("provider", "build")
_HINT = "a name is lower-case words, digits and single dashes, such as `orders-input-provider`"


@dataclass(frozen=True, slots=True)
class Names:
    """The three ways in which a provider's name is written."""

    provider: str
    package: str
    title: str

    @classmethod
    def of(cls, name: str) -> Self:
        """Raises `ConfigError` (`new.name`) for what cannot name an image and a Python package alike."""
        package = name.replace("-", "_")
        if not _NAME.fullmatch(name) or len(name) > _LONGEST:
            raise ConfigError("new.name", f"`{name}` cannot be the name of a provider", hint=_HINT)
        if package in _TAKEN or keyword.iskeyword(package):
            raise ConfigError("new.name", f"`{package}` means something else to Python", hint=_HINT)
        if package in _FILES:
            raise ConfigError("new.name", f"`{package}` is what a file beside the package is called", hint=_HINT)
        return cls(name, package, name.replace("-", " ").capitalize())

    def instead_of_the_templates(self, text: str) -> str:
        """`text` of the template, with these names for its own."""
        return (
            text.replace("my-provider", self.provider)
            .replace("my_provider", self.package)
            .replace("My provider", self.title)
        )


def make(names: Names, kind: Role, template: str, target: Path) -> None:
    """Write the provider's folder, whole or not at all. An empty one that is there already is filled.

    Raises `ConfigError` (`new.exists`) where something is there already, `UnavailableError` (`new.unwritable`).
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100  # without `..`: what that leads to has no name
    if target.is_symlink() or (target.exists() and not _is_empty_folder(target)):
        raise ConfigError("new.exists", f"`{target}` is there already", hint="name another place with `--folder`")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        there = target.is_dir()
        with tempfile.TemporaryDirectory(prefix=".new-", dir=target if there else target.parent) as made:
            fresh = Path(made) / names.provider
            for part in (template, f"{template}-{kind}"):
                _copy(_templates() / part, fresh, names)
            if there:  # not replaced: a shell may stand in it
                for path in list(fresh.iterdir()):
                    path.rename(target / path.name)
            else:
                fresh.rename(target)
    except OSError as error:
        message = f"cannot write `{target}`: {error.strerror}"
        raise UnavailableError("new.unwritable", message, hint="name another place with `--folder`") from error


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _copy(source: Path, target: Path, names: Names) -> None:
    for path in source.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copy = target / names.instead_of_the_templates(str(path.relative_to(source)))
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(names.instead_of_the_templates(path.read_text("utf-8")), "utf-8")
            shutil.copymode(path, copy)


def _templates() -> Path:
    """Inside the package where it is installed, beside it in its sources."""
    package = Path(orchestrator.__file__).parent
    installed = package / "templates"
    return (installed if installed.is_dir() else package.parent / "templates") / "provider"
