"""The lifecycle verbs of the Service Bus output."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from azure.servicebus.management import ServiceBusAdministrationClient
from pydantic import SecretStr

from asb_output_provider.admin import administered
from asb_output_provider.config import AsbConfig
from asb_output_provider.infrastructure.access import Access
from asb_output_provider.infrastructure.marks import Mark
from asb_output_provider.infrastructure.removing import QueueRefused, remove
from asb_output_provider.infrastructure.survey import Survey, count_messages
from asb_output_provider.infrastructure.telling import told
from asb_output_provider.infrastructure.view import View
from asb_output_provider.infrastructure.wanted import refuse_strangers, wanted_queues
from asb_output_provider.tables import queue_names
from dstream_sdk import LifecycleReply, ProviderError, Resource
from dstream_sdk.infra import PulumiInfrastructure, PulumiSettings
from dstream_sdk.protocol import CommandOptions


class QueueInfrastructure(PulumiInfrastructure[AsbConfig]):
    """Owns the queues that bear its task's mark, those that a killed command or a run made too."""

    _view: View
    _existing: frozenset[str] = frozenset()

    def settings(self) -> PulumiSettings:
        return self.config.infrastructure

    def environment(self) -> Mapping[str, str | SecretStr]:
        return Access(self.config, self._owner, allow_data_loss=self._options.allow_data_loss).environment()

    def program(self) -> None:
        from asb_output_provider.infrastructure.program import declare  # noqa: PLC0415 - loads Pulumi

        declare(self.config, self._view.queues, self._existing)

    def data_loss(self, resource: Resource) -> str:
        found = self._view.survey.named(resource.name)
        return self._view.loss(resource.name) if found and self._view.survey.is_ours(found) else ""

    def plan(self) -> LifecycleReply:
        destroying = self._options.destroy
        with administered(self.config) as admin:
            self._look(admin)
        if not destroying:
            self._refuse_strangers()
        reply = super().plan()
        reply.resources = told(reply.resources, self._view, destroying=destroying)
        return reply

    def status(self) -> LifecycleReply:
        with administered(self.config) as admin:
            self._look(admin)
        reply = super().status()
        reply.resources = told(reply.resources, self._view)
        return reply

    def init(self) -> LifecycleReply:
        with administered(self.config) as admin:
            self._look(admin)
            self._refuse_strangers()
            self._refuse_losses(destroying=False)
            self._import_existing()
            reply = super().init()
            reply.resources = told(reply.resources, self._view)
            if reply.status == "Success":
                self._delete_strays(admin)
        return reply

    def destroy(self) -> LifecycleReply:
        with administered(self.config) as admin:
            self._look(admin)
            self._refuse_losses(destroying=True)
            reply = super().destroy()
            reply.resources = told(reply.resources, self._view, destroying=True)
            if reply.status == "Success":
                self._delete_strays(admin)
        return reply

    @property
    def _options(self) -> CommandOptions:
        return msgspec.convert(self.context.options, CommandOptions)

    @property
    def _owner(self) -> Mark:
        return Mark(self._options.project, self.context.task)

    def _look(self, admin: ServiceBusAdministrationClient) -> None:
        survey = Survey.take(admin, self._owner)
        names = queue_names(self.config, self.context.streams).known
        queues = wanted_queues(self.config, names, self._owner, survey)
        self._view = View(survey, queues, count_messages(admin) if survey.ours else {})

    def _refuse_strangers(self) -> None:
        refuse_strangers(self.config, self._view.queues, self._owner, self._view.survey)

    def _refuse_losses(self, *, destroying: bool) -> None:
        """Pulumi's part asks as well, of what its state knows."""
        losses = [self._view.loss(found.name) for found in self._view.going(destroying=destroying)]
        if any(losses) and not self._options.allow_data_loss:
            raise ProviderError(
                "would be lost: " + ", ".join(filter(None, losses)),
                hint="receive them, or pass `--allow-data-loss`",
            )

    def _import_existing(self) -> None:
        """Resource Manager's plugin makes nothing that is there already: have the stack know it first."""
        if self.config.azure is None:
            return
        planned = super().plan().resources
        created = [
            resource.name for resource in planned if isinstance(resource, Resource) and resource.action == "create"
        ]
        self._existing = frozenset(filter(self._view.survey.named, created))
        if self._existing:
            super().init()
            self._existing = frozenset()

    def _delete_strays(self, admin: ServiceBusAdministrationClient) -> None:
        """What bears our mark, is not wanted and is there still, Pulumi does not know of."""
        destroying = self.context.command == "destroy"
        for found in self._view.survey.ours:
            if destroying or self._view.wanted(found.name) is None:
                try:
                    remove(admin, found.name, self._owner, allow_data_loss=self._options.allow_data_loss)
                except QueueRefused as refused:
                    raise ProviderError(str(refused), hint="receive them, or pass `--allow-data-loss`") from refused
