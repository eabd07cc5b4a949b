"""Files that are replaced whole or not at all, and are on the disk."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.durable import replacing


def replace(path: Path, text: bytes, mode: int = 0o600) -> None:
    with replacing(path, mode) as file:
        file.write(text)


def test_the_file_has_the_new_content_and_the_mode_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "file"
    before = os.umask(0o077)
    try:
        for text, mode in ((b"one", 0o600), (b"two", 0o644), (b"three", 0o600)):
            replace(path, text, mode)
            assert (path.read_bytes(), path.stat().st_mode & 0o777) == (text, mode)
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace(path, b"old")

    def interrupted() -> None:
        with replacing(path) as file:
            file.write(b"new")
            file.flush()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_cannot_take_it_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace(path, b"old")
    full = "import resource, signal, sys; from pathlib import Path; from orchestrator.durable import replacing\n"
    full += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    full += "with replacing(Path(sys.argv[1])) as file: file.write(bytes(10000))"
    done = subprocess.run([sys.executable, "-c", full, str(path)], capture_output=True, text=True, check=False)
    assert done.stderr.rstrip().endswith("File too large")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to("elsewhere/file")
    replace(link, b"text")
    assert link.is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_bytes() == b"text"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="is no file"):
        replace(pipe, b"text")
    assert pipe.is_fifo()
    assert sorted(tmp_path.iterdir()) == [tmp_path / "elsewhere", link, pipe]


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_end(tmp_path: Path) -> None:
    path, trace = tmp_path / "file", tmp_path / "trace"
    written = "import os, sys; from pathlib import Path; from orchestrator.durable import replacing\n"
    written += "with replacing(Path(sys.argv[1])) as file: file.write(b'text')\nos.write(1, b'done')"
    calls = "trace=write,fsync,rename,renameat,renameat2"
    traced = ["strace", "-y", "-o", str(trace), "-e", calls, sys.executable, "-c", written, str(path)]
    subprocess.run(traced, check=True, stdout=subprocess.DEVNULL)
    names = {str(tmp_path): "folder", "/dev/null": "stdout"}
    found = re.findall(r"(?m)^(write|fsync|rename)\w*\((?:\w+<|\")?([^>\"]+)", trace.read_text())
    assert [(call, names.get(file, "draft")) for call, file in found] == [
        ("write", "draft"),
        ("fsync", "draft"),
        ("rename", "draft"),
        ("fsync", "folder"),
        ("write", "stdout"),
    ]
