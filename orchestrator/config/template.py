"""What stands inside quotes and heredocs: text, escapes, `${…}` and `{{ env "X" }}`.

Templates are split here and evaluated after parsing, so no value can become syntax.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from orchestrator.config.lexical import TAG, code_end
from orchestrator.config.source import Source
from orchestrator.config.syntax import Call, Expression, Literal

ParseExpression = Callable[[int, int], Expression]
Part = str | Expression

_MARKS = rf"\$\$\{{|%%\{{|\$\{{|%\{{|{TAG}|\{{\{{"
_IN_QUOTES = re.compile(rf"\\(?:u[0-9A-Fa-f]{{4}}|U[0-9A-Fa-f]{{8}}|.)|{_MARKS}")
_IN_HEREDOC = re.compile(_MARKS)
_ENV_TAG = re.compile(r'\{\{[ \t]*env[ \t]+(?P<quote>\\?"|`)(?P<name>[^"\\`]*)(?P=quote)[ \t]*\}\}')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def read_text(source: Source, start: int, end: int, parse: ParseExpression) -> list[Part]:
    """The parts of the quoted text or heredoc that spans `start` to `end`; `parse` reads what is in `${…}`."""
    if source.text.startswith('"', start):
        return _split(source, start + 1, end - 1, _IN_QUOTES, parse)
    body = source.text.index("\n", start) + 1
    body_end = source.text.rindex("\n", start, end) + 1  # the last line is the closing mark
    parts = _split(source, body, body_end, _IN_HEREDOC, parse)
    return _dedent(parts, source.text[body:body_end]) if source.text.startswith("<<-", start) else parts


def _split(source: Source, start: int, end: int, marks: re.Pattern[str], parse: ParseExpression) -> list[Part]:
    parts: list[Part] = []
    text: list[str] = []
    at = start
    while found := marks.search(source.text, at, end):
        text.append(source.text[at : found.start()])
        mark, first, at = found.group(), found.start(), found.end()
        if mark in ("$${", "%%{"):
            text.append(mark[1:])
        elif mark.startswith("\\"):
            text.append(_unescape(source, first, mark))
        else:
            if text := [piece for piece in text if piece]:
                parts.append("".join(text))
                text = []
            if mark == "${":
                at = code_end(source, first, at)
                parts.append(parse(found.end(), at - 1))
            else:
                parts.append(_tag(source, first, mark))
    text.append(source.text[at:end])
    if rest := "".join(text):
        parts.append(rest)
    return parts


def _unescape(source: Source, at: int, mark: str) -> str:
    kind, digits = mark[1], mark[2:]
    if kind in _ESCAPES:
        return _ESCAPES[kind]
    if kind in "uU" and digits:
        code = int(digits, 16)
        if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            return chr(code)
        raise source.at(at).error("config.syntax", f"`{mark}` is not a Unicode character")
    raise source.at(at).error(
        "config.syntax",
        f"unknown escape `{mark}`",
        r"known are `\n`, `\r`, `\t`, `\"`, `\\`, `\uNNNN` and `\UNNNNNNNN`; a backslash itself is `\\`",
    )


def _tag(source: Source, at: int, mark: str) -> Call:
    if mark == "%{":
        raise source.at(at).error(
            "config.syntax",
            "`%{` directives are not part of dstream.hcl",
            "use `${condition ? a : b}`; a literal `%{` is written `%%{`",
        )
    env = _ENV_TAG.fullmatch(mark)
    if env is None:
        raise source.at(at).error(
            "config.template",
            'of `{{ }}` templates only `{{ env "NAME" }}` is understood',
            r"use `${…}` with a function; literal `{{` is written `\u007b{`",
        )
    place = source.at(at)
    return Call(place, "env", (Literal(place, env["name"]),))


def _dedent(parts: list[Part], body: str) -> list[Part]:
    lines = [line for line in body.split("\n") if line.strip()]
    indent = min((len(line) - len(line.lstrip(" \t")) for line in lines), default=0)
    margin = re.compile(rf"^[ \t]{{1,{indent}}}", re.MULTILINE) if indent else None
    if margin is None:
        return parts
    dedented: list[Part] = []
    for number, part in enumerate(parts):
        if not isinstance(part, str):
            dedented.append(part)
        elif number == 0:
            dedented.append(margin.sub("", part))
        else:  # goes on in the middle of a line
            first, newline, rest = part.partition("\n")
            dedented.append(first + newline + margin.sub("", rest))
    return [part for part in dedented if part]
