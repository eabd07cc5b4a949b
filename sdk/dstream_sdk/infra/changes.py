"""The engine's events as resources, with what changes about each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.automation import EngineEvent, OpType, StepEventMetadata

from dstream_sdk.protocol.messages import Resource

# A replacement comes as one step of that name, besides the creation and the deletion that it consists of.
_ACTIONS = {
    OpType.CREATE: "create",
    OpType.IMPORT: "create",
    OpType.UPDATE: "update",
    OpType.REPLACE: "replace",
    OpType.DELETE: "delete",
    OpType.SAME: "same",
}
_DONE = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
_RAISED = "Exception calling application: "
"""What gRPC says before the words of a dynamic provider."""

_SUMMARIES = frozenset({"preview failed", "update failed"})
"""What the engine says behind the errors themselves."""

_COLOUR = re.compile(r"<\{%.*?%\}>")


@dataclass(slots=True)
class Changes:
    """Sees one operation's events. `say` gets a line for every change made, and the engine's warnings."""

    say: Callable[[str], None]
    errors: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    _resources: dict[str, Resource] = field(default_factory=dict)
    _drifts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def see(self, event: EngineEvent) -> None:
        """Take in the next event."""
        if event.resource_pre_event:
            self._plan(event.resource_pre_event.metadata)
        elif event.res_outputs_event:
            self._done(event.res_outputs_event.metadata, planning=bool(event.res_outputs_event.planning))
        elif event.diagnostic_event:
            words = _COLOUR.sub("", event.diagnostic_event.message).strip()
            if event.diagnostic_event.severity == "error":
                if words not in _SUMMARIES:
                    self.errors.append(words.removeprefix(_RAISED))
            elif event.diagnostic_event.severity == "warning":
                self.say(words)

    def resources(self) -> list[Resource]:
        """What was seen, by type and name; drift that no step undoes is told with the action `same`."""
        for urn, drift in self._drifts.items():
            if urn in self._resources:
                self._resources[urn].detail["drift"] = drift
        return sorted(self._resources.values(), key=lambda resource: (resource.type, resource.name))

    def _plan(self, step: StepEventMetadata) -> None:
        action = _ACTIONS.get(OpType(step.op))
        if action is None or not _is_resource(step):
            return
        self._resources[step.urn] = Resource(
            type=type_of(step.type), name=name_of(step.urn), action=action, detail=_detail(action, step)
        )

    def _done(self, step: StepEventMetadata, *, planning: bool) -> None:
        if step.type == "pulumi:pulumi:Stack":
            self.outputs = dict(step.new.outputs or {}) if step.new else {}
        elif OpType(step.op) is OpType.REFRESH and _is_resource(step):
            self._drifts.update(_drift(step))
        elif not planning and step.urn in self._resources and _is_resource(step):
            resource = self._resources[step.urn]
            if resource.action in _DONE:
                self.say(f"{_DONE[resource.action]} {resource.type} `{resource.name}`")


def type_of(token: str) -> str:
    """`servicebus.Queue`, of `azure-native:servicebus:Queue` and of `pulumi-python:dynamic/servicebus:Queue` alike."""
    module, _, name = token.partition(":")[2].rpartition(":")
    first, _, others = module.partition("/")
    return f"{others if first == 'dynamic' and others else first}.{name}"


def name_of(urn: str) -> str:
    """The logical name, which the program gave."""
    return urn.split("::", 3)[3]


def _is_resource(step: StepEventMetadata) -> bool:
    """Not the stack itself, nor a provider or a component, which are nothing on the far side."""
    state = step.new or step.old
    return bool(state and state.custom) and not step.type.startswith("pulumi:")


def _detail(action: str, step: StepEventMetadata) -> dict[str, Any]:
    wanted = _told(step.new.inputs if step.new else None)
    if action == "create":
        return {"attributes": wanted} if wanted else {}
    if action not in {"update", "replace"} or step.old is None:
        return {}
    there = _told(step.old.inputs) | _told(step.old.outputs)
    named = {path.partition(".")[0].partition("[")[0] for path in [*(step.detailed_diff or ()), *(step.diffs or ())]}
    if not named:  # the provider said only that something differs
        named = {key for key in wanted if there.get(key) != wanted[key]} | (_told(step.old.inputs).keys() - wanted)
    return {"changes": {key: [there.get(key), wanted.get(key)] for key in sorted(named)}}


def _drift(step: StepEventMetadata) -> dict[str, dict[str, Any]]:
    """What a refresh found, by URN; empty where all is as it was made."""
    if step.old is None:
        return {}
    if step.new is None:
        return {step.urn: {"exists": [True, False]}}
    made, found = _told(step.old.outputs), _told(step.new.outputs)
    # Others, such as the time of the last access, change by themselves.
    declared = _told(step.old.inputs)
    differing = sorted(key for key in declared if made.get(key) != found.get(key))
    return {step.urn: {key: [made.get(key), found.get(key)] for key in differing}} if differing else {}


def _told(properties: Mapping[str, Any] | None) -> dict[str, Any]:
    """The properties that are the author's; the engine has blinded the secret ones."""
    return {key: value for key, value in (properties or {}).items() if not key.startswith("__")}
