"""The grammar's tree to ours: punctuation dropped, every node with its place in the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lark import Token, Tree

from orchestrator.config.lexical import NESTING_LIMIT
from orchestrator.config.number import read_number
from orchestrator.config.source import Place, Source
from orchestrator.config.syntax import (
    Attribute,
    Binary,
    Block,
    Body,
    Call,
    Conditional,
    Expression,
    For,
    ListNode,
    Literal,
    Member,
    Name,
    ObjectNode,
    Splat,
    Template,
    Unary,
)
from orchestrator.config.template import ParseExpression, read_text

Node: TypeAlias = Tree[Token]

_LITERALS = {"true": True, "false": False, "null": None}


class TreeReader:
    """Reads one of the grammar's trees.

    `masked` is the text that the grammar saw, `shift` what its offsets lack to those of the source;
    `parse_expression` reads what stands between two offsets of the source.
    """

    def __init__(self, source: Source, masked: str, shift: int, parse_expression: ParseExpression) -> None:
        self.source = source
        self.parse_expression = parse_expression
        self.masked = masked
        self.shift = shift
        self.depth = 0

    def place(self, node: Node | Token) -> Place:
        start = node.start_pos if isinstance(node, Token) else node.meta.start_pos
        return self.source.at((start or 0) + self.shift)

    def body(self, node: Node, offset: int) -> Body:
        items: list[Attribute | Block] = []
        for child in _trees(node):
            if items:
                self.separated(child, "\n", "each attribute and block stands on a line of its own")
            items.append(self.attribute(child) if child.data == "attribute" else self.block(child))
        return Body(self.source.at(offset), tuple(items))

    def separated(self, node: Node, separators: str, message: str) -> None:
        before = self.masked[: node.meta.start_pos].rstrip(" \t\r")
        if before[-1:] not in separators:
            raise self.place(node).error("config.syntax", message)

    def attribute(self, node: Node) -> Attribute:
        name, value = _trees(node)
        return Attribute(self.place(node), self.word(name), self.expression(value))

    def block(self, node: Node) -> Block:
        if self.depth >= NESTING_LIMIT:
            raise self.place(node).error("config.syntax", f"nested more than {NESTING_LIMIT} deep")
        name, *rest = (child for child in _trees(node))
        labels, body = rest[:-1], rest[-1]
        opening = next(child for child in node.children if isinstance(child, Token) and child.type == "LBRACE")
        self.depth += 1
        block = Block(
            self.place(node),
            self.word(name),
            tuple(self.label(label) for label in labels),
            self.body(body, (opening.start_pos or 0) + self.shift),
        )
        self.depth -= 1
        return block

    def label(self, node: Node) -> str:
        if node.data != "string":
            return self.word(node)
        text = self.text(node)
        if not isinstance(text, Literal) or not isinstance(text.value, str):
            raise self.place(node).error("config.syntax", "a block's name is plain text, without `${…}` or `{{ }}`")
        return text.value

    def expression(self, node: Node) -> Expression:
        self.depth += 1
        if self.depth > NESTING_LIMIT:
            raise self.place(node).error("config.syntax", f"nested more than {NESTING_LIMIT} deep")
        build = _EXPRESSIONS.get(node.data)
        if build is None:
            raise self.place(node).error("config.syntax", "unexpected text")
        built = build(self, node)
        self.depth -= 1
        return built

    def word(self, node: Node) -> str:
        """A name, as the source has it."""
        text = self.text_of(node)
        if text[:1].isdigit():
            raise self.place(node).error("config.syntax", f"`{text}` cannot be a name")
        return text

    def text_of(self, node: Node) -> str:
        start = self.place(node).offset
        return self.source.text[start : (node.meta.end_pos or 0) + self.shift]

    def term(self, node: Node) -> Expression:
        return self.expression(_trees(node)[0])

    def literal(self, node: Node) -> Expression:
        return Literal(self.place(node), _LITERALS[self.word(node)])

    def name(self, node: Node) -> Expression:
        """A name, or a number, which the lexical pass disguised as one."""
        at, text = self.place(node), self.text_of(node)
        return Literal(at, read_number(text, at)) if text[:1].isdigit() else Name(at, text)

    def text(self, node: Node) -> Expression:
        start, end = self.place(node).offset, (node.meta.end_pos or 0) + self.shift
        parts = read_text(self.source, start, end, self.parse_expression)
        at = self.source.at(start)
        if not parts:
            return Literal(at, "")
        if len(parts) == 1:
            return Literal(at, parts[0]) if isinstance(parts[0], str) else parts[0]
        return Template(at, tuple(parts))

    def list_node(self, node: Node) -> Expression:
        return ListNode(self.place(node), tuple(self.expression(item) for item in _trees(node)))

    def object_node(self, node: Node) -> Expression:
        items: list[tuple[Expression, Expression]] = []
        for element in _trees(node):
            if items:
                self.separated(element, ",\n", "items of an object are separated by `,`, `;` or a new line")
            key, value = _trees(element)
            items.append((self.key(_trees(key)[0]), self.expression(value)))
        return ObjectNode(self.place(node), tuple(items))

    def key(self, node: Node) -> Expression:
        inner = node
        if node.data == "expr_term" and len(node.children) == 1:
            inner = _trees(node)[0]
        if inner.data in ("identifier", "keyword", "literal_value"):
            return Literal(self.place(inner), self.text_of(inner))
        if inner.data in ("string", "expr_term"):
            return self.expression(inner)
        raise self.place(node).error("config.syntax", "a key is a name, a text, or an expression in parentheses")

    def call(self, node: Node) -> Expression:
        name, *rest = _trees(node)
        if any(isinstance(child, Token) and child.type == "COLONS" for child in node.children):
            raise self.place(node).error("config.unknown_function", "there are no functions with `::` in their name")
        if not rest:
            return Call(self.place(node), self.word(name), ())
        spread = any(isinstance(child, Token) and child.type == "ELLIPSIS" for child in rest[-1].children)
        arguments = tuple(self.expression(argument) for argument in _trees(rest[-1]))
        return Call(self.place(node), self.word(name), arguments, spread)

    def member(self, node: Node) -> Expression:
        base, step = _trees(node)
        return Member(self.place(step), self.expression(base), self.step(step))

    def step(self, node: Node) -> Expression:
        """What `.name`, `.0` and `[expression]` select; a member called `true` is a text like any other."""
        inner = _trees(node)[0]
        step = self.expression(inner)
        return Literal(step.at, step.name) if node.data == "get_attr" and isinstance(step, Name) else step

    def splat(self, node: Node) -> Expression:
        base, splat = _trees(node)
        return Splat(self.place(splat), self.expression(base), tuple(self.step(step) for step in _trees(splat)))

    def unary(self, node: Node) -> Expression:
        return Unary(self.place(node), str(node.children[0]), self.expression(_trees(node)[0]))

    def binary(self, node: Node) -> Expression:
        left, term = _trees(node)
        operator, right = _trees(term)
        symbol = str(operator.children[0]).split()[-1]
        if symbol == "+":  # or a minus that the lexical pass disguised
            symbol = self.source.text[(operator.meta.end_pos or 0) + self.shift - 1]
        return Binary(self.place(node), symbol, self.expression(left), self.expression(right))

    def conditional(self, node: Node) -> Expression:
        condition, if_true, if_false = (self.expression(child) for child in _trees(node))
        return Conditional(self.place(node), condition, if_true, if_false)

    def for_node(self, node: Node) -> Expression:
        intro, *results = _trees(node)
        *names, over = _trees(intro)
        condition = self.term(results.pop()) if results[-1].data == "for_cond" else None
        key = self.expression(results[0]) if len(results) == 2 else None
        grouped = any(isinstance(child, Token) and child.type == "ELLIPSIS" for child in node.children)
        return For(
            self.place(node),
            tuple(self.word(name) for name in names),
            self.expression(over),
            self.expression(results[-1]),
            key=key,
            grouped=grouped,
            condition=condition,
        )


_EXPRESSIONS: dict[str, Callable[[TreeReader, Node], Expression]] = {
    "expr_term": TreeReader.term,
    "literal_value": TreeReader.literal,
    "identifier": TreeReader.name,
    "string": TreeReader.text,
    "tuple": TreeReader.list_node,
    "object": TreeReader.object_node,
    "function_call": TreeReader.call,
    "get_attr_expr_term": TreeReader.member,
    "index_expr_term": TreeReader.member,
    "attr_splat_expr_term": TreeReader.splat,
    "full_splat_expr_term": TreeReader.splat,
    "unary_op": TreeReader.unary,
    "binary_op": TreeReader.binary,
    "conditional": TreeReader.conditional,
    "for_tuple_expr": TreeReader.for_node,
    "for_object_expr": TreeReader.for_node,
}


def _is_newline(node: Node | Token) -> bool:
    return isinstance(node, Tree) and node.data == "new_line_or_comment"


def _trees(node: Node) -> list[Node]:
    """The children that mean something: no punctuation, no line ends."""
    return [child for child in node.children if isinstance(child, Tree) and not _is_newline(child)]
