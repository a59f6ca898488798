"""What ``b2lite`` covers, for people: ``b2lite --coverage``, and the tables of ``docs/lite.md``.

The facts are read off the tables of the program. How often names are used is package data: ``usage.tsv``, counts
over 364 public steering files; why names are refused is ``refused.toml``.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from b2grid.lite.covered import OWN, coverage
from b2grid.lite.refusal import reason
from b2grid.steering.facts import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from b2grid.steering.coverage import Coverage
    from b2grid.steering.facts import Facts

__all__ = ["Coverable", "Use", "in_json", "in_text", "page", "table", "uses"]

Kind = Literal["function", "module", "variable"]
KINDS: tuple[Kind, ...] = ("function", "variable", "module")
_WIDTH = 80
_MARKER = "<!-- made by: python -m b2grid.lite.report docs/lite.md -->"


@dataclass(frozen=True, slots=True)
class Coverable:
    """Something of basf2 that is covered, wholly or in part.

    Parameters
    ----------
    kind : {"function", "variable", "module"}
    name : str
        Of a function with its Python module.
    refused : tuple of str
        Its parameters that must not be given; empty where all is covered.
    """

    kind: Kind
    name: str
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """How often public steering files use a name.

    Parameters
    ----------
    kind : {"function", "variable"}
    name : str
        Of a function with its Python module; of a method of a path or module ``<obj>.name``.
    files : int
        In how many of the files.
    covered : bool
    reason : str
        Why it is refused; empty where it is covered.
    """

    kind: Kind
    name: str
    files: int
    covered: bool
    reason: str = ""


def table() -> list[Coverable]:
    """Everything that is covered, by kind and name.

    >>> next(row for row in table() if row.name == "modularAnalysis.applyCuts")
    Coverable(kind='function', name='modularAnalysis.applyCuts', refused=())
    """
    covered, facts = coverage(), load("main")
    assert covered.functions is not None
    assert covered.variables is not None
    functions = [Coverable("function", name, _refused(name, covered, facts)) for name in sorted(covered.functions)]
    variables = [Coverable("variable", name) for name in sorted(covered.variables, key=str.lower)]
    return functions + variables + _modules(facts)


def _refused(function: str, covered: Coverage, facts: Facts) -> tuple[str, ...]:
    given = covered.parameters.get(function)
    signature = facts.signature(*function.rsplit(".", 1))
    if given is None or signature is None:
        return ()
    return tuple(name for name in signature.names if name not in given)


def _modules(facts: Facts) -> list[Coverable]:
    from b2grid.lite.modules import MODULES

    return [
        Coverable(
            "module",
            name,
            tuple(
                bare
                for parameter in facts.modules.get(name, ())
                if (bare := parameter.rstrip("!")) not in MODULES[name].parameters
            ),
        )
        for name in sorted(MODULES)
    ]


def uses() -> list[Use]:
    """The names that public steering files use, most used first.

    >>> uses()[0]
    Use(kind='function', name='basf2.process', files=352, covered=True, reason='')
    """
    covered = coverage()
    lines = files("b2grid.lite").joinpath("usage.tsv").read_text().splitlines()
    found = []
    for line in [line for line in lines if not line.startswith("#")][1:]:
        kind, name, module, count = line.split("\t")
        found.append(_use(kind == "variable", f"{module}.{name}" if module else name, int(count), covered))
    return sorted(found, key=lambda use: (-use.files, use.name))


def _use(variable: bool, name: str, count: int, covered: Coverage) -> Use:
    runs = name in (covered.variables or ()) if variable else name in OWN or name in (covered.functions or ())
    return Use("variable" if variable else "function", name, count, runs, "" if runs else reason(name))


def refused_variables() -> dict[str, str]:
    """Every variable of basf2 that is refused, and why.

    >>> refused_variables()["TagVz"]
    'needs the vertex of the other B'
    """
    known, covered = load("main").variables, coverage().variables or ()
    return {name: reason(name) for name in sorted(known, key=str.lower) if name not in covered}


# ---- in words


def _shares(used: Iterable[Use]) -> list[str]:
    rows = []
    for kind in ("function", "variable"):
        mine = [use for use in used if use.kind == kind]
        total, runs = sum(use.files for use in mine), sum(use.files for use in mine if use.covered)
        names = sum(use.covered for use in mine)
        rows.append(
            f"{kind}s: {names} of {len(mine)} names, {runs} of {total} uses ({100 * runs / total:.1f} per cent)"
        )
    return rows


def _in_part(rows: Iterable[Coverable], kind: Kind) -> tuple[list[str], list[Coverable]]:
    """Names that are covered wholly, and what is covered in part."""
    mine = [row for row in rows if row.kind == kind]
    return [row.name for row in mine if not row.refused], [row for row in mine if row.refused]


def _by_reason(used: Iterable[Use]) -> dict[str, list[Use]]:
    groups: dict[str, list[Use]] = {}
    for use in used:
        if not use.covered:
            groups.setdefault(use.reason, []).append(use)
    return dict(sorted(groups.items(), key=lambda item: -sum(use.files for use in item[1])))


def _wrapped(text: str, *, indent: int = 2) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """Python module -> its functions; the key is empty for names without a module."""
    groups: dict[str, list[str]] = {}
    for name in names:
        module, _, function = name.rpartition(".")
        groups.setdefault(module, []).append(function)
    return groups


def _by_why() -> dict[str, list[str]]:
    """The refused variables by reason, the most frequent reason first."""
    refused = refused_variables()
    return {why: [n for n, w in refused.items() if w == why] for why, _ in Counter(refused.values()).most_common()}


def _share_of_all() -> str:
    known, refused = load("main").variables, refused_variables()
    return f"{len(known) - len(refused)} of {len(known)} are covered"


def in_text() -> str:
    """The table for a terminal of 80 columns."""
    rows, used = table(), uses()
    parts = ["What b2lite runs; everything else is refused by name and line before an event is read."]
    for kind in KINDS:
        whole, partly = _in_part(rows, kind)
        parts += ["", f"{kind.upper()}S COVERED"]
        parts += [
            _wrapped((f"{module}: " if module else "") + ", ".join(names)) for module, names in _grouped(whole).items()
        ]
        if partly:
            parts += ["", f"{kind.upper()}S COVERED IN PART, and the parameters that are refused"]
            parts += [_wrapped(f"{row.name}: {', '.join(row.refused)}") for row in partly]
    parts += ["", "REFUSED, by reason; in brackets how many of 364 public steering files use it"]
    for why, group in _by_reason(used).items():
        parts.append(_wrapped(f"{why}: " + ", ".join(f"{use.name} ({use.files})" for use in group)))
    parts += ["", "VARIABLES OF BASF2 REFUSED, by reason"]
    for why, names in _by_why().items():
        parts.append(_wrapped(f"{why} ({len(names)}): {', '.join(names)}"))
    parts += ["", "OF WHAT PUBLIC STEERING FILES USE", *(f"  {line}" for line in _shares(used))]
    parts += ["", "OF ALL VARIABLES OF BASF2", f"  {_share_of_all()}"]
    return "\n".join([textwrap.fill(parts[0], _WIDTH), *parts[1:]]) + "\n"


def in_json() -> str:
    """The same for programs."""
    found = {
        "covered": [asdict(row) for row in table()],
        "uses": [asdict(use) for use in uses()],
        "refused_variables": refused_variables(),
    }
    return json.dumps(found, indent=2)


def _listed(before: str, names: Sequence[str]) -> str:
    text = before + ", ".join(f"`{name}`" for name in names)
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def page(text: str) -> str:
    """A page of the documentation with its tables made again: what stands below the marker is replaced."""
    return f"{text.partition(_MARKER)[0]}{_MARKER}\n\n{_in_markdown()}"


def _in_markdown() -> str:
    """The tables of the documentation."""
    rows, used = table(), uses()
    parts = ["Of what 364 public steering files use, b2lite covers", ""]
    parts += [f"- {line}" for line in _shares(used)]
    for kind in KINDS:
        whole, partly = _in_part(rows, kind)
        parts += ["", f"### {kind.capitalize()}s", "", f"Covered ({len(whole)}):"]
        for module, names in _grouped(whole).items():
            parts += ["", _listed(f"{module}: " if module else "", names)]
        if partly:
            parts += ["", "| covered in part | refused parameters |", "| --- | --- |"]
            parts += [f"| `{row.name}` | {', '.join(f'`{name}`' for name in row.refused)} |" for row in partly]
    parts += ["", "### Refused", "", "| reason | names, and how many of the files use them |", "| --- | --- |"]
    for why, group in _by_reason(used).items():
        parts.append(f"| {why} | " + ", ".join(f"`{use.name}` {use.files}" for use in group) + " |")
    parts += [
        "",
        "### Variables of basf2",
        "",
        f"Of all variables of basf2 {_share_of_all()}. The others are refused:",
        "",
    ]
    parts += [
        "| reason | variables |",
        "| --- | --- |",
        *(f"| {why} | {len(names)} |" for why, names in _by_why().items()),
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(page(Path(name).read_text("utf-8")), "utf-8")
