"""What Pulumi would do or did, told of the queues that are there."""

from __future__ import annotations

from typing import Any

from asb_output_provider.infrastructure.survey import Found
from asb_output_provider.infrastructure.view import View
from asb_output_provider.infrastructure.wanted import differences, must_be_replaced
from dstream_sdk import Resource

RESOURCE_TYPE = "servicebus.Queue"

_INNER = frozenset({"name", "ours", "user_metadata"})
"""Properties that say nothing of the queue itself: its name stands above them, and a new one is ours."""


def told(resources: list[Resource | str], view: View, *, destroying: bool = False) -> list[Resource | str]:
    """The resources of Pulumi's reply as they are, and queues of ours that its state does not know."""
    kept = [_told(resource, view) for resource in resources if isinstance(resource, Resource)]
    known = {resource.name.lower() for resource in kept}
    strays = [found for found in view.survey.ours if found.name.lower() not in known]
    return [*kept, *(_stray(found, view, destroying=destroying) for found in strays)]


def _told(resource: Resource, view: View) -> Resource:
    found = view.survey.named(resource.name)
    detail = resource.detail
    if "attributes" in detail:
        detail = {**detail, "attributes": {k: v for k, v in detail["attributes"].items() if k not in _INNER}}
    if found is not None:
        if resource.action == "create":
            return _taken_over(found, view)
        if resource.action == "delete" and not view.survey.is_ours(found):
            return Resource(RESOURCE_TYPE, found.name, "same", {"kept": "this task did not make it"})
        if resource.action in {"delete", "replace"}:
            detail = {**detail, **_loss(found, view)}
    return Resource(RESOURCE_TYPE, resource.name, resource.action, detail)


def _taken_over(found: Found, view: View) -> Resource:
    """Pulumi would make it, since its state does not have it; but it is there."""
    wanted = view.wanted(found.name)
    changed: dict[str, Any] = {"in state": [False, True]}
    if wanted is None:
        return Resource(RESOURCE_TYPE, found.name, "update", {"changes": changed})
    changed |= differences(found, wanted)
    if not must_be_replaced(found, wanted):
        return Resource(RESOURCE_TYPE, found.name, "update", {"changes": changed})
    return Resource(RESOURCE_TYPE, found.name, "replace", {"changes": changed, **_loss(found, view)})


def _stray(found: Found, view: View, *, destroying: bool) -> Resource:
    if destroying or view.wanted(found.name) is None:
        return Resource(RESOURCE_TYPE, found.name, "delete", _loss(found, view))
    return _taken_over(found, view)


def _loss(found: Found, view: View) -> dict[str, Any]:
    sentence = view.loss(found.name)
    return {"data_loss": sentence} if sentence else {}
