"""Every message of the contract as a typed struct.

Decoding ignores unknown fields, as the contract asks; encoding leaves out what has its default.
`msgspec.Raw` marks JSON that is carried and never looked into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    OptionalRaw = msgspec.Raw | None
else:
    # msgspec decodes no union with `Raw`; a plain one keeps its default where the field is absent.
    OptionalRaw = msgspec.Raw

NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for a text that is no JSON, not UTF-8, nested too deep, or not what it should be."""

Command = Literal["describe", "check", "discover", "run", "init", "plan", "status", "destroy"]
Role = Literal["input", "output"]

Options = dict[str, Any]
"""What one start of a command is asked besides its config, by name; a provider ignores what it does not know."""


class CommandOptions(msgspec.Struct, omit_defaults=True):
    """The options that this version knows; `Context.command_options` reads them.

    `project` identifies the directory of states that the task belongs to: with the task and the provider's role it
    names what the provider makes. `folder` is an absolute path where a lifecycle command keeps what it must find
    again; it belongs to this task and role, and no other command sees it. `destroy` asks `plan` for what `destroy`
    would do. Without `allow_data_loss` a provider refuses to remove what still holds data. `position_keys` are the
    keys of `metadata` that together tell the input's changes apart, as its description has them; given to an output.
    """

    project: str = ""
    folder: str = ""
    destroy: bool = False
    allow_data_loss: bool = False
    position_keys: list[str] = []


Capability = Literal["checkpoint", "signal", "ack", "reject", "stats"]

INPUT_CAPABILITIES: tuple[Capability, ...] = ("checkpoint", "signal", "stats")
OUTPUT_CAPABILITIES: tuple[Capability, ...] = ("ack", "reject", "stats")
"""What each role may declare in its handshake. A control line that was not declared stops the run."""

COMMANDS: tuple[Command, ...] = ("describe", "check", "discover", "run", "init", "plan", "status", "destroy")
LIFECYCLE_COMMANDS: tuple[Command, ...] = ("init", "plan", "status", "destroy")


def _empty_object() -> dict[str, Any]:
    """Unlike the default `{}`, what this makes is written out even while empty."""
    return {}


class Envelope(msgspec.Struct, omit_defaults=True, gc=False):
    """One record, one data line. `before` is the row before an update or delete, where known.

    Not tracked by the garbage collector: an envelope must not be made to contain itself.
    """

    data: Any
    metadata: dict[str, Any] = msgspec.field(default_factory=_empty_object)
    before: Any = None


class Column(msgspec.Struct, omit_defaults=True):
    """One column of a stream. `type` is the source system's own name for it."""

    name: str
    type: str = ""
    nullable: bool = True
    key: bool = False


class Stream(msgspec.Struct, omit_defaults=True):
    """One table, topic or file that an input reads; `name` is what `metadata.TableName` will say."""

    name: str
    schema: str = ""
    columns: list[Column] = []
    metadata: dict[str, Any] = {}

    @property
    def full_name(self) -> str:
        """`dbo.Orders`; without a schema just the name."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


class CommandEnvelope(msgspec.Struct, omit_defaults=True):
    """The first line on a provider's stdin. `protocol` is the highest version offered.

    Without `protocol` the orchestrator is an old one, and EOF on stdin means nothing. `state` is
    durable: the input may let its source forget what lies before it. `config` is always written,
    empty or not: older providers fail without it.
    """

    command: str
    config: dict[str, Any] = msgspec.field(default_factory=_empty_object)
    protocol: int | None = None
    role: Role | None = None
    task: str = ""
    run_id: str = ""
    delivery: Literal["at-least-once", "best-effort"] | None = None
    state: OptionalRaw = None
    options: Options = {}
    streams: list[Stream] | None = None


class Handshake(msgspec.Struct, omit_defaults=True):
    """The first line on a provider's stdout, written only after the envelope was read."""

    status: Literal["ready", "error"]
    protocol: int | None = None
    capabilities: list[str] = []
    message: str = ""
    hint: str = ""


class CheckpointMark(msgspec.Struct):
    """The input can resume here. `records` counts data lines written since start."""

    id: int
    records: int
    state: msgspec.Raw


class CheckpointLine(msgspec.Struct):
    checkpoint: CheckpointMark


class Ack(msgspec.Struct, omit_defaults=True):
    """Everything before checkpoint `id` is durable at the far side or rejected; cumulative."""

    id: int
    records: int
    rejected: int = 0


class AckLine(msgspec.Struct):
    ack: Ack


class Reject(msgspec.Struct, omit_defaults=True):
    """Record number `record` (from 1, since start) can never be written.

    It comes as `envelope`, or as `raw` (base64) where it is not an envelope.
    """

    record: int
    code: str
    reason: str = ""
    envelope: OptionalRaw = None
    raw: str | None = None


class RejectLine(msgspec.Struct):
    reject: Reject


class End(msgspec.Struct, omit_defaults=True):
    """The last line of a stream: `records` data lines since start, `rejected` of them by the output."""

    records: int
    rejected: int = 0


class EndLine(msgspec.Struct):
    end: End


class StatsLine(msgspec.Struct):
    """Free figures for `status` and metrics, such as `lag_s`. The newest is kept."""

    stats: dict[str, Any]


class SignalLine(msgspec.Struct):
    """A request to a running input that declares `signal`; what it cannot do it says in its logs.

    `{"kind": "snapshot", "tables": ["dbo.Orders"], "filter": "ID > 5"}` asks it to read streams anew while it goes
    on: all of them where `tables` is empty, every record where there is no `filter`.
    """

    signal: dict[str, Any]


class Description(msgspec.Struct, omit_defaults=True):
    """What a provider says of itself: the reply to `describe`, the image label, `provider.json`.

    `name`, `version` name the image that it belongs to, since a derived image inherits the label.
    `position_keys` are the keys of `metadata` that, with the stream and the operation, name one change of an input
    for ever: the same change comes with the same ones after each restart.
    `system` is what it reads or writes, in its maker's spelling (`SQL Server`). `state_version` rises
    when older state cannot be read any more. `writable` are container paths that the provider must
    write to besides `/tmp`. With `describe` true the description is the
    reduced one, and the command gives the whole.
    """

    name: str
    role: Literal["input", "output", "both"]
    protocol: int
    version: str = ""
    title: str = ""
    description: str = ""
    system: str = ""
    capabilities: list[str] = []
    commands: list[str] = msgspec.field(default_factory=lambda: ["run"])
    state_version: int = 1
    config_schema: dict[str, Any] | None = None
    position_keys: list[str] = []
    network: list[str] = []
    writable: list[str] = []
    describe: bool = False


class Finding(msgspec.Struct, omit_defaults=True):
    """One thing that `check` looked at. `remedy` is what mends it, ready to paste."""

    check: str
    ok: bool
    message: str = ""
    remedy: str = ""
    field: str = ""


class CheckReply(msgspec.Struct, omit_defaults=True):
    status: Literal["Success", "Failed"]
    findings: list[Finding] = []
    message: str = ""
    error: str | None = None


class DiscoverReply(msgspec.Struct, omit_defaults=True):
    status: Literal["Success", "Failed"]
    streams: list[Stream] = []
    message: str = ""
    error: str | None = None


class Resource(msgspec.Struct, omit_defaults=True):
    """One piece of infrastructure; `action` is `create`, `update`, `replace`, `delete` or `same`.

    In a reply to `status` the action is what `init` would have to do: `same` where all is as it was made.
    Known in `detail`: `changes`, by attribute the value there and the value wanted (`{"ttl": ["P1D", "P7D"]}`);
    `attributes`, the values of what would be made; `drift`, by attribute the value as made and the value found;
    `data_loss`, a sentence on what would be lost with it; `sql` or another `script` that does the same by hand.
    """

    type: str
    name: str
    action: str = ""
    detail: dict[str, Any] = {}


class LifecycleReply(msgspec.Struct, omit_defaults=True):
    """The one line after the handshake. Plain strings are the original's `name:WILL_CREATE`.

    `message` is text for the user, `hint` the way out of `error`. Of `metadata` the key `run` is known: sentences on
    what a run would do besides, which `dstream plan` shows.
    """

    status: str
    resources: list[Resource | str] = []
    metadata: dict[str, Any] | None = None
    message: str = ""
    error: str | None = None
    hint: str = ""
