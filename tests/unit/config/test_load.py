"""Loading as commands do it: from disk, parsed in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.config import load_project
from orchestrator.errors import ConfigError

TASK = 'task "t" {\n  input {\n    provider_image = "a"\n  }\n  output {\n    provider_path = "b"\n  }\n}\n'


def test_tree_and_error_come_back_from_the_parsing_process(tmp_path: Path) -> None:
    path = tmp_path / "dstream.hcl"
    path.write_text(TASK)
    project = load_project(path)
    assert project.path == path
    assert project.task("t").where.text == 'task "t" {'
    path.write_text(TASK + "x = [\n")
    with pytest.raises(ConfigError) as caught:
        load_project(path)
    assert str(caught.value) == "config.syntax: `[` is never closed"
    assert (caught.value.where.file, caught.value.where.line, caught.value.where.column) == (str(path), 9, 5)


def test_parser_leaves_no_trace_in_the_loading_process(tmp_path: Path) -> None:
    (tmp_path / "dstream.hcl").write_text(TASK)
    program = """if True:
        import sys
        from orchestrator.config import load_project
        before = set(sys.modules)
        load_project("dstream.hcl").task("t")
        heavy = {"lark", "hcl2", "pydantic", "structlog"} & {name.split(".")[0] for name in sys.modules}
        print(sorted(heavy))
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("cache", ["damaged", "a file in its place"])
def test_state_of_the_grammar_cache_does_not_matter(tmp_path: Path, cache: str) -> None:
    (tmp_path / "dstream.hcl").write_text(TASK)
    home = tmp_path / "cache"
    if cache == "damaged":
        (home / "dstream").mkdir(parents=True)
        (home / "dstream" / "hcl-grammar.bin").write_bytes(b"not a grammar")
    elif cache == "a file in its place":
        home.write_text("")
    program = "from orchestrator.config import load_project; print(load_project('dstream.hcl').task('t').name)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "XDG_CACHE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("t\n", "")
    if cache != "a file in its place":
        assert (home / "dstream" / "hcl-grammar.bin").stat().st_size > 100_000


def test_missing_file_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_project(tmp_path / "dstream.hcl")
    assert caught.value.code == "config.no_file"
    assert "-c FILE" in (caught.value.hint or "")
    assert caught.value.exit_code == 3


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "dstream.hcl"
    with pytest.raises(ConfigError, match=r"config\.unreadable"):
        load_project(tmp_path)
    path.write_bytes(b"a = \xff")
    with pytest.raises(ConfigError, match=r"config\.encoding: .* at byte 4"):
        load_project(path)


def test_windows_line_ends_and_byte_order_mark_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "dstream.hcl"
    path.write_bytes(("\ufeff" + TASK.replace("\n", "\r\n") + "oops = <<E\r\na\r\nE\r\n").encode())
    with pytest.raises(ConfigError) as caught:
        load_project(path)
    assert (caught.value.code, caught.value.where.line, caught.value.where.column) == ("config.unknown_attribute", 9, 1)
    assert caught.value.where.text == "oops = <<E"


def test_relative_paths_start_at_the_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "dstream.hcl").write_text(TASK)
    monkeypatch.chdir(tmp_path)
    project = load_project("project/dstream.hcl")
    assert project.path == folder / "dstream.hcl"
    assert project.task("t").output.reference == str(folder / "b")
    assert project.task("t").where.file == "project/dstream.hcl"
