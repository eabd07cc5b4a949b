"""docs/providers says what the providers of images/ say of themselves."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
IMAGES = sorted(path.parent for path in (REPOSITORY / "images").glob("*/pyproject.toml"))


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_the_page_is_current(image: Path) -> None:
    target = tomllib.loads((image / "pyproject.toml").read_text())["tool"]["dstream"]["provider"]
    page = REPOSITORY / "docs" / "providers" / f"{image.name}.md"
    done = subprocess.run(
        [sys.executable, "-m", "dstream_sdk.spec", target, "--page", page, "--check"],
        cwd=image, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr}; run ./scripts/docs"


def test_there_is_no_page_of_a_provider_that_is_gone() -> None:
    pages = {page.stem for page in (REPOSITORY / "docs" / "providers").glob("*.md")}
    assert pages == {image.name for image in IMAGES}
