"""A project of one's own, as the tests of the command line have it."""

from tests.cli.conftest import cache, project

__all__ = ["cache", "project"]
