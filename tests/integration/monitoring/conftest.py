"""A task of two processes whose input reports stats, run by the real command."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

FAKES = Path(__file__).parents[2] / "fakes" / "providers"
DSTREAM = Path(sys.executable).with_name("dstream")


@dataclass
class Run:
    """A run under way."""

    process: subprocess.Popen[str]
    address: str

    def scrape(self) -> str:
        """The text that Prometheus would get."""
        with urlopen(f"{self.address}/metrics", timeout=30) as answer:
            return str(answer.read().decode())


class Shop:
    """A folder with one task."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = folder / "home"
        home.mkdir()
        self.environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home)}

    def write(self, *, source: str = "reports.py", config: str = "", more: str = "") -> None:
        (self.folder / "dstream.hcl").write_text(
            'task "orders" {\n'
            f'  input {{\n    provider_path = "{FAKES / source}"\n    protocol = 1\n    config {{ {config} }}\n  }}\n'
            f'  output {{\n    provider_path = "{FAKES / "lines.py"}"\n    protocol = 1\n  }}\n'
            f"{more}}}\n"
        )

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run to its end."""
        return subprocess.run(
            [DSTREAM, *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    @contextmanager
    def running(self) -> Iterator[Run]:
        """`dstream run orders`, drained at the end."""
        process = subprocess.Popen(
            [DSTREAM, "run", "orders", "--metrics", "0"],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            found = None
            while found is None:
                line = process.stderr.readline()
                assert line, "it ended before it was served"
                found = re.match(r"metrics at (http://\S+)/metrics$", line)
            yield Run(process, found[1])
            process.terminate()
            process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)
