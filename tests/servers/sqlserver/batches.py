"""A batch of T-SQL, taken apart into statements: "Control-of-Flow" and the statements that are no queries.

A statement ends at `;` or where a word begins another one, as T-SQL has it; `MERGE` wants its `;`.
"""

from __future__ import annotations

from tests.servers.sqlserver.statements import (
    Block,
    Declare,
    Exec,
    ExecText,
    If,
    Raise,
    Return,
    SetOption,
    SetVariable,
    Sql,
    Statement,
    Transaction,
    Use,
    WaitFor,
    While,
)
from tests.servers.sqlserver.tokens import Tokens

_STARTS = frozenset(
    [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "WITH",
        "EXEC",
        "EXECUTE",
        "DECLARE",
        "SET",
        "IF",
        "ELSE",
        "BEGIN",
        "END",
        "WHILE",
        "BREAK",
        "RETURN",
        "PRINT",
        "RAISERROR",
        "THROW",
        "WAITFOR",
        "COMMIT",
        "ROLLBACK",
        "SAVE",
        "USE",
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "GRANT",
        "DENY",
        "REVOKE",
        "CHECKPOINT",
    ]
)


def statements(batch: str) -> list[Statement]:
    """The statements of a batch. Raises error 102 for what is none."""
    tokens = Tokens(batch)
    found = []
    while tokens.left:
        if not tokens.accept(";"):
            found.append(_statement(tokens))
    return found


def _statement(tokens: Tokens) -> Statement:
    word = tokens.peek()
    if word in (
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "WITH",
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "GRANT",
        "DENY",
        "REVOKE",
    ):
        return _sql(tokens)
    tokens.take()
    match word:
        case "EXEC" | "EXECUTE":
            return _exec(tokens)
        case "DECLARE":
            return _declare(tokens)
        case "SET":
            return _set(tokens)
        case "IF":
            condition = tokens.text_until(*(_STARTS - {"END", "ELSE"}))
            then = _statement(tokens)
            tokens.accept(";") if tokens.peek(1) == "ELSE" else None
            return If(condition, then, _statement(tokens) if tokens.accept("ELSE") else None)
        case "WHILE":
            return While(tokens.text_until(*(_STARTS - {"END"})), _statement(tokens))
        case "BEGIN" if tokens.accept("TRY"):
            tried = _until_end(tokens, "TRY")
            tokens.accept(";")
            tokens.expect("BEGIN", "CATCH")
            return Block(tried, _until_end(tokens, "CATCH"))
        case "BEGIN" if tokens.peek() not in ("TRAN", "TRANSACTION"):
            return Block(_until_end(tokens))
        case "BEGIN" | "COMMIT" | "ROLLBACK" | "SAVE":
            tokens.text_until(";", *_STARTS)
            return Transaction(word)
        case "THROW":
            return Raise(word, _listed(tokens))
        case "RAISERROR":
            raised = Raise(word, tokens.parenthesised())
            tokens.text_until(";", *(_STARTS - {"WITH"}))
            return raised
        case "PRINT":
            return Raise(word, [tokens.text_until(";", *_STARTS)])
        case "WAITFOR":
            tokens.expect("DELAY")
            return WaitFor(tokens.text_until(";", *_STARTS))
        case "RETURN":
            tokens.text_until(";", *_STARTS)
            return Return()
        case "CHECKPOINT":
            return SetOption(word)
        case "USE":
            return Use(tokens.word())
    tokens.expect("a statement")
    raise AssertionError


def _until_end(tokens: Tokens, *kind: str) -> list[Statement]:
    found = []
    while not tokens.accept("END", *kind):
        if not tokens.accept(";"):
            found.append(_statement(tokens))
    return found


def _listed(tokens: Tokens) -> list[str]:
    texts = []
    while text := tokens.text_until(",", ";", *_STARTS):
        texts.append(text)
        tokens.accept(",")
    return texts


def _sql(tokens: Tokens) -> Sql:
    """Take one statement whole. Some words begin a statement or belong to the one before: `within` says which."""
    verb, first = tokens.peek(), tokens.take()
    last = first
    within = {
        "INSERT": {"SELECT", "EXEC", "EXECUTE", "WITH"}, "UPDATE": {"SET", "WITH"}, "DELETE": {"WITH"},
        "SELECT": {"WITH"}, "WITH": {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH"},
        "MERGE": set(_STARTS), "GRANT": {"SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "ALTER", "CREATE", "WITH"},
        "ALTER": {"ALTER", "DROP", "SET", "WITH", "CHECK"}, "CREATE": {"WITH"}, "DROP": {"IF"}, "TRUNCATE": {"WITH"},
    }  # fmt: skip
    allowed = set(within.get("GRANT" if verb in ("DENY", "REVOKE") else verb, ()))
    if verb == "CREATE" and tokens.peek() in ("VIEW", "PROCEDURE", "FUNCTION", "TRIGGER"):
        allowed = set(_STARTS)
    depth = cases = 0
    before = verb
    while tokens.left:
        word = tokens.peek()
        outside = depth == 0 and cases == 0
        if outside and word == ";":
            break
        if outside and word in _STARTS and before not in ("UNION", "ALL", "EXCEPT", "INTERSECT"):
            if word not in allowed:
                break
            if verb in ("INSERT", "UPDATE", "WITH") and word != "WITH":
                allowed -= {"SELECT", "EXEC", "EXECUTE", "SET", "INSERT", "UPDATE", "DELETE", "MERGE"}
                if verb == "WITH":
                    allowed |= within[word]
        elif outside and word == "VALUES":
            allowed -= {"SELECT", "EXEC", "EXECUTE"}
        elif outside and word == "TO" and verb in ("GRANT", "DENY"):
            allowed = {"WITH"}
        depth += (word == "(") - (word == ")")
        cases += (word == "CASE") - (word == "END" and cases > 0)
        before = word
        last = tokens.take()
    return Sql(verb, tokens.slice(first, last))


def _declare(tokens: Tokens) -> Declare:
    found = []
    while name := tokens.variable():
        tokens.accept("AS")
        kind = tokens.text_until("=", ",", ";", *_STARTS)
        value = tokens.text_until(",", ";", *_STARTS) if tokens.accept("=") else "NULL"
        found.append((name, kind, value))
        tokens.accept(",")
    return Declare(found)


def _set(tokens: Tokens) -> Statement:
    if name := tokens.variable():
        tokens.expect("=")
        return SetVariable(name, tokens.text_until(";", *_STARTS))
    return SetOption(tokens.text_until(";", *_STARTS).upper())


def _exec(tokens: Tokens) -> Statement:
    if tokens.peek() == "(":
        return ExecText(tokens.parenthesised()[0])
    result = tokens.variable()
    if result:
        tokens.expect("=")
    procedure = tokens.name()
    arguments: list[tuple[str | None, str, bool]] = []
    while tokens.left and tokens.peek() != ";" and tokens.peek() not in _STARTS:
        named = tokens.peek() == "@" and tokens.peek(2) == "="
        name = tokens.variable() if named else None
        if named:
            tokens.expect("=")
        value = tokens.text_until(",", ";", "OUTPUT", "OUT", *_STARTS)
        if not value:
            tokens.expect("a value")
        arguments.append((name, value, tokens.accept("OUTPUT") or tokens.accept("OUT")))
        if not tokens.accept(","):
            break
    return Exec(procedure, arguments, result)
