"""Forms of the original that are gone, each with the way to write it today."""

from __future__ import annotations

from orchestrator.config.source import Place
from orchestrator.errors import ConfigError

_TASK = 'task "NAME" { input { provider_image = "…" config { … } } output { provider_image = "…" config { … } } }'
_CDC_KEYS = (
    "`db_connection_string`, `tables`, `poll_interval` and `max_poll_interval` go into the input's `config`, "
    "`locks` becomes `lock_config = { … }` there, `queue` goes into the output's `config`"
)
_PROVIDER = '`provider_image = "registry/name:tag"`, or `provider_path = "./program"` for a local executable'

TOP_LEVEL = {
    "dstream": "drop it: a provider is named in full where it is used, with its registry and version",
    "ingester": f"write it as a task's input: `{_TASK}`; {_CDC_KEYS}",
    "router": f"write it as a task of its own: `{_TASK}`; `source` becomes the input, `output` the output",
    "db_type": f"name the provider of the database instead: `{_TASK}`",
    "db_connection_string": f"it goes into the input's `config`: `{_TASK}`",
    "output": f"it goes into a task: `{_TASK}`",
    "input": f"it goes into a task: `{_TASK}`",
    "locks": f"it becomes `lock_config = {{ … }}` in the input's `config`: `{_TASK}`",
    "tables": f'it becomes `tables = ["…"]` in the input\'s `config`: `{_TASK}`',
    "ingest": f"it goes into a task: `{_TASK}`; {_CDC_KEYS}",
    "plugin_registry": "drop it: a provider is named in full where it is used, with its registry and version",
    "required_plugins": "drop it: a provider is named in full where it is used, with its registry and version",
}

IN_TASK = {
    "plugin_path": "use an `input` and an `output` block, each with `provider_path` or `provider_image`",
    "plugin_ref": "use an `input` and an `output` block, each with `provider_image` or `provider_ref`",
    "config": "`config` belongs into the `input` and `output` blocks",
    "provider_path": "`provider_path` belongs into the `input` and `output` blocks",
    "provider_ref": "`provider_ref` belongs into the `input` and `output` blocks",
    "provider_image": "`provider_image` belongs into the `input` and `output` blocks",
}

IN_PROVIDER = {
    "provider": f"name where it comes from: {_PROVIDER}",
    "plugin_path": "it is called `provider_path` now",
    "plugin_ref": f"it is called `provider_ref` now; a container is {_PROVIDER}",
}


def removed(at: Place, what: str, way: str) -> ConfigError:
    """The error for a form that the original had."""
    return at.error("config.removed", f"{what} is not part of dstream.hcl any more", way)


def two_labels(at: Place, labels: tuple[str, ...]) -> ConfigError:
    """The error for `task "ingester" "name"`."""
    written = " ".join(f'"{label}"' for label in labels)
    form = f'task "{labels[-1]}" {{ input {{ … }} output {{ … }} }}'
    way = f"a task has one name, and its providers say what it does: `{form}`"
    return removed(at, f"`task {written}`", way)


def task_type(at: Place) -> ConfigError:
    """The error for `type = "plugin"`."""
    way = 'write `type = "providers"` (or leave it out), with an `input` and an `output` block'
    return removed(at, '`type = "plugin"`', way)
