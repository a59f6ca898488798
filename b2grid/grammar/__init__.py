"""Decay strings, cuts and variable strings: text to tree to text.

Pure and without dependencies; the check, b2lite, channels and ``arrays(cut=…)`` read with it.
"""

from b2grid.grammar.cut import parse_cut, parse_formula, parse_variable
from b2grid.grammar.decay import ARROWS, KEYWORDS, MARKS, Decay, Particle, parse_decay, parse_list, parse_particle
from b2grid.grammar.error import GrammarError
from b2grid.grammar.tree import And, Binary, Boolean, Call, Compare, Expression, Name, Not, Number, Or, Unary, parts

__all__ = [
    "ARROWS",
    "KEYWORDS",
    "MARKS",
    "And",
    "Binary",
    "Boolean",
    "Call",
    "Compare",
    "Decay",
    "Expression",
    "GrammarError",
    "Name",
    "Not",
    "Number",
    "Or",
    "Particle",
    "Unary",
    "parse_cut",
    "parse_decay",
    "parse_formula",
    "parse_list",
    "parse_particle",
    "parse_variable",
    "parts",
]
