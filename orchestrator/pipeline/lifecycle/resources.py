"""What a provider answers to a lifecycle command, as one shape whoever wrote it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from dstream_sdk.protocol import LifecycleReply, Resource

ACTIONS = ("create", "update", "replace", "delete")
"""What changes something. `same` does not, and no action at all says nothing."""

_SAID = {
    "create": ("WILL_CREATE", "CREATED"),
    "update": ("WILL_UPDATE", "WILL_CHANGE", "WILL_MODIFY", "UPDATED"),
    "replace": ("WILL_REPLACE", "REPLACED"),
    "delete": ("WILL_DELETE", "WILL_DESTROY", "WILL_REMOVE", "DELETED", "DESTROYED", "REMOVED"),
    "same": ("HEALTHY", "EXISTS", "READY", "UNCHANGED", "NO_CHANGE"),
}
_ACTION = {word: action for action, words in _SAID.items() for word in (*words, action.upper())}
_PLAIN = re.compile(r"(?P<name>.+):(?P<said>[A-Z][A-Z_]*)", re.DOTALL)


class Reply(msgspec.Struct, frozen=True):
    """A reply that says whether it worked, with resources that are none of them plain text."""

    succeeded: bool
    resources: tuple[Resource, ...] = ()
    message: str = ""
    error: str = ""
    hint: str = ""
    run: tuple[str, ...] = ()


def read_reply(line: bytes, redact: Callable[[str], str]) -> Reply:
    """The reply in `line`; in all of its text secrets are hidden. A null is as good as an absent field.

    Raises one of `dstream_sdk.protocol.NOT_JSON` for anything else.
    """
    fields = msgspec.json.decode(line, type=dict[str, Any])
    said = {key: _hidden(value, redact) for key, value in fields.items() if value is not None}
    reply = msgspec.convert(said, LifecycleReply)
    succeeded = reply.status == "Success"
    error = "" if succeeded else reply.error or reply.message or f"it says `{reply.status}`, and no more"
    resources = tuple(plain(one) if isinstance(one, str) else _known(one) for one in reply.resources)
    run = (reply.metadata or {}).get("run")
    sentences = tuple(str(one) for one in run) if isinstance(run, list) else ()
    return Reply(succeeded, resources, reply.message, error, reply.hint, sentences)


def plain(text: str) -> Resource:
    """A resource as the original writes it: `orders:WILL_CREATE`. A word that is not known is kept as `said`."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return Resource("", text)
    return _known(Resource("", found["name"], found["said"]))


def _known(resource: Resource) -> Resource:
    """With an action that counts, or with its word as `said`."""
    action = _ACTION.get(resource.action.upper(), "")
    detail = resource.detail if action or not resource.action else {**resource.detail, "said": resource.action}
    return msgspec.structs.replace(resource, action=action, detail=detail)


def counts(resources: Iterable[Resource]) -> dict[str, int]:
    """How many of each of `ACTIONS`."""
    found = Counter(resource.action for resource in resources)
    return {action: found[action] for action in ACTIONS}


def losses(resources: Iterable[Resource]) -> list[str]:
    """What would be lost, a sentence each."""
    return [str(resource.detail["data_loss"]) for resource in resources if resource.detail.get("data_loss")]


def drifted(resource: Resource) -> Mapping[str, Any]:
    """By attribute the value as made and the value found."""
    drift = resource.detail.get("drift")
    return drift if isinstance(drift, dict) else {}


def _hidden(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_hidden(item, redact) for item in value]
    if isinstance(value, dict):
        return {redact(key): _hidden(item, redact) for key, item in value.items()}
    return value
