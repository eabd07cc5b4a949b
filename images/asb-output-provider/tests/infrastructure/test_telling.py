from typing import Any

from asb_output_provider.config import QueueSettings
from asb_output_provider.infrastructure.marks import Mark
from asb_output_provider.infrastructure.queues import Queue, wanted_properties
from asb_output_provider.infrastructure.survey import Found, Survey
from asb_output_provider.infrastructure.telling import told
from asb_output_provider.infrastructure.view import View
from dstream_sdk import Resource

OWNER = Mark("project", "task")
PROPERTIES = wanted_properties(QueueSettings())


def view(*there: Found, wanted: tuple[str, ...] = (), messages: dict[str, int] | None = None) -> View:
    queues = [Queue(name, PROPERTIES, OWNER.text()) for name in wanted]
    return View(Survey(OWNER, list(there)), queues, messages or {})


def found(name: str, mark: Mark | None = OWNER, **changed: Any) -> Found:
    return Found(name, {**PROPERTIES, **changed}, mark.text() if mark else "", mark)


def only(resources: list[Resource | str]) -> Resource:
    (resource,) = resources
    assert isinstance(resource, Resource)
    return resource


def test_a_queue_that_is_there_is_not_called_new() -> None:
    pulumi = Resource("pulumi-python:dynamic/servicebus:Queue", "q", "create", {"attributes": {}})
    resource = only(told([pulumi], view(found("q", lock_duration="PT5S"), wanted=("q",))))
    assert (resource.type, resource.action) == ("servicebus.Queue", "update")
    assert resource.detail["changes"] == {"in state": [False, True], "lock_duration": ["PT5S", "PT60S"]}


def test_a_queue_that_no_state_knows_and_that_cannot_be_changed_is_replaced_with_its_messages() -> None:
    seen = view(found("q", requires_session=True), wanted=("q",), messages={"q": 2})
    resource = only(told([Resource("x", "q", "create")], seen))
    assert (resource.action, resource.detail["data_loss"]) == ("replace", "2 messages in `q` that nobody has received")


def test_a_queue_that_nobody_wants_any_more_is_deleted_whether_a_state_knows_it_or_not() -> None:
    resource = only(told([], view(found("q"), messages={"q": 1})))
    assert (resource.action, resource.detail["data_loss"]) == ("delete", "1 message in `q` that nobody has received")


def test_destroy_names_what_no_state_knows() -> None:
    assert only(told([], view(found("q"), wanted=("q",)), destroying=True)).action == "delete"


def test_an_adopted_queue_is_told_to_stay() -> None:
    resource = only(told([Resource("x", "q", "delete", {"data_loss": "all"})], view(found("q", None)), destroying=True))
    assert (resource.action, resource.detail) == ("same", {"kept": "this task did not make it"})


def test_queues_of_others_are_not_mentioned() -> None:
    assert told([], view(found("q", None), found("r", Mark("project", "other")))) == []
