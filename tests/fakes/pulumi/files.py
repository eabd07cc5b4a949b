"""An output whose infrastructure is files in a folder, made by Pulumi: `python -m tests.fakes.pulumi.files`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, SecretStr

from dstream_sdk import Envelope, OutputProvider, Resource, run_provider
from dstream_sdk.infra import PulumiInfrastructure, PulumiSettings


class FilesConfig(BaseModel):
    """`files`: their sizes by name, each made after the one before it. `precious`: those that hold data."""

    far: str
    files: dict[str, int] = {}
    kind: str = "text"
    precious: list[str] = []
    token: SecretStr = SecretStr("hunter2-and-more")
    infrastructure: PulumiSettings = PulumiSettings()


class Files(OutputProvider[FilesConfig], PulumiInfrastructure[FilesConfig]):
    name = "files-output-provider"
    version = "1.0.0"

    def write(self, batch: Sequence[Envelope]) -> None:
        """Nobody runs it."""

    def settings(self) -> PulumiSettings:
        return self.config.infrastructure

    def environment(self) -> Mapping[str, str | SecretStr]:
        return {"FILES_FOLDER": self.config.far, "FILES_TOKEN": self.config.token}

    def program(self) -> None:
        import pulumi  # noqa: PLC0415 - for lifecycle verbs only

        from tests.fakes.pulumi.file_resource import File  # noqa: PLC0415 - loads Pulumi

        made: list[pulumi.Resource] = []
        for name, size in self.config.files.items():
            made.append(File(name, size=size, kind=self.config.kind, after=made[-1:]))
        pulumi.export("names", sorted(self.config.files))
        pulumi.export("token", pulumi.Output.secret(self.config.token.get_secret_value()))

    def data_loss(self, resource: Resource) -> str:
        return f"{resource.name} holds data" if resource.name in self.config.precious else ""

    def remove_interrupted(self, resource: Resource) -> None:
        from tests.fakes.pulumi.file_resource import remove  # noqa: PLC0415 - loads Pulumi

        remove(self.config.far, resource.name)


if __name__ == "__main__":
    run_provider(Files)
