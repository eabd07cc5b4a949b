"""The base class: an author's Pulumi program behind the four lifecycle verbs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from dstream_sdk.infra.settings import PulumiSettings
from dstream_sdk.provider import InfrastructureProvider

if TYPE_CHECKING:
    from pydantic import SecretStr

    from dstream_sdk.protocol.messages import LifecycleReply, Resource

ConfigT = TypeVar("ConfigT")


class PulumiInfrastructure(InfrastructureProvider[ConfigT]):
    """Owns what its Pulumi program declares: `class Asb(OutputProvider[C], PulumiInfrastructure[C])`.

    The author writes `program` and, where needed, the hooks below it. One stack belongs to one task, in the Pulumi
    project `dstream-<provider name>`: no other task's resources are ever in it. Each verb may be repeated, also after
    the provider or Pulumi's engine was killed in the middle of another: a lock left behind is taken away, and what was
    half made is looked at anew. Nothing that the hooks return as `SecretStr` reaches a log, a reply or the state.
    """

    interrupted: frozenset[str] = frozenset()
    """Names of resources whose creation was begun by an engine that was then killed: they may be there or not.

    Known to `program` and the hooks, and until an `init` succeeds. A program whose `create` refuses what is there
    already recognises its own by a mark, or passes `pulumi.ResourceOptions(import_=...)` for these.
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

    def init(self) -> LifecycleReply:
        """Create, update, replace and delete until all is as the program declares, outside changes included."""
        raise NotImplementedError

    def plan(self) -> LifecycleReply:
        """What `init` would do; with `options.destroy`, what `destroy` would. Looks at the far side, changes nothing."""
        raise NotImplementedError

    def status(self) -> LifecycleReply:
        """What the stack holds, with `detail["drift"]` where the far side differs from what was made.

        Changes nothing. `metadata["outputs"]` are what the program exported, without its secrets.
        """
        raise NotImplementedError

    def destroy(self) -> LifecycleReply:
        """Delete what the stack holds and nothing else, then the stack itself. Succeeds where there is none."""
        raise NotImplementedError
