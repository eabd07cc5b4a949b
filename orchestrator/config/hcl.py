"""HCL text to syntax tree. The only module that knows python-hcl2 and the parser under it."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import cast

import hcl2
from hcl2.postlexer import PostLexer
from lark import Lark
from lark.exceptions import UnexpectedInput, UnexpectedToken

from orchestrator.config.folders import cache_folder
from orchestrator.config.hcl_tree import Node, TreeReader
from orchestrator.config.lexical import mask
from orchestrator.config.source import Source
from orchestrator.config.syntax import Body, Expression

_WRAP = "_=("  # an expression on its own is given to the grammar as an attribute's value
_WORD = re.compile(r"[\w-]+|[^\s]")
_EXPECTED = {
    "EQ": "`=`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "RSQB": "`]`",
    "RPAR": "`)`",
    "COMMA": "`,`",
    "NL_OR_COMMENT": "a new line",
    "NAME": "a name",
    "COLON": "`:`",
    "IN": "`in`",
    "FOR_OBJECT_ARROW": "`=>`",
}


def parse(source: Source) -> Body:
    """The tree of a whole file. Raises `ConfigError` (`config.syntax`, `config.template`) and nothing else."""
    masked = mask(source)
    return _reader(source, masked, 0).body(_grammar_tree(source, masked, 0), 0)


def parse_expression(source: Source, start: int, end: int) -> Expression:
    """The expression between two offsets of `source`; raises as `parse` does."""
    masked = mask(source, start, end)
    if not masked.strip():
        raise source.at(start).error("config.syntax", "`${}` has no expression in it")
    text = f"{_WRAP}{masked})"
    shift = start - len(_WRAP)
    body = _reader(source, text, shift).body(_grammar_tree(source, text, shift), start)
    return body.attributes[0].value


def _reader(source: Source, masked: str, shift: int) -> TreeReader:
    return TreeReader(source, masked, shift, lambda start, end: parse_expression(source, start, end))


def _grammar_tree(source: Source, masked: str, shift: int) -> Node:
    try:
        return cast(Node, _parser().parse(masked + "\n").children[0])
    except UnexpectedInput as error:
        position = getattr(error, "pos_in_stream", None) or 0  # None at the end of the text
        offset = min(max(position + shift, 0), len(source.text))
        ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        at = source.at(len(source.text) if ended else offset)
        if set(getattr(error, "expected", ())) == {"LBRACE"}:  # a block's head, and then something else
            head = source.at(len(source.text[: at.offset].rstrip()) - 1)
            raise head.error("config.syntax", "neither `name = value` nor `name { … }`") from None
        raise at.error("config.syntax", _unexpected(source, error, at.offset)) from None


def _unexpected(source: Source, error: UnexpectedInput, offset: int) -> str:
    word = _WORD.match(source.text, offset)
    found = f"unexpected `{word[0]}`" if word else "unexpected end of the line"
    names: Collection[str] = error.expected if isinstance(error, UnexpectedToken) else getattr(error, "allowed", ())
    known = [text for name, text in _EXPECTED.items() if name in names]
    return f"{found}, expected {' or '.join(known)}" if 0 < len(known) <= 3 else found


@cache
def _parser() -> Lark:
    """python-hcl2's grammar. Its tables take over a second to build, so they are kept in the user's cache folder."""
    folder = cache_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tables: str | bool = str(folder / "hcl-grammar.bin")
    except OSError:
        tables = False
    return Lark.open(
        "hcl2.lark",
        rel_to=hcl2.__file__,
        parser="lalr",
        propagate_positions=True,
        postlex=PostLexer(),
        cache=tables,
    )
