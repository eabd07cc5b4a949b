"""The base class: an author's Pulumi program behind the four lifecycle verbs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import msgspec
from pydantic import SecretStr

from dstream_sdk.errors import ProviderError
from dstream_sdk.infra.folder import Folder
from dstream_sdk.infra.hiding import Hiding
from dstream_sdk.infra.outcome import Outcome
from dstream_sdk.infra.settings import PulumiSettings
from dstream_sdk.protocol.messages import LifecycleReply, Resource
from dstream_sdk.provider import InfrastructureProvider, InputProvider, OutputProvider

if TYPE_CHECKING:
    from dstream_sdk.infra.stack import TaskStack
    from dstream_sdk.infra.workspace import TaskWorkspace

ConfigT = TypeVar("ConfigT")


class PulumiInfrastructure(InfrastructureProvider[ConfigT]):
    """Owns what its Pulumi program declares: `class Asb(OutputProvider[C], PulumiInfrastructure[C])`.

    The author writes `program` and, where needed, the hooks below it. One stack belongs to one task, in the Pulumi
    project `dstream-<provider name>`: no other task's resources are ever in it. Each verb may be repeated, also after
    the provider or Pulumi's engine was killed in the middle of another: a lock left behind is taken away, and what was
    half made is taken up again. Nothing that the hooks return as `SecretStr` reaches a log or a reply.
    """

    interrupted: Sequence[Resource] = ()
    """What a killed engine had begun to create: it may be there or not. Known until an `init` or `destroy` succeeds.

    A program whose resources refuse to be created where they are already recognises its own by a mark, or passes
    `pulumi.ResourceOptions(import_=...)` for these.
    """

    @abstractmethod
    def program(self) -> None:
        """Declare the resources, as a Pulumi program does. Import Pulumi here, not at the top of a module.

        Called by every verb but `destroy`, on a thread of Pulumi's. Needs nothing but `self.config` and
        `self.context` (`streams`: what the input announced), reads nothing from the far side, and declares the same
        for the same. Resources are told apart by Pulumi's logical names, which users are shown: a queue's is the
        queue's name. Secrets belong into `environment`, not into a resource's properties.
        """

    def settings(self) -> PulumiSettings:
        """Where the state is kept; usually a part of the config: `return self.config.infrastructure`."""
        return PulumiSettings()

    def environment(self) -> Mapping[str, str | SecretStr]:
        """Environment variables for Pulumi's plugins and dynamic providers: how they reach and log in to the far side.

        The way for credentials: what is here is given to processes and written nowhere, and the values of
        `SecretStr` are struck out of everything that is said.
        """
        return {}

    def data_loss(self, resource: Resource) -> str:
        """A sentence on the data that would be lost with the resource, or nothing. May ask the far side.

        Called for those that are to be replaced or deleted. It becomes `detail["data_loss"]`, and without
        `options.allow_data_loss` `init` and `destroy` then refuse before anything is changed.
        """
        del resource
        return ""

    def remove_interrupted(self, resource: Resource) -> None:
        """Remove what an interrupted creation left, if it left anything; called again where that was interrupted too.

        For those of `interrupted` that the program declares no more, or that are to be destroyed. By default the
        user is told to look.
        """
        self.context.logger.warning(
            "%s `%s` may be there, its creation was interrupted: look, and remove it", resource.type, resource.name
        )

    def init(self) -> LifecycleReply:
        """Create, update, replace and delete until all is as the program declares, outside changes included."""
        with self._workspace() as workspace:
            stack = self._known(workspace.existing()) or workspace.create()
            refusal = self._refusal(stack.preview)
            if refusal is not None:
                return refusal
            outcome = stack.up()
            if self.interrupted and not outcome.error:
                made = {(resource.type, resource.name) for resource in outcome.resources}
                self._remove_interrupted(one for one in self.interrupted if (one.type, one.name) not in made)
                stack.forget_interrupted()
            return self._reply(outcome)

    def plan(self) -> LifecycleReply:
        """What `init` would do, or `destroy` with `options.destroy`. Looks at the far side and changes nothing."""
        with self._workspace() as workspace:
            stack = self._known(workspace.existing())
            if not self.context.command_options.destroy:
                return self._reply(self._judged((stack or workspace.blank()).preview()))
            return self._reply(self._judged(stack.preview_destroy()) if stack is not None else Outcome())

    def status(self) -> LifecycleReply:
        """What there is and what `init` would do, with `detail["drift"]` where the far side is not as it was made.

        Changes nothing. `metadata["outputs"]` are what the program exported, without its secrets.
        """
        with self._workspace() as workspace:
            return self._reply((self._known(workspace.existing()) or workspace.blank()).preview())

    def destroy(self) -> LifecycleReply:
        """Delete what the stack holds and nothing else, then the stack itself. Succeeds where there is none."""
        with self._workspace() as workspace:
            stack = self._known(workspace.existing())
            if stack is None:
                workspace.clear()
                return LifecycleReply("Success")
            refusal = self._refusal(stack.preview_destroy)
            if refusal is not None:
                return refusal
            self._remove_interrupted(self.interrupted)
            outcome = stack.destroy()
            if not outcome.error:
                stack.remove()
                workspace.clear()
            return self._reply(outcome)

    @property
    def _guards_data(self) -> bool:
        asks = type(self).data_loss is not PulumiInfrastructure.data_loss
        return asks and not self.context.command_options.allow_data_loss

    @cached_property
    def _given(self) -> dict[str, str | SecretStr]:
        return {**self.settings().environment, **self.environment()}

    @cached_property
    def _hiding(self) -> Hiding:
        hidden = [
            value for value in (*self._given.values(), self.settings().passphrase) if isinstance(value, SecretStr)
        ]
        return Hiding(secret.get_secret_value() for secret in hidden)

    @contextmanager
    def _workspace(self) -> Iterator[TaskWorkspace]:
        from dstream_sdk.infra.workspace import TaskWorkspace, identity  # noqa: PLC0415 - loads Pulumi

        both = isinstance(self, InputProvider) and isinstance(self, OutputProvider)
        workspace = TaskWorkspace(
            identity(self.name, self.context.task, role=self.context.role if both else ""),
            self.program,
            folder=Folder(self.context.command_options.folder, self.context.stop),
            settings=self.settings(),
            environment={name: _plain(value) for name, value in self._given.items()},
            stop=self.context.stop,
            say=lambda line: self.context.logger.info("%s", self._hiding.text(line)),
        )
        try:
            with workspace:
                yield workspace
        except ProviderError as error:
            raise ProviderError(self._hiding.text(error.message), hint=error.hint) from None

    def _known(self, stack: TaskStack | None) -> TaskStack | None:
        self.interrupted = stack.interrupted() if stack is not None else ()
        return stack

    def _remove_interrupted(self, resources: Iterable[Resource]) -> None:
        for resource in resources:
            self.remove_interrupted(resource)

    def _judged(self, outcome: Outcome) -> Outcome:
        for resource in outcome.resources:
            if resource.action in {"replace", "delete"} and (sentence := self.data_loss(resource)):
                resource.detail["data_loss"] = sentence
        return outcome

    def _refusal(self, preview: Callable[[], Outcome]) -> LifecycleReply | None:
        """A reply that refuses where data would be lost without leave; asks for the preview only where it may be."""
        if not self._guards_data:
            return None
        outcome = self._judged(preview())
        losses = [loss for resource in outcome.resources if (loss := resource.detail.get("data_loss"))]
        if not losses:
            return None
        reply = self._reply(replace(outcome, error=f"data would be lost: {'; '.join(losses)}"))
        reply.hint = "see to it first, or accept the loss with `--allow-data-loss`"
        return reply

    def _reply(self, outcome: Outcome) -> LifecycleReply:
        open_ends = ", ".join(f"{resource.type} `{resource.name}`" for resource in self.interrupted)
        reply = LifecycleReply(
            status="Failed" if outcome.error else "Success",
            resources=list(outcome.resources),
            metadata={"outputs": outcome.outputs} if outcome.outputs else None,
            message=f"the creation of {open_ends} had been interrupted" if open_ends else "",
            error=outcome.error or None,
        )
        return msgspec.convert(self._hiding.within(msgspec.to_builtins(reply)), LifecycleReply)


def _plain(value: str | SecretStr) -> str:
    return value if isinstance(value, str) else value.get_secret_value()
