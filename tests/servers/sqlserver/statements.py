"""The statements of T-SQL, as far as they are told apart."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sql:
    """A query, a change of data or of the schema; `verb` is its first word."""

    verb: str
    text: str


@dataclass(frozen=True)
class Declare:
    variables: list[tuple[str, str, str]]  # name, type, value


@dataclass(frozen=True)
class SetVariable:
    name: str
    value: str


@dataclass(frozen=True)
class SetOption:
    words: str


@dataclass(frozen=True)
class Exec:
    """A call; `result` is the variable that takes the return code, a value `(name, text, is it OUTPUT)`."""

    procedure: str
    arguments: list[tuple[str | None, str, bool]]
    result: str | None = None


@dataclass(frozen=True)
class ExecText:
    """`EXEC ('…')`."""

    text: str


@dataclass(frozen=True)
class If:
    condition: str
    then: Statement
    otherwise: Statement | None


@dataclass(frozen=True)
class While:
    condition: str
    body: Statement


@dataclass(frozen=True)
class Block:
    statements: list[Statement]
    caught: list[Statement] | None = field(default=None)
    """What runs when one of `statements` fails: `BEGIN TRY … BEGIN CATCH`."""


@dataclass(frozen=True)
class Transaction:
    verb: str  # BEGIN, COMMIT, ROLLBACK


@dataclass(frozen=True)
class Raise:
    """`RAISERROR`, `THROW` or `PRINT` with its arguments."""

    verb: str
    arguments: list[str]


@dataclass(frozen=True)
class WaitFor:
    delay: str


@dataclass(frozen=True)
class Return:
    """`RETURN`: the batch ends."""


@dataclass(frozen=True)
class Use:
    database: str


Statement = (
    Sql | Declare | SetVariable | SetOption | Exec | ExecText | If | While | Block | Transaction | Raise | WaitFor
    | Return | Use
)  # fmt: skip
