r"""Cuts, variable strings and formulas: text to tree to text.

Precedence, low to high: ``or``, ``and``, ``not``, comparison, ``+ -``, ``* /``, unary ``+ -``, ``** ^``.
Square brackets group conditions, parentheses group arithmetic only, and a chain has at most two comparisons.
The grammar is basf2's; printing a tree gives a text that parses to the same tree.

>>> str(parse_cut("0.1<M<0.2 and [isSignal==1 or not daughter(0, p)>2]"))
'0.1 < M < 0.2 and [isSignal == 1 or not daughter(0, p) > 2]'
>>> parse_cut("").value
True
"""

from __future__ import annotations

import math
import re

from b2grid.grammar.error import GrammarError
from b2grid.grammar.tree import And, Binary, Boolean, Call, Compare, Expression, Name, Not, Number, Or, Unary, parts

__all__ = ["parse_cut", "parse_formula", "parse_variable"]

_DEPTH = 100  # nested groups; deeper than any cut that a person wrote

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<hex>0[xX][0-9a-fA-F]+)(?![\w.])
    | (?P<real>(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)(?!\w)
    | (?P<integer>\d+)(?!\w)
    | (?P<call>[A-Za-z_]\w*)(?=\()
    | (?P<word>[A-Za-z_]\w*)
    | (?P<operator>\*\*|==|!=|<=|>=|[-+*/^<>()\[\]])
    )""",
    re.VERBOSE | re.ASCII,
)
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">="})
_BOOLEANS = {"True": True, "true": True, "False": False, "false": False}
_CONSTANTS = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}
_ADVICE = {
    "and": "write 'and'",
    "or": "write 'or'",
    "not": "write 'not'",
    "=<": "write '<='",
    "=>": "write '>='",
    "!": "write 'not'; or '!=' to compare",
    "&": "write 'and'; basf2's cuts have no '&&'",
    "|": "write 'or'; basf2's cuts have no '||'",
    "'": "cuts have no quotes",
    '"': "cuts have no quotes",
    "=": "write '==' to compare",
    ",": "a comma stands only between the arguments of a variable",
    ")": "remove it, or open the parenthesis before it",
    "]": "remove it, or open the bracket before it",
    "": "something is missing at the end",
}


class _Reader:
    """Recursive descent over one text; each method reads one level of precedence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self._advance()

    def _advance(self) -> None:
        """Read the next token into `kind`, `value` and `start`."""
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            rest = self.text[self.position :]
            self.start = self.position + len(rest) - len(rest.lstrip())
            if rest.strip():
                raise self.error(f"'{self.text[self.start]}' is not part of a cut")
            self.kind, self.value = "end", ""
            return
        self.kind = str(match.lastgroup)
        self.value = str(match[self.kind])
        self.start = match.start(self.kind)
        self.position = match.end()

    def error(self, message: str, hint: str = "") -> GrammarError:
        return GrammarError.at(self.text, self.start, message, hint or _advice(self.text[self.start :]))

    def unexpected(self) -> GrammarError:
        return self.error("ends too early" if self.kind == "end" else f"'{self.value}' is not expected here")

    def take(self, *values: str) -> str:
        """The value of the present token when it is one of these, and nothing otherwise."""
        if self.kind in {"operator", "word"} and self.value in values:
            value = self.value
            self._advance()
            return value
        return ""

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEPTH:
            raise self.error(f"more than {_DEPTH} levels of brackets or signs")

    def whole(self, tree: Expression) -> Expression:
        """The tree, when nothing is left to read and all of it can be walked."""
        if self.kind != "end":
            raise self.unexpected()
        if _height(tree) > _HEIGHT:
            self.start = 0
            raise self.error(f"more than {_HEIGHT} operations within each other")
        return tree

    # conditions

    def either(self) -> Expression:
        operands = [self.both()]
        while self.take("or"):
            operands.append(self.both())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def both(self) -> Expression:
        operands = [self.negation()]
        while self.take("and"):
            operands.append(self.negation())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def negation(self) -> Expression:
        if not self.take("not"):
            return self.comparison()
        self.deeper()
        tree = Not(self.negation())
        self.depth -= 1
        return tree

    def comparison(self) -> Expression:
        if self.take("["):
            self.deeper()
            tree = self.either()
            self.depth -= 1
            if not self.take("]"):
                raise self.unexpected()
            if self.value in _COMPARISONS:
                raise self.error("square brackets group conditions, and a condition cannot be compared")
            return tree
        operands, operators = [self.sum()], list[str]()
        while self.kind == "operator" and self.value in _COMPARISONS:
            if len(operators) == 2:
                raise self.error("a chain has at most two comparisons")
            operators.append(self.value)
            self._advance()
            operands.append(self.sum())
        return Compare(tuple(operands), tuple(operators)) if operators else operands[0]

    # arithmetic

    def sum(self) -> Expression:
        tree = self.product()
        while operator := self.take("+", "-"):
            tree = Binary(operator, tree, self.product())
        return tree

    def product(self) -> Expression:
        tree = self.signed()
        while operator := self.take("*", "/"):
            tree = Binary(operator, tree, self.signed())
        return tree

    def signed(self) -> Expression:
        if not (sign := self.take("+", "-")):
            return self.power()
        self.deeper()
        tree = Unary(sign, self.signed())
        self.depth -= 1
        return tree

    def power(self) -> Expression:
        tree = self.primary()
        if not self.take("**", "^"):
            return tree
        self.deeper()
        tree = Binary("**", tree, self.signed())
        self.depth -= 1
        return tree

    def primary(self) -> Expression:
        if self.take("("):
            self.deeper()
            tree = self.sum()
            self.depth -= 1
            if self.value in _COMPARISONS or (self.kind == "word" and self.value in {"and", "or"}):
                raise self.error("parentheses group arithmetic only: write [ ] around conditions")
            if not self.take(")"):
                raise self.unexpected()
            return tree
        if self.kind in {"hex", "real", "integer"}:
            return self.literal()
        if self.kind == "call":
            return self.call()
        if self.kind == "word":
            return self.word()
        raise self.unexpected()

    def literal(self) -> Number:
        kind, value = self.kind, self.value
        if kind != "real" and len(value) > _DIGITS:
            raise self.error(f"a number of {len(value)} digits")
        self._advance()
        if kind == "real":
            return Number(float(value))
        return Number(int(value, 16 if kind == "hex" else 10))

    def word(self) -> Expression:
        value = self.value
        if value in {"and", "or", "not"}:
            raise self.unexpected()
        self._advance()
        if value in _BOOLEANS:
            return Boolean(_BOOLEANS[value])
        return Number(_CONSTANTS[value]) if value in _CONSTANTS else Name(value)

    def call(self) -> Call:
        name, opening = self.value, self.position
        closing = _closing(self.text, opening)
        if closing < 0:
            self.start = opening
            raise self.error(
                f"the parenthesis of '{name}(' is never closed", f"close it behind the arguments of {name}"
            )
        arguments = _arguments(self.text[opening + 1 : closing])
        self.position = closing + 1
        self._advance()
        return Call(name, arguments)


def _advice(rest: str) -> str:
    """What to do about what stands at a place: a word in capitals, two signs, or one."""
    word = re.match(r"[A-Za-z]*", rest)
    found = [word[0].lower() if word and word[0].isupper() else "", rest[:2], rest[:1]]
    return next((_ADVICE[one] for one in found if (one or not rest) and one in _ADVICE), "")


_HEIGHT = 250  # of a tree that Python's stack lets one print, compare and evaluate
_DIGITS = 18  # what fits into 64 bits, signed


def _height(tree: Expression) -> int:
    """The levels of a tree, counted without recursion: a long sum is as high as it has terms."""
    level: list[Expression] = [tree]
    height = 0
    while level and height <= _HEIGHT:
        height += 1
        level = [part for node in level for part in parts(node)]
    return height


def _closing(text: str, opening: int) -> int:
    """Where the parenthesis that opens at `opening` is closed, or -1."""
    level = 0
    for position in range(opening, len(text)):
        level += {"(": 1, ")": -1}.get(text[position], 0)
        if level == 0:
            return position
    return -1


def _arguments(text: str) -> tuple[str, ...]:
    """Arguments, split at commas outside parentheses; square brackets do not protect a comma."""
    if not text.strip():
        return ()
    parts, level, start = [], 0, 0
    for position, character in enumerate(text):
        level += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and level == 0:
            parts.append(text[start:position])
            start = position + 1
    return tuple(part.strip() for part in [*parts, text[start:]])


def parse_cut(text: str) -> Expression:
    """Read a cut; a blank one is true.

    Raises
    ------
    GrammarError
        With the position, if basf2 would not take it.
    """
    if not text.strip():
        return Boolean(True)
    reader = _Reader(text)
    return reader.whole(reader.either())


def parse_variable(text: str) -> Expression:
    """Read a variable string: a name, a number, a variable with arguments, or arithmetic with these.

    Raises
    ------
    GrammarError
        With the position, if basf2 would not take it.

    Examples
    --------
    >>> parse_variable("daughter(0, useCMSFrame(p))")
    Call(name='daughter', arguments=('0', 'useCMSFrame(p)'))
    """
    reader = _Reader(text)
    return reader.whole(reader.sum())


def parse_formula(text: str) -> Expression:
    """Read what stands in ``formula( )``: arithmetic, in which square brackets group as parentheses do.

    Raises
    ------
    GrammarError
        With the position, if basf2 would not take it.

    Examples
    --------
    >>> str(parse_formula("[E + 1]*2^2"))
    '(E + 1) * 2 ** 2'
    """
    return parse_variable(_round(text))


def _round(text: str) -> str:
    """The text with its square brackets turned round, except in the arguments of a variable."""
    shown, position = [], 0
    while position < len(text):
        character = text[position]
        end = position + 1
        if character == "(" and re.match(r"\w", text[position - 1 : position]):
            closing = _closing(text, position)
            if closing < 0:
                return text
            end = closing + 1
            shown.append(text[position:end])
        else:
            shown.append({"[": "(", "]": ")"}.get(character, character))
        position = end
    return "".join(shown)
