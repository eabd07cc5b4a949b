"""`dstream providers VERB`: every module of this package is one verb, imported when it is asked for.

A module `name` holds `app = verb()`, with one function (the verb) or several (verbs below it, as in
`dstream providers catalog build`) registered by `@app.command()`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup


def verb(text: str | None = None) -> typer.Typer:
    """What a verb's module registers its functions with. `text` is the help of one with verbs below it."""
    return typer.Typer(help=text, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class _Verbs(Mapping[str, Any]):
    """The verbs by name."""

    def __init__(self) -> None:
        self._names = [module.name for module in pkgutil.iter_modules(__path__)]

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return typer.main.get_command(importlib.import_module(f"{__name__}.{name}").app)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Lazily(TyperGroup):
    """A group whose commands are only names until one is wanted."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Verbs()  # type: ignore[assignment]  # nothing ever adds to it


app = typer.Typer(cls=_Lazily, help="Find, fix the version of, and look into providers.")
