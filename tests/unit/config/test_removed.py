"""Forms of the original that are gone say how to write them today."""

from __future__ import annotations

import pytest

from .conftest import Fails

REMOVED = {
    "plugin_path": ('task "t" {\n plugin_path = "./p"\n}', 2, "`provider_path`"),
    "plugin_ref": ('task "t" {\n plugin_ref = "a/b:1"\n}', 2, "`provider_image`"),
    "task config": ('task "t" {\n config {\n  a = 1\n }\n}', 2, "`input` and `output` blocks"),
    "task provider": ('task "t" {\n provider_ref = "a"\n}', 2, "`input` and `output` blocks"),
    "plugin": ('task "t" {\n type = "plugin"\n}', 2, '`type = "providers"`'),
    "two labels": ('task "ingester" "orders" {\n}', 1, 'task "orders"'),
    "provider": ('task "t" {\n input {\n  provider = "mssql"\n }\n}', 3, "provider_image"),
    "inner plugin_path": ('task "t" {\n input {\n  plugin_path = "mssql"\n }\n}', 3, "`provider_path`"),
    "dstream": ('dstream {\n plugin_registry = "ghcr.io/katasec"\n}', 1, "named in full"),
    "ingester": ('ingester {\n db_type = "sqlserver"\n}', 1, "lock_config"),
    "router": ("router {\n source {\n }\n}", 1, "`source` becomes the input"),
    "db_type": ('db_type = "sqlserver"', 1, "provider_image"),
    "db_connection_string": ('db_connection_string = "{{ env "X" }}"', 1, "the input's `config`"),
    "output": ('output {\n type = "servicebus"\n}', 1, "it goes into a task"),
    "locks": ('locks {\n type = "azure_blob"\n}', 1, "lock_config"),
    "tables": ('tables {\n name = "Persons"\n}', 1, "input's `config`"),
}


@pytest.mark.parametrize(("text", "line", "way"), REMOVED.values(), ids=REMOVED)
def test_removed_form_says_the_way(fails: Fails, text: str, line: int, way: str) -> None:
    error = fails("config.removed", text + "\n")
    assert "not part of dstream.hcl any more" in error.message
    assert error.hint is not None
    assert way in error.hint
    assert error.where.line == line
