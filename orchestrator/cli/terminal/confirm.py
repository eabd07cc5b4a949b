"""Asking whoever sits at the terminal."""

from __future__ import annotations

import sys

import typer

from orchestrator.errors import ConfigError


def confirm(question: str) -> None:
    """Ask on stderr; returns where the answer is yes.

    Raises `typer.Abort` where it is no, and `ConfigError` (`usage`) where nobody can be asked.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError("usage", "nobody can be asked: stdin is no terminal", hint="confirm with `--yes`")
    typer.confirm(question, abort=True, err=True)
