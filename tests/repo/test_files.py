"""What holds for every file of the repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.repo.tracked import REPOSITORY, files, name, text

# In pieces, so that this file does not contain what it forbids.
PACKAGE_HOSTS = [
    r"pypi\." + "org", r"python" + "hosted", r"deb\.debian" + r"\.org", r"npmjs\." + "(org|com)", r"proxy\.go" + "lang",
    r"static\.crates" + r"\.io", r"repo1?\.mav" + "en", "index-" + "url", "find-links" + r"[ =]https?:",
]  # fmt: skip
MACHINE_PATHS = ["/" + "work/", "/" + "root/", r"/home/[a-z]", "/tmp/" + r"v\b"]

SCRIPTS = [path for path in files() if text(path).startswith(("#!/usr/bin/env bash", "#!/bin/sh"))]
PAGES = files("*.md")


@pytest.mark.parametrize("forbidden", [*PACKAGE_HOSTS, *MACHINE_PATHS])
def test_no_file_names_a_package_host_or_a_path_of_one_machine(forbidden: str) -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()[:80]}"
        for path in files()
        if re.search(forbidden, text(path))
        for number, line in enumerate(text(path).splitlines(), 1)
        if re.search(forbidden, line)
    ]
    assert found == []


def test_no_module_is_named_for_nothing() -> None:
    shapeless = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert [name(path) for path in files("*.py") if path.stem in shapeless] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_shell_scripts_are_executable_and_shellcheck_finds_nothing(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    done = subprocess.run(
        ["shellcheck", "-x", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_in_documents_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text(page)):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_in_documents_exist(page: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", text(page), re.DOTALL)
    programs = {program for block in blocks for program in re.findall(r"(?<![\w/.])(?:\./)?scripts/[a-z-]+", block)}
    programs |= set(re.findall(r"`(?:\./)?(scripts/[a-z-]+)", text(page)))
    for program in programs:
        assert (REPOSITORY / program).is_file(), program
