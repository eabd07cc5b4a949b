"""A file as a Pulumi resource."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic

PATIENCE_S = 60


class FileProvider(dynamic.ResourceProvider):
    """Makes a file once: one that is there already is refused, unless it is this very resource's."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        self._refuse_strangers()
        path = _far() / props["name"]
        if path.exists() and json.loads(path.read_text())["mark"] != props["mark"]:
            raise FileExistsError(f"{path} is there already")
        self._write(props)
        _hold(props["name"])
        return dynamic.CreateResult(props["name"], dict(props))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        path = _far() / id_
        if not path.exists():
            return dynamic.ReadResult(None, {})
        return dynamic.ReadResult(id_, {"name": id_, **json.loads(path.read_text())})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        changed = [key for key in ("size", "kind") if olds.get(key) != news[key]]
        return dynamic.DiffResult(bool(changed), ["kind"] if "kind" in changed else [], delete_before_replace=True)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        self._write(news)
        return dynamic.UpdateResult(dict(news))

    def delete(self, id_: str, _props: dict[str, Any]) -> None:
        remove(str(_far()), id_)
        _hold(id_)

    def _write(self, props: dict[str, Any]) -> None:
        kept = {key: props[key] for key in ("size", "kind", "mark")}
        (_far() / props["name"]).write_text(json.dumps(kept))

    def _refuse_strangers(self) -> None:
        if os.environ["FILES_TOKEN"] == "wrong":
            raise PermissionError(f"the token {os.environ['FILES_TOKEN']} was refused")


class File(dynamic.Resource, module="files", name="File"):
    def __init__(self, name: str, *, size: int, kind: str, after: Sequence[pulumi.Resource]) -> None:
        mark = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        properties = {"name": name, "size": size, "kind": kind, "mark": mark}
        super().__init__(FileProvider(), name, properties, pulumi.ResourceOptions(depends_on=after))


def remove(far: str, name: str) -> None:
    """Remove the file, which may be gone."""
    (Path(far) / name).unlink(missing_ok=True)


def _far() -> Path:
    return Path(os.environ["FILES_FOLDER"])


def _hold(name: str) -> None:
    """Say that the file's change is made and not yet told, and go on when the test lets it."""
    hold = _far().parent / "hold"
    if hold.exists() and hold.read_text() == name:
        (_far().parent / "held").touch()
        deadline = time.monotonic() + PATIENCE_S
        while hold.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
