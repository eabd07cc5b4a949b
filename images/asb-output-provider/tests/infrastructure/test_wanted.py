from typing import Any

import pytest

from asb_output_provider.config import AsbConfig
from asb_output_provider.infrastructure.marks import Mark
from asb_output_provider.infrastructure.queues import Queue, iso_duration, wanted_properties
from asb_output_provider.infrastructure.survey import Found, Survey
from asb_output_provider.infrastructure.wanted import refuse_moved, refuse_strangers, wanted_queues
from asb_output_provider.tables import known_tables, queue_names
from dstream_sdk import ProviderError, Stream

OWNER = Mark("project", "task")
CONNECTION = "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=s"


def config(**changed: Any) -> AsbConfig:
    return AsbConfig.model_validate({"connection_string": CONNECTION, **changed})


def found(name: str, mark: Mark | None, **changed: Any) -> Found:
    properties = {**wanted_properties(config().queues), **changed}
    return Found(name, properties, mark.text() if mark else "", mark)


def wanted(config: AsbConfig, tables: list[str], *there: Found) -> list[Queue]:
    survey = Survey(OWNER, list(there))
    names = queue_names(config, [Stream(table, schema="dbo") for table in tables]).known
    queues = wanted_queues(config, names, OWNER, survey)
    refuse_strangers(config, queues, OWNER, survey)
    return queues


def test_every_table_has_a_queue_that_bears_its_owners_mark() -> None:
    queues = wanted(config(), ["Persons", "Orders"])
    assert sorted(queue.name for queue in queues) == ["Orders_cdc_events", "Persons_cdc_events"]
    assert all(Mark.read(queue.user_metadata) == OWNER for queue in queues)


def test_a_table_named_in_the_config_and_announced_is_one_table() -> None:
    both = config(tables=["Orders", "sales.Orders", "Extra"])
    assert [str(table) for table in known_tables(both, [Stream("Orders", schema="dbo")])] == [
        "dbo.Orders",
        "sales.Orders",
        "Extra",
    ]


def test_overrides_reach_their_queue_alone() -> None:
    overriding = config(queues={"ttl": "336h"}, queue_overrides={"Orders": {"sessions": True}})
    orders, persons = wanted(overriding, ["Orders", "Persons"])
    assert (orders.properties["requires_session"], persons.properties["requires_session"]) == (True, False)
    assert orders.properties["default_message_time_to_live"] == "P14D"


def test_what_a_run_made_stays_as_it_was_made() -> None:
    queues = wanted(
        config(), ["Orders"], found("Late_cdc_events", Mark("project", "task", auto=True), lock_duration="PT5S")
    )
    assert [queue.properties["lock_duration"] for queue in queues] == ["PT60S", "PT5S"]


def test_what_a_run_made_becomes_a_queue_like_others_once_its_table_is_announced() -> None:
    (queue,) = wanted(config(), ["Late"], found("LATE_cdc_events", Mark("project", "task", auto=True)))
    assert Mark.read(queue.user_metadata) == OWNER


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        (None, "not made by dstream"),
        (Mark("project", "other"), "for task `other`$"),
        (Mark("elsewhere", "task"), "for task `task` of another project"),
    ],
)
def test_a_queue_of_someone_else_is_refused_by_its_makers_name(mark: Mark | None, words: str) -> None:
    with pytest.raises(ProviderError, match=words) as caught:
        wanted(config(), ["Orders"], found("orders_CDC_events", mark))
    assert "adopt = true" in caught.value.hint


def test_an_adopted_queue_keeps_its_makers_metadata() -> None:
    (queue,) = wanted(config(adopt=True), ["Orders"], found("Orders_cdc_events", Mark("elsewhere", "task")))
    assert not queue.ours
    assert Mark.read(queue.user_metadata) == Mark("elsewhere", "task")


def test_a_queue_that_would_have_to_be_made_anew_is_not_adopted() -> None:
    with pytest.raises(ProviderError, match="another `requires_session`, which a queue keeps"):
        wanted(config(adopt=True), ["Orders"], found("Orders_cdc_events", None, requires_session=True))


def test_queues_do_not_change_the_way_they_are_made() -> None:
    through_azure = Mark("project", "task", azure=True)
    survey = Survey(OWNER, [found("Orders_cdc_events", through_azure)])
    refuse_moved(through_azure, survey)
    with pytest.raises(ProviderError, match="was made through Azure") as caught:
        refuse_moved(OWNER, survey)
    assert caught.value.hint == "`dstream destroy` it first, with `azure`"


@pytest.mark.parametrize(
    ("said", "text"), [("PT10M", "PT600S"), (600.0, "PT600S"), ("P1DT0H", "P1D"), ("P10675199DT2H48M5.4775807S",) * 2]
)
def test_one_duration_has_one_text(said: str | float, text: str) -> None:
    assert iso_duration(said) == text
