"""What types the commands of a page finds what the page shows wrongly."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.console import Step, matches, steps

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
```sh file=run
echo one
```

```console
$ sh run
one
$ true
```

```sh
not typed
```

```sh file=run
echo two
```
"""


def test_files_and_commands_come_in_the_pages_order(tmp_path: Path) -> None:
    assert steps(PAGE) == [
        Step("", "echo one\n", "run"), Step("sh run", "one\n"), Step("true", ""), Step("", "echo two\n", "run"),
    ]  # fmt: skip
    for step in steps(PAGE):
        step.take(tmp_path, dict(os.environ))
    assert (tmp_path / "run").read_text() == "echo one\necho two\n"


@pytest.mark.parametrize("step", [Step("echo one", "two\n"), Step("echo one", ""), Step("echo one; exit 1", "one\n")])
def test_another_answer_and_a_failure_are_found(tmp_path: Path, step: Step) -> None:
    with pytest.raises(AssertionError, match="one"):
        step.take(tmp_path, dict(os.environ))


@pytest.mark.parametrize(
    ("shown", "said", "fits"),
    [
        ("a … c\n", "a b c\n", True),
        ("a … c\n", "a\nc\n", False),
        ("…\nlast\n", "last\n", True),
        ("…\nlast\n", "first\nsecond\nlast\n", True),
        ("first\n…\n", "first\n", True),
        ("a.c\n", "abc\n", False),
        ("last\n", "first\nlast\n", False),
    ],
)
def test_only_the_dots_stand_for_anything(shown: str, said: str, fits: bool) -> None:
    assert matches(shown, said) is fits
