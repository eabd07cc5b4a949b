"""A saved plan holds for what it was made from, and for nothing else."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dstream_sdk.protocol import Column, Resource, Stream
from orchestrator.config.model import Delivery, ProviderSpec, Task
from orchestrator.errors import ConfigError, Where
from orchestrator.pipeline.lifecycle.binding import bind, refuse_stale
from orchestrator.pipeline.lifecycle.plan import Plan, ProviderPart
from orchestrator.pipeline.lifecycle.saved import load, save

SECRET = "Endpoint=sb://bus;SharedAccessKey=hunter2"


def spec(**config: Any) -> ProviderSpec:
    return ProviderSpec("output", "image", "registry.test/asb:v1", Where(line=7), config, secrets=frozenset({SECRET}))


def task(**config: Any) -> Task:
    source = ProviderSpec("input", "path", "/opt/source", Where(line=2))
    return Task("orders", source, spec(**{"connection": SECRET, "ttl": Decimal("0.1"), **config}), Where(line=1))


def plan(*resources: Resource, content: str = "sha256:aa", columns: tuple[str, ...] = ("id",)) -> Plan:
    part = ProviderPart("output", "asb", spec(), content, None, owns=True, resources=resources)
    streams = [Stream("Orders", "dbo", [Column(name) for name in columns])]
    return Plan("orders", destroy=False, parts=(part,), streams=streams, run=None)


def queue(action: str = "create", **detail: Any) -> Resource:
    return Resource("servicebus.Queue", "Orders_cdc_events", action, detail)


NOW = plan(queue(attributes={"ttl": "P14D"}))


def test_it_holds_while_nothing_moved(tmp_path: Path) -> None:
    save(bind(NOW, task()), tmp_path / "plan")
    moved = replace(task(), where=Where(line=100))
    refuse_stale(load(tmp_path / "plan", "orders"), NOW, moved)


@pytest.mark.parametrize(
    ("now", "what", "said"),
    [
        (NOW, task(connection="another"), "the task's configuration changed"),
        (NOW, replace(task(), delivery=Delivery(max_in_flight=5)), "the task's configuration changed"),
        (plan(*NOW.resources, content="sha256:bb"), task(), "the image of the output changed"),
        (plan(*NOW.resources, columns=("id", "name")), task(), "other streams, or other columns"),
        (plan(queue("same")), task(), "`Orders_cdc_events` (create then, same now)"),
        (plan(), task(), "`Orders_cdc_events` (create then, absent now)"),
        (plan(queue(attributes={"ttl": "P7D"})), task(), "`Orders_cdc_events` (create, with other values)"),
        (plan(queue(attributes={"ttl": "P14D"}, data_loss="3 messages")), task(), "with other values"),
        (plan(queue(attributes={"ttl": "P14D"}, sql="DROP TABLE Orders")), task(), "with other values"),
        (plan(queue("delete"), *NOW.resources), task(), "(create then, delete and create now)"),
    ],
)
def test_it_says_what_moved(now: Plan, what: Task, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as refused:
        refuse_stale(bind(NOW, task()), now, what)
    assert refused.value.code == "plan.stale"


def test_what_moves_all_the_time_does_not_count() -> None:
    then, now = (plan(queue("delete", data_loss=f"it holds {number} messages")) for number in (3, 4))
    refuse_stale(bind(then, task()), now, task())


def test_neither_the_secret_nor_an_unsalted_hash_of_it_is_in_the_file(tmp_path: Path) -> None:
    first, second = (bind(NOW, task()) for _ in range(2))
    assert first.hcl != second.hcl
    save(first, tmp_path / "plan")
    text = (tmp_path / "plan").read_text()
    assert "hunter2" not in text
    assert "SharedAccessKey" not in text
    assert (tmp_path / "plan").stat().st_mode & 0o777 == 0o600


def test_a_link_is_followed_and_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("plan")
    save(bind(NOW, task()), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    load(tmp_path / "plan", "orders")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError) as refused:
        save(bind(NOW, task()), tmp_path / "pipe")
    assert refused.value.code == "plan.unwritable"
    assert (tmp_path / "pipe").is_fifo()


def test_a_place_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "plan").mkdir()
    with pytest.raises(ConfigError) as refused:
        save(bind(NOW, task()), tmp_path / "plan")
    assert refused.value.code == "plan.unwritable"
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]
