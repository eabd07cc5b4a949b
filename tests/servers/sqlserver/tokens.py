"""A cursor over T-SQL's tokens, for the statements that are read here and not by the query translator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType

from tests.servers.sqlserver.errors import error

_QUOTED = (TokenType.IDENTIFIER, TokenType.STRING, TokenType.NATIONAL_STRING)


@dataclass(frozen=True)
class Token:
    """One word of the text between `start` and `end`; `quoted` are names in brackets and strings."""

    text: str
    start: int
    end: int
    quoted: bool


class Tokens:
    """The tokens of `sql`, taken from the front. Words are compared without regard to case."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        try:
            self._tokens = list(_words(sql))
        except TokenError as failure:
            raise error(102, str(failure)) from None
        self._at = 0

    @property
    def left(self) -> bool:
        return self._at < len(self._tokens)

    def peek(self, ahead: int = 0) -> str:
        """The word that comes, in capitals; nothing for the end and for what is quoted."""
        token = self.token(ahead)
        return "" if token is None or token.quoted else token.text.upper()

    def token(self, ahead: int = 0) -> Token | None:
        at = self._at + ahead
        return self._tokens[at] if 0 <= at < len(self._tokens) else None

    def take(self) -> Token:
        token = self.token()
        if token is None:
            raise error(102, "the end of the batch")
        self._at += 1
        return token

    def word(self) -> str:
        """Take a name or a word, as it is written."""
        return self.take().text

    def accept(self, *words: str) -> bool:
        """Take these words if they are the next ones."""
        if all(self.peek(at) == word for at, word in enumerate(words)):
            self._at += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            token = self.token()
            raise error(102, token.text if token else "the end of the batch")

    def name(self) -> str:
        """Take a name of one or more parts, as it is written without brackets."""
        parts = [self.word()]
        while self.accept("."):
            parts.append("" if self.peek() == "." else self.word())
        return ".".join(parts)

    def variable(self) -> str | None:
        """Take `@name` if it comes; without the `@`, in small letters."""
        if self.peek() == "@":
            self.take()
            return self.word().lower()
        return None

    def text_until(self, *ends: str) -> str:
        """Take everything before one of these words at this level, as it is written."""
        first = last = self.token()
        depth = cases = 0
        while self.left and not (depth == 0 and cases == 0 and self.peek() in ends):
            word = self.peek()
            depth += (word == "(") - (word == ")")
            cases += (word == "CASE") - (word == "END" and cases > 0)
            if depth < 0:
                break
            last = self.take()
        if first is None or last is None or self.token() is first:
            return ""
        return self.slice(first, last)

    def slice(self, first: Token, last: Token) -> str:
        return self.sql[first.start : last.end]

    def parenthesised(self) -> list[str]:
        """Take `(a, b)`: the texts between the commas."""
        self.expect("(")
        texts = [self.text_until(",", ")")]
        while self.accept(","):
            texts.append(self.text_until(",", ")"))
        self.expect(")")
        return texts


def _words(sql: str) -> Iterator[Token]:
    """sqlglot's tokens, those of several words (`PRIMARY KEY`) taken apart."""
    for token in sqlglot.tokenize(sql, read="tsql"):
        if token.token_type in _QUOTED:
            yield Token(token.text, token.start, token.end + 1, quoted=True)
        else:
            for word in re.finditer(r"\S+", token.text):
                start = token.start + word.start()
                whole = word[0] == token.text
                yield Token(word[0], start, token.end + 1 if whole else start + len(word[0]), quoted=False)
