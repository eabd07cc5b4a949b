"""The lexical pass before the grammar: same length, same places, nothing left that the grammar trips over.

The grammar is asked about structure only. Quoted texts and heredocs become texts of `x`, so their
contents (escapes, `${…}`, unescaped quotes inside `{{ }}`) are read by `template.py` from the original.
Numbers become names, and a minus right behind one a plus, since in `10-2` the grammar would take the
minus for a part of the second number, or of a name.
Comments become blanks, a `;` between items becomes a line end. Since no character moves, every
position that the grammar reports is a position in the file.
"""

from __future__ import annotations

import re

from orchestrator.config.source import Source

NESTING_LIMIT = 100
"""Brackets, templates and expressions may be nested this deep; it bounds the recursion of every later step."""

TAG = r"\{\{-?[\x20\t]*[A-Za-z.$(][^{}\n]*\}\}"

_IN_CODE = re.compile(
    rf"""
    "
    | \#|//|/\*
    | <<-?(?P<mark>[A-Za-z][A-Za-z0-9._-]*)\n
    | {TAG}
    | (?P<name>[A-Za-z_][\w-]*)
    | (?P<number>(?<=\.)\d+ | \d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?P<minus>-?)
    | [()\[\]{{}};]
    """,
    re.VERBOSE | re.ASCII,
)
_IN_TEXT = re.compile(rf'\\[^\n]|\$\$\{{|%%\{{|\$\{{|{TAG}|["\n]')
_CLOSES = {")": "(", "]": "[", "}": "{"}


def mask(source: Source, start: int = 0, end: int | None = None) -> str:
    """The text from `start` to `end` as the grammar shall see it, of exactly the same length.

    Raises `ConfigError` (`config.syntax`) for a text, heredoc, comment or bracket that is never
    closed, at the place where it was opened.
    """
    stop = len(source.text) if end is None else end
    scanner = _Scanner(source, stop)
    scanner.code(start, depth=0, opened=None)
    pieces: list[str] = []
    at = start
    for first, last, replacement in scanner.spans:
        pieces += (source.text[at:first], replacement)
        at = last
    pieces.append(source.text[at:stop])
    return "".join(pieces)


def code_end(source: Source, opened: int, start: int) -> int:
    """The offset just past the `}` that closes a template opened at `opened`, its code beginning at `start`."""
    return _Scanner(source, len(source.text)).code(start, depth=1, opened=opened)


class _Scanner:
    def __init__(self, source: Source, stop: int) -> None:
        self.source = source
        self.text = source.text
        self.stop = stop
        self.spans: list[tuple[int, int, str]] = []

    def code(self, at: int, *, depth: int, opened: int | None) -> int:
        """Read code up to the end, or up to the `}` of the template opened at `opened`."""
        if depth > NESTING_LIMIT:
            raise self.source.at(at).error("config.syntax", f"nested more than {NESTING_LIMIT} deep")
        brackets: list[int] = []
        while found := _IN_CODE.search(self.text, at, self.stop):
            first, word = found.start(), found.group()
            at = found.end()
            if (end := self.opaque(found, depth)) is not None:
                at = end
            elif word == ";":
                if brackets and self.text[brackets[-1]] == "{":
                    self.span(depth, first, at, "\n")
            elif word in ("(", "[", "{"):
                brackets.append(first)
                if len(brackets) > NESTING_LIMIT:
                    raise self.source.at(first).error("config.syntax", f"nested more than {NESTING_LIMIT} deep")
            elif word.startswith("{{"):
                raise self.source.at(first).error(
                    "config.syntax",
                    "a `{{ }}` template stands inside quotes",
                    'write `env("NAME")`, or `jsondecode(env("NAME"))` where the value is a number',
                )
            elif word == "}" and not brackets and opened is not None:
                return at
            else:
                self.close(first, word, brackets)
        if opened is not None:
            raise self.source.at(opened).error("config.syntax", "`${` is never closed")
        if brackets:
            bracket = self.text[brackets[-1]]
            raise self.source.at(brackets[-1]).error("config.syntax", f"`{bracket}` is never closed")
        return self.stop

    def opaque(self, found: re.Match[str], depth: int) -> int | None:
        """Read the name, number, text, heredoc or comment that begins at `found`; None where none does."""
        first, word = found.start(), found.group()
        if word == '"':
            end = self.quoted(first, depth=depth)
        elif found["mark"]:
            end = self.heredoc(first, found.end(), found["mark"])
        elif word in ("#", "//", "/*"):
            end = self.comment(first, word)
            self.span(depth, first, end, " " * (end - first))
            return end
        elif found["number"]:
            self.span(depth, first, found.end(), "n" * len(found["number"]) + "+" * len(found["minus"]))
            return found.end()
        else:
            return found.end() if found["name"] else None
        self.span(depth, first, end, '"' + "x" * (end - first - 2) + '"')
        return end

    def span(self, depth: int, first: int, last: int, replacement: str) -> None:
        if depth == 0:
            self.spans.append((first, last, replacement))

    def close(self, at: int, word: str, brackets: list[int]) -> None:
        if not brackets:
            raise self.source.at(at).error("config.syntax", f"`{word}` closes nothing")
        opener = brackets.pop()
        if self.text[opener] != _CLOSES[word]:
            line = self.source.line(opener)
            message = f"`{word}` cannot close the `{self.text[opener]}` of line {line}"
            raise self.source.at(at).error("config.syntax", message)

    def quoted(self, first: int, *, depth: int) -> int:
        at = first + 1
        while found := _IN_TEXT.search(self.text, at, self.stop):
            word = found.group()
            at = found.end()
            if word == '"':
                return at
            if word == "\n":
                break
            if word == "${":
                at = self.code(at, depth=depth + 1, opened=found.start())
        raise self.source.at(first).error(
            "config.syntax",
            "the text that begins here has no closing quote on its line",
            'close it with `"`; for a text of several lines use `<<EOT`',
        )

    def heredoc(self, first: int, body: int, mark: str) -> int:
        closing = re.compile(rf"^[ \t]*{re.escape(mark)}(?=[ \t]*$)", re.MULTILINE)
        found = closing.search(self.text, body, self.stop)
        if found is None:
            message = f"the heredoc `{mark}` is never closed"
            raise self.source.at(first).error("config.syntax", message, f"put `{mark}` alone on a line after it")
        return found.end()

    def comment(self, first: int, word: str) -> int:
        end = self.text.find("*/" if word == "/*" else "\n", first + len(word), self.stop)
        if end >= 0:
            return end + 2 if word == "/*" else end
        if word == "/*":
            raise self.source.at(first).error("config.syntax", "`/*` is never closed")
        return self.stop
