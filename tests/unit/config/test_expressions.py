"""What expressions give."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from .conftest import TASK, Evaluate, Fails

LOCALS = """locals {
  tables = ["Persons", "Orders"]
  by_name = { a = { poll = 5 }, b = { poll = 7 } }
  prod = true
}
"""

CASES: dict[str, Any] = {
    '"plain"': "plain",
    '""': "",
    r'"a\n\t\r\"\\ \u00e9 \U0001D11E"': 'a\n\t\r"\\ é 𝄞',
    '"$${x} %%{y} $x 100% {}"': "${x} %{y} $x 100% {}",
    r'"\u007b{ not a template }}"': "{{ not a template }}",
    '"a${1}b${true}c${0.50}"': "a1btruec0.50",
    '"${local.tables}"': ["Persons", "Orders"],
    '"x-${"y-${"z"}"}"': "x-y-z",
    '"${local.by_name["a"].poll}"': 5,
    "[1, 2, 3,]": [1, 2, 3],
    "[\n1,\n2\n]": [1, 2],
    "[]": [],
    "{}": {},
    "{ a = 1, b : 2 }": {"a": 1, "b": 2},
    "{ a = 1; b = 2; }": {"a": 1, "b": 2},
    "{\n a = 1 # one\n b = 2 // two\n}": {"a": 1, "b": 2},
    "{ a = { b = 1; c = [ { d = 2; e = 3 } ] } }": {"a": {"b": 1, "c": [{"d": 2, "e": 3}]}},
    '{ "a b" = 1, (upper("k")) = 2, "${"l"}m" = 3, 7 = 4, in = 5, true = 6 }': {
        "a b": 1,
        "K": 2,
        "lm": 3,
        "7": 4,
        "in": 5,
        "true": 6,
    },
    "1 + 2 * 3 - 4 / 2": 5,
    "(1 + 2) * 3": 9,
    "7 % 3": 1,
    "-7 % 3": -1,
    "1 / 4": Decimal("0.25"),
    "10 / 5": 2,
    "0.1 + 0.2": Decimal("0.3"),
    "9007199254740993 + 1": 9007199254740994,
    "10-25": -15,
    "1-2.5-0.5*2": Decimal("-2.5"),
    '"${10-1}"': 9,
    "-1": -1,
    "- 1.50": Decimal("-1.50"),
    '"${null}"': None,
    "[1, [2, 3]][1].0": 2,
    "[[1, [7]]].0.1.0": 7,
    '"2" * 3': 6,
    "-local.by_name.a.poll": -5,
    "1 < 2 && 2 <= 2 || false": True,
    "!local.prod": False,
    "1 == 1.0": True,
    "1 == true": False,
    '1 == "1"': False,
    '[1, { a = "b" }] == [1, { a = "b" }]': True,
    "{ a = 1 } != { a = 2 }": True,
    'local.prod ? "p" : "d"': "p",
    'local.prod ? "p" : env("UNSET")': "p",
    '"false" ? 1 : 2': 2,
    'true || env("UNSET") == "x"': True,
    "local.tables[1]": "Orders",
    "local.tables.0": "Persons",
    'local.by_name["b"].poll': 7,
    "[for t in local.tables : lower(t)]": ["persons", "orders"],
    '[for i, t in local.tables : "${i}:${t}" if i > 0]': ["1:Orders"],
    "{ for k, v in local.by_name : k => v.poll }": {"a": 5, "b": 7},
    "{ for t in local.tables : length(t) > 6 => t... }": {"true": ["Persons"], "false": ["Orders"]},
    "[{ n = 1 }, { n = 2 }][*].n": [1, 2],
    "[{ n = 1 }, { n = 2 }].*.n": [1, 2],
    "local.tables /* which */ [0]": "Persons",
    "<<EOT\na\n  b ${1 + 1}\nEOT\n": "a\n  b 2\n",
    "<<-EOT\n    a\n      b ${1}c\n\n    d\n    EOT\n": "a\n  b 1c\n\nd\n",
    "<<EOT\nEOT\n": "",
    '<<EOT\n"quoted" \\n $${x} {{ env "X" }}\nEOT\n': '"quoted" \\n ${x} from env\n',
    '[<<A\none\nA\n, "two"]': ["one\n", "two"],
}


@pytest.mark.parametrize(("expression", "value"), CASES.items(), ids=CASES)
def test_expression(evaluate: Evaluate, expression: str, value: Any) -> None:
    result = evaluate(expression, {"X": "from env"}, before=LOCALS)
    assert result == value
    assert type(result) is type(value)


FAILURES = {
    "unknown.name": ("config.unknown_name", "unknown name `unknown`", "`local.…`"),
    "banana": ("config.unknown_name", "unknown name `banana`", '"banana"'),
    "upper": ("config.unknown_name", "unknown name `upper`", "upper(…)"),
    "local": ("config.syntax", "needs a name", None),
    "local.nowhere": ("config.unknown_local", "no local `nowhere`", "no `locals`"),
    "uper(1)": ("config.unknown_function", "unknown function `uper`", "did you mean `upper`?"),
    "a::b::c()": ("config.unknown_function", "`::`", None),
    "upper()": ("config.arguments", "`upper` takes 1 argument, not 0", None),
    'env("A", "B", "C")': ("config.arguments", "`env` takes 1 to 2 arguments, not 3", None),
    'format("%d", "x")': ("config.type", "`%d` takes a number, not a text", None),
    '"a${null}"': ("config.type", "a template takes text, not null", "coalesce"),
    '"a${[1]}"': ("config.type", "not a list", "jsonencode"),
    '"a" + 1': ("config.type", "expected a number, not a text", None),
    "1 && true": ("config.type", "expected true or false, not a number", None),
    "1 ? 2 : 3": ("config.type", "expected true or false, not a number", None),
    "1 / 0": ("config.number", "no result", None),
    "1 % 0": ("config.number", "no result", None),
    "0.5 / 0": ("config.number", "no result", None),
    "1e999999999999999999999": ("config.number", "digits", None),
    "1e5000": ("config.number", "digits", None),
    "9" * 1001: ("config.number", "digits", None),
    "9" * 1000 + " * " + "9" * 1000: ("config.number", "digits", None),
    "5s": ("config.number", "`5s` is not a number", '`"5s"`'),
    "1_000": ("config.number", "`1_000` is not a number", None),
    "1e5x": ("config.number", "`1e5x` is not a number", None),
    "0x10": ("config.number", "`0x10` is not a number", None),
    ".5": ("config.syntax", "unexpected `.`", None),
    "1.5.6": ("config.type", "a number has no members", None),
    "5(1)": ("config.syntax", "`5` cannot be a name", None),
    "[1][1]": ("config.index", "has 1 items", None),
    "[1][-1]": ("config.index", "numbered from 0", None),
    "{ abc = 1 }.abd": ("config.unknown_key", "no such key", "`abc`"),
    "1[0]": ("config.type", "a number has no members", None),
    "{ a = 1, a = 2 }": ("config.duplicate", "set before", None),
    "{ a.b = 1 }": ("config.syntax", "parentheses", None),
    "{ for x in [1, 1] : x => x }": ("config.duplicate", "same key", "`...`"),
    "[for x in 1 : x]": ("config.type", "`for` goes over", None),
    "{ a = 1 b = 2 }": ("config.syntax", "separated by", None),
    '"\\q"': ("config.syntax", "unknown escape `\\q`", "backslash"),
    '"\\ud800"': ("config.syntax", "not a Unicode character", None),
    '"\\u12"': ("config.syntax", "unknown escape", None),
    '"%{ if true }a%{ endif }"': ("config.syntax", "directives", "%%{"),
    '"{{ now }}"': ("config.template", "only `{{ env", r"\u007b{"),
    '"{{ env "X" | quote }}"': ("config.template", "only `{{ env", None),
    '"a {{"': ("config.template", "only `{{ env", None),
    '{{ env "X" }}': ("config.syntax", "inside quotes", "jsondecode"),
    '"${}"': ("config.syntax", "no expression", None),
    '"${1 2}"': ("config.syntax", "unexpected `2`", None),
    '"${1) + (2}"': ("config.syntax", "`)` closes nothing", None),
    "[1; 2]": ("config.syntax", "unexpected `;`", None),
    "(1": ("config.syntax", "cannot close", None),
    "[1}": ("config.syntax", "cannot close", None),
    '"abc': ("config.syntax", "no closing quote", "<<EOT"),
    '"${"a"': ("config.syntax", "no closing quote", None),
    '"${': ("config.syntax", "no closing quote", None),
    "<<EOT\nabc\n": ("config.syntax", "heredoc `EOT` is never closed", None),
    "/* abc": ("config.syntax", "`/*` is never closed", None),
    "=": ("config.syntax", "unexpected `=`", None),
    "1 +": ("config.syntax", "unexpected", None),
    "[" * 101 + "]" * 101: ("config.syntax", "nested more than 100 deep", None),
    "+".join(["1"] * 200): ("config.syntax", "nested more than 100 deep", None),
    '"${' * 101 + "1" + '}"' * 101: ("config.syntax", "nested more than 100 deep", None),
}


@pytest.mark.parametrize(("expression", "expected"), FAILURES.items(), ids=[text[:40] for text in FAILURES])
def test_wrong_expression(bad: Fails, expression: str, expected: tuple[str, str, str | None]) -> None:
    code, message, hint = expected
    error = bad(code, expression)
    assert message in error.message
    assert hint is None or hint in (error.hint or "")


def test_cycle_of_locals_is_shown(fails: Fails) -> None:
    text = 'locals {\n a = local.b\n b = "x${local.c}"\n c = local.a\n}\n' + TASK.format(config="{ x = local.a }")
    error = fails("config.cycle", text)
    assert "`a` → `b` → `c` → `a`" in error.message
    assert error.where.line == 4


def test_long_chain_of_deep_locals_is_refused_and_not_a_crash(fails: Fails) -> None:
    deep = "".join(f"  l{n} = {'(' * 90}local.l{n + 1}{')' * 90}\n" for n in range(30))
    text = f"locals {{\n{deep}}}\n" + TASK.format(config="{ x = local.l0 }")
    assert "more than 20 deep" in fails("config.cycle", text).message
