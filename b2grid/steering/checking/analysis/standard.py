"""The lists that basf2's standard functions make: ``python -m b2grid.steering.checking.analysis.standard``.

The stand-ins know them; what they make is recorded here once for every choice that a function has, and kept as
package data, so that the check needs to run nothing.
"""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.grammar import Decay, parse_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["handling", "quiet", "record_standard", "standard"]

HERE = Path(__file__).parent
_CHOICES = {
    "stdCharged": ("all", "good", "loose", "loosepid", "higheff", "95eff", "90eff", "85eff"),
    "stdKlongs": ("allklm", "allecl"),
    "stdPhotons": ("all", "cdc", "loose", "tight", *(f"pi0eff{part}0_May2020" for part in range(1, 7))),
    "stdPi0s": ("all", "allFit", *(f"eff{part}0_May2020{end}" for part in range(1, 7) for end in ("", "Fit"))),
}
_MADE = {"ParticleListManipulator": "outputListName", "ParticleCombiner": "decayString"}
_SUFFIX = "SUFFIX"


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(HERE.joinpath("lists.toml").read_text("utf-8"))


@cache
def handling() -> Mapping[str, Mapping[str, Any]]:
    """What functions do with lists, by module and name; of C++ modules, by their type."""
    table = _table()
    rooms = table["function"].items()
    functions = {f"{room}.{name}": entry for room, found in rooms for name, entry in found.items()}
    return {**functions, **table["module"]}


def quiet(function: str) -> bool:
    """Whether a function is of a package that makes no lists."""
    return function.partition(".")[0] in _table()["quiet"]


@cache
def standard() -> Mapping[str, Mapping[str, list[str]]]:
    """Function -> choice -> the lists that it makes, the one that it is for last.

    >>> standard()["stdV0s.stdKshorts"][""][-1]
    'K_S0:merged'
    """
    read: dict[str, dict[str, list[str]]] = json.loads(HERE.joinpath("standard.json").read_text("utf-8"))
    return read


def record_standard() -> dict[str, dict[str, list[str]]]:
    """What `standard` keeps, from the stand-ins."""
    from b2grid.steering.record import record

    calls = list(_calls())
    lines = [
        "import basf2, modularAnalysis, stdCharged, stdKlongs, stdPhotons, stdPi0s, stdV0s",
        "path = basf2.create_path()",
        *(f"try: {text}\nexcept ValueError: pass" for _, _, text in calls),
        "basf2.process(path)",
    ]
    made: dict[int, list[str]] = {}
    for module in record("\n".join(lines)).modules:
        if module.line is not None and module.kind != "opaque":
            made.setdefault((module.line - 3) // 2, []).extend(_made(module.type, module.params))
    found: dict[str, dict[str, list[str]]] = {}
    for number, (name, choice, _) in enumerate(calls):
        lists = [text.replace(_SUFFIX, "{suffix}") for text in dict.fromkeys(made.get(number, []))]
        if lists:
            found.setdefault(name, {})[choice] = lists
    return found


def _calls() -> Iterable[tuple[str, str, str]]:
    for name, entry in handling().items():
        if entry.get("standard"):
            for choice in _CHOICES[name.partition(".")[0]]:
                yield name, choice, f"{name}({choice!r}, path=path)"
        elif "standard" in entry:
            target = "'B0:x', " if "RestOfEvent" in name else f"suffix={_SUFFIX!r}, " if "MostLikely" in name else ""
            yield name, "", f"{name}({target}path=path)"


def _made(kind: str, params: Mapping[str, Any]) -> list[str]:
    """The lists that a module makes; a loader makes its base lists."""
    if kind == "ParticleLoader":
        return [base for text in params["decayStrings"] for base in (_base(text, params), _head(text))]
    return [_head(params[_MADE[kind]])] if kind in _MADE else []


def _head(text: str) -> str:
    read = parse_list(text)
    return (read.mother if isinstance(read, Decay) else read).list_name


def _base(text: str, params: Mapping[str, Any]) -> str:
    label = "MC" if params.get("useMCParticles") else "V0" if isinstance(parse_list(text), Decay) else "all"
    return f"{_head(text).partition(':')[0]}:{label}"


if __name__ == "__main__":
    HERE.joinpath("standard.json").write_text(json.dumps(record_standard(), indent=1) + "\n", "utf-8")
