"""The lifecycle verbs of the Service Bus output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from azure.servicebus.management import ServiceBusAdministrationClient
from pydantic import SecretStr

from asb_output_provider.admin import administered
from asb_output_provider.client import quiet_library
from asb_output_provider.config import AsbConfig
from asb_output_provider.infrastructure.access import Access, azure_environment
from asb_output_provider.infrastructure.marks import Mark
from asb_output_provider.infrastructure.removing import QueueRefused, remove
from asb_output_provider.infrastructure.survey import Survey, count_messages
from asb_output_provider.infrastructure.telling import told
from asb_output_provider.infrastructure.view import View
from asb_output_provider.infrastructure.wanted import refuse_moved, refuse_strangers, wanted_queues
from asb_output_provider.message_ids import delivery_warnings
from asb_output_provider.tables import queue_names
from dstream_sdk import LifecycleReply, ProviderError, Resource
from dstream_sdk.infra import PulumiInfrastructure, PulumiSettings

_LOSS_HINT = "receive them, or pass `--allow-data-loss`"


class QueueInfrastructure(PulumiInfrastructure[AsbConfig]):
    """Owns the queues that bear its task's mark, those that a killed command or a run made too."""

    _view: View
    _existing: frozenset[str] = frozenset()

    def settings(self) -> PulumiSettings:
        return self.config.infrastructure

    def environment(self) -> Mapping[str, str | SecretStr]:
        access = Access(self.config, self._owner, allow_data_loss=self.context.command_options.allow_data_loss)
        # Pulumi would write its whole state twice for each queue. What a killed engine did not write, marks tell.
        return {**access.environment(), **azure_environment(self.config), "PULUMI_SKIP_CHECKPOINTS": "true"}

    def program(self) -> None:
        from asb_output_provider.infrastructure.program import declare  # noqa: PLC0415 - loads Pulumi

        declare(self.config, self._view.queues, self._existing)

    def remove_interrupted(self, resource: Resource) -> None:
        """Bears our mark if it was made at all, and so is found without Pulumi."""

    def plan(self) -> LifecycleReply:
        destroying = self.context.command_options.destroy
        with self._seeing():
            if not destroying:
                self._refuse()
            reply = self._told(super().plan(), destroying=destroying)
        if not destroying:
            warnings = delivery_warnings(self.context.command_options.position_keys, self.context.streams or [])
            reply.message = "\n".join(filter(None, [reply.message, *warnings]))
        return reply

    def status(self) -> LifecycleReply:
        with self._seeing():
            return self._told(super().status())

    def init(self) -> LifecycleReply:
        with self._seeing() as admin:
            self._refuse()
            self._refuse_losses()
            if self.config.azure is not None:
                self._import_existing(super().plan())
            if self._existing:
                reply = super().init()
                self._existing = frozenset()
                if reply.status != "Success":
                    return reply
            reply = self._told(super().init())
            if reply.status == "Success":
                self._delete_unwanted(admin)
            return reply

    def destroy(self) -> LifecycleReply:
        with self._seeing() as admin:
            self._refuse_losses(destroying=True)
            reply = self._told(super().destroy(), destroying=True)
            if reply.status == "Success":
                self._delete_unwanted(admin, destroying=True)
            return reply

    @property
    def _owner(self) -> Mark:
        return Mark(self.context.command_options.project, self.context.task, azure=self.config.azure is not None)

    @contextmanager
    def _seeing(self) -> Iterator[ServiceBusAdministrationClient]:
        """Look at the namespace before anything else."""
        quiet_library()
        with administered(self.config) as admin:
            survey = Survey.take(admin, self._owner)
            names = queue_names(self.config, self.context.streams).known
            queues = wanted_queues(self.config, names, self._owner, survey)
            self._view = View(survey, queues, count_messages(admin) if survey.ours else {})
            yield admin

    def _told(self, reply: LifecycleReply, *, destroying: bool = False) -> LifecycleReply:
        reply.resources = told(reply.resources, self._view, destroying=destroying)
        return reply

    def _refuse(self) -> None:
        refuse_strangers(self.config, self._view.queues, self._owner, self._view.survey)
        refuse_moved(self._owner, self._view.survey)

    def _refuse_losses(self, *, destroying: bool = False) -> None:
        """Of all that bears our mark, so there is no need to ask Pulumi for a plan first."""
        losses = self._view.losses(destroying=destroying)
        if losses and not self.context.command_options.allow_data_loss:
            raise ProviderError("would be lost: " + ", ".join(losses), hint=_LOSS_HINT)

    def _import_existing(self, planned: LifecycleReply) -> None:
        """Resource Manager's plugin makes nothing that is there already: the stack must come to know it first."""
        resources = [one for one in planned.resources if isinstance(one, Resource) and one.action == "create"]
        self._existing = frozenset(one.name for one in resources if self._view.survey.named(one.name))

    def _delete_unwanted(self, admin: ServiceBusAdministrationClient, *, destroying: bool = False) -> None:
        """What Pulumi left of the queues that were to go, since its state does not know them."""
        unwanted = self._view.unwanted(destroying=destroying)
        left = Survey.take(admin, self._owner) if unwanted else self._view.survey
        for found in unwanted:
            if left.named(found.name):
                try:
                    remove(admin, found.name, self._owner, allow_data_loss=self.context.command_options.allow_data_loss)
                except QueueRefused as refused:
                    raise ProviderError(str(refused), hint=_LOSS_HINT) from refused
