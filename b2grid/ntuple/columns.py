"""Column names as analysts write them, and as basf2 stores them in a ROOT file.

ROOT takes letters, digits and underscores in a branch name; basf2 replaces other characters by codes and
deletes what has no code. `decode` is the way back, exact for names without double underscores of their own.

>>> encode("daughter(0, p)")
'daughter__bo0__cm__spp__bc'
>>> decode("daughter__bo0__cm__spp__bc")
'daughter(0, p)'
"""

from __future__ import annotations

import re

__all__ = ["BOOKKEEPING", "decode", "encode"]

# basf2: MakeROOTCompatible
_CODES = {
    " ": "sp",
    ",": "cm",
    ":": "cl",
    "=": "eq",
    "<": "st",
    ">": "gt",
    ".": "pt",
    "+": "pl",
    "-": "mi",
    "(": "bo",
    ")": "bc",
    "{": "co",
    "}": "cc",
    "[": "so",
    "]": "sc",
    "`": "to",
    "´": "tc",
    "^": "ha",
    "°": "ci",
    "$": "do",
    "§": "pa",
    "%": "pr",
    "!": "em",
    "?": "qm",
    ";": "sm",
    "#": "hs",
    "*": "mu",
    "/": "sl",
    "\\": "bl",
    "'": "sq",
    '"': "dq",
    "~": "ti",
    "|": "pi",
    "&": "am",
    "@": "at",
}
_CHARACTERS = {code: character for character, code in _CODES.items()}
_CODE = re.compile("__(" + "|".join(_CHARACTERS) + ")")
_OTHER = re.compile(r"[^A-Za-z0-9_]")

BOOKKEEPING = (
    "__experiment__",
    "__run__",
    "__event__",
    "__production__",
    "__candidate__",
    "__ncandidates__",
    "__signalSideCandidate__",
    "__nSignalSideCandidates__",
    "__MCDecayString__",
    "__eventType__",
    "__weight__",
)
"""The columns that basf2 adds, in its order; not encoded, though ``__production__`` begins like a ``%``."""


def encode(name: str) -> str:
    """The branch name that basf2 makes of a column name.

    >>> encode("useCMSFrame(p)")
    'useCMSFrame__bop__bc'
    """
    return _OTHER.sub(lambda match: f"__{_CODES[match[0]]}" if match[0] in _CODES else "", name)


def decode(branch: str) -> str:
    """The column name that a branch name stands for; a name that basf2 did not encode is itself.

    >>> decode("__production__")
    '__production__'
    """
    if branch in BOOKKEEPING:
        return branch
    return _CODE.sub(lambda match: _CHARACTERS[match[1]], branch)
