"""The commands that the documents tell people to type, and the files that they are given."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from orchestrator.cli.main import app
from orchestrator.config import load_project
from tests.repo.tracked import REPOSITORY, files, name, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DSTREAM: Any = typer.main.get_command(app)
HELP = {"-h", "--help"}
EXAMPLES = [path for path in files("*.hcl") if path.is_relative_to(REPOSITORY / "examples")]


def typed(page: str) -> Iterator[list[str]]:
    """The words of every `dstream …` that a page tells people to type, in a block or within a sentence."""
    lines = re.findall(r"`(dstream [^`\n]+)`", re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE))
    for language, block in re.findall(r"^```(sh|console)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        prompt = "$ " if language == "console" else ""
        whole = block.replace("\\\n", " ").splitlines()
        lines += [line.removeprefix(prompt) for line in whole if line.startswith(prompt)]
    for line in lines:
        yield from called(line)


def called(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] | None = None
    for word in [*lexer, ";"]:
        if words is None:
            if word == "dstream" or word.endswith("/dstream"):
                words = []
            elif "dstream " in word:  # a line in quotes, for another shell
                yield from called(word)
        elif set(word) <= set("();<>|&"):
            yield words
            words = None
        else:
            words.append(word)


def mistake(words: list[str]) -> str | None:
    """The verb or the option that `dstream` does not have; what verbs and options are given is not looked at."""
    command = DSTREAM
    known = list(command.params)
    rest = iter(words)
    for word in rest:
        if word.startswith("-") and word != "-":
            name, given, _ = word.partition("=")
            option = next((each for each in known if name in each.opts), None)
            if option is None and name not in HELP:
                return name
            if option and not option.is_flag and not given:
                next(rest, None)
        elif children := getattr(command, "commands", None):
            if word not in children:
                return word
            command = children[word]
            known += command.params
    return None


@pytest.mark.parametrize("page", files("*.md"), ids=name)
def test_every_dstream_command_in_the_documents_has_its_verb_and_its_options(page: Path) -> None:
    wrong = {" ".join(words): found for words in typed(text(page)) if (found := mistake(words))}
    assert wrong == {}


def test_a_command_that_is_none_is_found() -> None:
    page = "`dstream state shew` `dstream run --all`\n```sh\nssh there 'cd x && dstream ps --nope' | cat\n```\n"
    assert [mistake(words) for words in typed(page)] == ["shew", None, "--nope"]


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_examples_are_valid(example: Path) -> None:
    project = load_project(example, environ={})
    assert project.tasks


@pytest.mark.parametrize("script", ["engine", "registry", "build-image"])
def test_a_script_without_arguments_says_how_it_is_used(script: str) -> None:
    done = subprocess.run([REPOSITORY / "scripts" / script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("Usage: ")


@pytest.mark.parametrize("script", [path for path in files("scripts/*") if path.name != "lib.sh"], ids=name)
def test_every_script_explains_itself_and_does_nothing_when_asked_for_help(script: Path) -> None:
    done = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: scripts/{script.name}")
    wrong = subprocess.run([script, "--nonsense"], capture_output=True, text=True, timeout=60, check=False)
    assert (wrong.returncode, wrong.stdout) == (3, "")
