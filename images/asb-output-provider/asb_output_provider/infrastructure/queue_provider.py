"""How Pulumi makes, reads, changes and deletes one queue through the namespace itself.

Runs in a process of Pulumi's, once for all queues, several at a time. It is imported by lifecycle verbs alone.
"""

from __future__ import annotations

import base64
import os
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.servicebus.management import QueueProperties, ServiceBusAdministrationClient
from pulumi import CustomResource, ResourceOptions, dynamic

from asb_output_provider.admin import admin_error
from asb_output_provider.infrastructure.access import Access
from asb_output_provider.infrastructure.marks import Mark
from asb_output_provider.infrastructure.queues import FIXED, Queue, changes, found_properties
from asb_output_provider.infrastructure.removing import QueueRefused, remove

CONFLICT_S = 60.0
"""For how long Service Bus may refuse a name whose last queue it is still deleting."""

_INPUTS_ONLY = frozenset({"name", "ours", "__provider"})


class QueueProvider(dynamic.ResourceProvider):
    """Pickled by its name alone: how to reach the namespace comes with the environment of the process."""

    serialize_as_secret_always = False

    def configure(self, _req: dynamic.ConfigureRequest) -> None:
        self._access = Access.from_environment(os.environ)
        self._admin: ServiceBusAdministrationClient = self._access.admin()

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """`olds` is what was found at the last look, so this tells outside changes too."""
        changed = sorted(changes(_plain(olds), _plain(news)))
        if olds.get("name") != news["name"]:
            changed.append("name")
        replaces = [name for name in changed if name in FIXED or name == "name"]
        return dynamic.DiffResult(bool(changed), replaces, delete_before_replace="name" not in replaces)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        name, wanted = props["name"], _plain(props)
        deadline = time.monotonic() + CONFLICT_S
        with self._in_words(name):
            queue = None
            while queue is None:
                try:
                    queue = self._admin.create_queue(name, **wanted)
                except ResourceExistsError:
                    queue = self._taken_over(name, wanted, ours=bool(props["ours"]))
                    if queue is None:
                        if time.monotonic() > deadline:
                            raise
                        time.sleep(1.0)
        return dynamic.CreateResult(name, _outputs(queue, props))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        with self._in_words(id_):
            try:
                return dynamic.ReadResult(id_, _outputs(self._admin.get_queue(id_), props))
            except ResourceNotFoundError:
                return dynamic.ReadResult(None, {})

    def update(self, id_: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        with self._in_words(id_):
            return dynamic.UpdateResult(_outputs(self._changed(id_, _plain(news)), news))

    def delete(self, id_: str, _props: dict[str, Any]) -> None:
        with self._in_words(id_):
            self._remove(id_)

    def _taken_over(self, name: str, wanted: dict[str, Any], *, ours: bool) -> QueueProperties | None:
        """An existing queue, made as wanted: one of ours that no state tells of, or one that is to be adopted.

        None where there is none, or none any more: its name may still be held by one that was just deleted.
        """
        try:
            queue = self._admin.get_queue(name)
        except ResourceNotFoundError:
            return None
        if ours and not self._access.owner.same_owner(Mark.read(queue.user_metadata)):
            raise QueueRefused(f"queue `{name}` was made by someone else in the meantime")
        if FIXED & changes(found_properties(queue), wanted).keys():
            if not ours:
                raise QueueRefused(f"queue `{name}` was made in another way, which cannot be changed any more")
            self._remove(name)
            return None
        return self._changed(name, wanted)

    def _changed(self, name: str, wanted: dict[str, Any]) -> QueueProperties:
        queue = self._admin.get_queue(name)
        for key in wanted.keys() - FIXED:
            setattr(queue, key, wanted[key])
        self._admin.update_queue(queue)
        return self._admin.get_queue(name)

    def _remove(self, name: str) -> None:
        remove(self._admin, name, self._access.owner, allow_data_loss=self._access.allow_data_loss)

    @contextmanager
    def _in_words(self, name: str) -> Iterator[None]:
        """Pulumi shows what is raised here to the user as it is."""
        try:
            yield
        except AzureError as error:
            raise QueueRefused(f"queue `{name}`: {admin_error(self._access.config, error)}") from error


_PICKLED = base64.b64encode(pickle.dumps(QueueProvider())).decode()


class NamespaceQueue(CustomResource):
    """A queue that is made through the namespace.

    Pulumi's own `dynamic.Resource` pickles the provider anew for every resource, one call deeper each time: with a
    thousand queues Python's stack is at its end.
    """

    def __init__(self, queue: Queue, options: ResourceOptions) -> None:
        inputs = {
            **queue.properties,
            "name": queue.name,
            "ours": queue.ours,
            "user_metadata": queue.user_metadata,
            "__provider": _PICKLED,
        }
        super().__init__("pulumi-python:dynamic/servicebus:Queue", queue.name, inputs, options)


def _plain(props: dict[str, Any]) -> dict[str, Any]:
    """Properties as Service Bus takes them: Pulumi's protocol knows no other numbers than doubles."""
    return {
        key: int(value) if isinstance(value, float) else value
        for key, value in props.items()
        if key not in _INPUTS_ONLY
    }


def _outputs(queue: QueueProperties, props: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in props.items() if key in {"name", "ours"}}
    return {**kept, **found_properties(queue), "user_metadata": queue.user_metadata or ""}
