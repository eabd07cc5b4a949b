"""A stand-in for Pulumi's azure-native plugin: queues of Service Bus, and nothing else.

It speaks the engine's plugin protocol; in Azure Resource Manager's place is the administration endpoint of a namespace.
What it refuses and what it replaces are the plugin's; that it is the plugin's to the letter nobody has compared.
"""

# ruff: noqa: N802  # the protocol's names
from __future__ import annotations

import re
from concurrent import futures
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast

import grpc  # type: ignore[import-untyped]  # ships no types
import isodate  # type: ignore[import-untyped]  # ships no types
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from google.protobuf import (  # type: ignore[import-untyped]  # ships no types
    empty_pb2,
    json_format,
    struct_pb2,
)
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from azure.servicebus.management import QueueProperties, ServiceBusAdministrationClient

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
QUEUE = "azure-native:servicebus:Queue"

_PATH = ("resourceGroupName", "namespaceName", "queueName")
_FIXED = {*_PATH, "requiresDuplicateDetection", "requiresSession", "enablePartitioning"}
_TUNABLE = {
    "autoDeleteOnIdle", "deadLetteringOnMessageExpiration", "defaultMessageTimeToLive",
    "duplicateDetectionHistoryTimeWindow", "enableBatchedOperations", "lockDuration", "maxDeliveryCount",
    "maxMessageSizeInKilobytes", "maxSizeInMegabytes", "userMetadata",
}  # fmt: skip


_DURATION = re.compile(r"P[\dT]")


class AzureNative(provider_pb2_grpc.ResourceProviderServicer):
    """`with AzureNative(admin) as plugin`: an engine that has `plugin.environ` uses it. `calls` are what it changed."""

    def __init__(self, admin: ServiceBusAdministrationClient) -> None:
        self.calls: list[tuple[str, str]] = []
        self._admin = admin
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(self, self._server)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(grace=None).wait()

    @property
    def environ(self) -> dict[str, str]:
        return {"PULUMI_DEBUG_PROVIDERS": f"azure-native:{self._port}"}

    # -- the plugin's own affairs

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version="3.29.0")

    def Attach(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    # -- queues

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        given = _read(request.news)
        failures = [(key, "missing required property") for key in _PATH if key not in given]
        failures += [(key, "no such property") for key in given.keys() - _FIXED - _TUNABLE]
        if request.urn.split("::")[2].rpartition("$")[2] != QUEUE:
            failures = [("", f"only {QUEUE} is known here")]
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in failures],
        )

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        there, wanted = _read(request.old_inputs), _read(request.news)
        changed = sorted(key for key in there.keys() | wanted.keys() if not _same(there.get(key), wanted.get(key)))
        replaced = [key for key in changed if key in _FIXED]
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replaced,
            deleteBeforeReplace=bool(replaced),
        )

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        inputs = _read(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        name = inputs["queueName"]
        if self._find(name) is not None:
            _refuse(context, f"cannot create already existing resource '{_id(inputs)}'")
        try:
            made = self._admin.create_queue(name, **_settings(inputs))
        except HttpResponseError as error:
            _refuse(context, f"Code={error.status_code!r} {error.message}")
        self.calls.append(("create", name))
        return provider_pb2.CreateResponse(id=_id(inputs), properties=_outputs(made, inputs))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        found = self._find(request.id.rpartition("/")[2])
        if found is None:
            return provider_pb2.ReadResponse()
        given = _read(request.inputs)
        live = _live(found)
        if given:
            inputs = {key: value if _same(live.get(key, value), value) else live[key] for key, value in given.items()}
        else:  # an import
            parts = request.id.split("/")
            inputs = live | {"resourceGroupName": parts[4], "namespaceName": parts[8], "queueName": found.name}
        return provider_pb2.ReadResponse(id=request.id, properties=_outputs(found, inputs), inputs=_write(inputs))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        inputs = _read(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        queue = self._admin.get_queue(inputs["queueName"])
        for name, value in _settings(inputs).items():
            setattr(queue, name, value)
        try:
            self._admin.update_queue(queue)
        except HttpResponseError as error:
            _refuse(context, f"Code={error.status_code!r} {error.message}")
        self.calls.append(("update", queue.name))
        return provider_pb2.UpdateResponse(properties=_outputs(self._admin.get_queue(queue.name), inputs))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        name = request.id.rpartition("/")[2]
        if self._find(name) is not None:
            self._admin.delete_queue(name)
            self.calls.append(("delete", name))
        return empty_pb2.Empty()

    def _find(self, name: str) -> QueueProperties | None:
        try:
            return self._admin.get_queue(name)
        except ResourceNotFoundError:
            return None


def _refuse(context: grpc.ServicerContext, words: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, words)
    raise AssertionError("abort does not return")


def _id(inputs: Mapping[str, Any]) -> str:
    group, namespace, queue = (inputs[key] for key in _PATH)
    return (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
        f"/providers/Microsoft.ServiceBus/namespaces/{namespace}/queues/{queue}"
    )


def _settings(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs in the words of the administration client."""
    return {_snake(key): value for key, value in inputs.items() if key not in _PATH}


def _live(queue: QueueProperties) -> dict[str, Any]:
    """What the queue has, in Azure Resource Manager's words."""
    values = {key: getattr(queue, _snake(key)) for key in (_FIXED - set(_PATH)) | _TUNABLE}
    return {
        key: value if isinstance(value, str | int) else isodate.duration_isoformat(value)
        for key, value in values.items()
        if value is not None
    }


def _outputs(queue: QueueProperties, inputs: Mapping[str, Any]) -> struct_pb2.Struct:
    """Besides the settings what changes by itself: it must not pass for drift."""
    told = {"name": queue.name, "type": "Microsoft.ServiceBus/Namespaces/Queues", "status": "Active"}
    return _write({**inputs, **_live(queue), **told, "updatedAt": datetime.now(UTC).isoformat()})


def _same(one: object, other: object) -> bool:
    """Durations are the same however they are written."""
    if not (isinstance(one, str) and isinstance(other, str) and _DURATION.match(one) and _DURATION.match(other)):
        return one == other
    return _seconds(one) == _seconds(other)


def _seconds(duration: str) -> int:
    return round(float(isodate.parse_duration(duration).total_seconds()))


def _snake(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower()


def _read(struct: struct_pb2.Struct) -> dict[str, Any]:
    values = cast("dict[str, Any]", json_format.MessageToDict(struct))
    return {
        key: int(value) if isinstance(value, float) and value.is_integer() else value
        for key, value in values.items()
        if not key.startswith("__") and value is not None
    }


def _write(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(values), struct_pb2.Struct())
