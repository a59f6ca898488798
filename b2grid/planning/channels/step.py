"""What is done to the candidates of a decay: a fit or a rank, by one of basf2's functions with its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from b2grid.errors import nearest, printable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FITS", "RANKS", "Step", "read_step", "recorded_step"]

FITS = {"tree": "vertex.treeFit", "k": "vertex.kFit"}
RANKS = {"lowest": "modularAnalysis.rankByLowest", "highest": "modularAnalysis.rankByHighest"}

# of each function: option -> the parameter of its module, and basf2's default; ... where one must be given
_RANK: dict[str, tuple[str, Any]] = {
    "variable": ("variable", ...),
    "numBest": ("numBest", 0),
    "outputVariable": ("outputVariable", ""),
    "allowMultiRank": ("allowMultiRank", False),
    "cut": ("cut", ""),
    "overwriteRank": ("overwriteRank", False),
}
_OPTIONS: dict[str, dict[str, tuple[str, Any]]] = {
    "vertex.treeFit": {
        "conf_level": ("confidenceLevel", 0.001),
        "massConstraint": ("massConstraintList", ()),
        "ipConstraint": ("ipConstraint", False),
        "updateAllDaughters": ("updateAllDaughters", False),
        "massConstraintDecayString": ("massConstraintDecayString", ""),
        "massConstraintMassValues": ("massConstraintMassValues", ()),
        "customOriginConstraint": ("customOriginConstraint", False),
        "customOriginVertex": ("customOriginVertex", (0.001, 0, 0.0116)),
        "customOriginCovariance": ("customOriginCovariance", (0.0048, 0, 0, 0, 0.003567, 0, 0, 0, 0.04)),
        "originDimension": ("originDimension", 3),
        "treatAsInvisible": ("treatAsInvisible", ""),
        "ignoreFromVertexFit": ("ignoreFromVertexFit", ""),
    },
    "vertex.kFit": {
        "conf_level": ("confidenceLevel", 0.0),
        "fit_type": ("fitType", "vertex"),
        "constraint": ("withConstraint", ""),
        "daughtersUpdate": ("updateDaughters", False),
        "decay_string": ("decayString", ""),
        "massConstraint": ("massConstraintList", ()),
        "recoilMass": ("recoilMass", 0),
        "smearing": ("smearing", 0),
    },
    RANKS["lowest"]: _RANK,
    RANKS["highest"]: _RANK,
}
_ALWAYS = {"vertex.kFit": ("conf_level",)}  # basf2 has no default for it


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a function on a list.

    Parameters
    ----------
    function : str
        Such as ``vertex.treeFit``.
    options : tuple
        Pairs of name and value, without those that have basf2's default.
    """

    function: str
    options: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, function: str, given: Mapping[str, Any]) -> Step:
        """Make one with the options in the order of the function's parameters."""
        always = _ALWAYS.get(function, ())
        known = _OPTIONS[function].items()
        values = {name: given.get(name, default) for name, (_, default) in known}
        kept = tuple((name, values[name]) for name, (_, default) in known if name in always or values[name] != default)
        return cls(function, kept)

    def __str__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options)
        return f"{self.function.rpartition('.')[2]}({options})"


def read_step(given: Any, kinds: Mapping[str, str], what: str, add: Callable[[str, str], None]) -> Step | None:
    """Read a fit or rank as a user gives it: its kind, or a mapping of ``kind`` and options.

    Parameters
    ----------
    add : callable
        Is told what is wrong, and what to do about it.
    """
    if given is None or isinstance(given, Step):
        return given
    if not isinstance(given, str | Mapping):
        add(f"{what} is of type {type(given).__name__}", f"give its kind, or a dictionary with {_kinds(kinds)}")
        return None
    options: dict[Any, Any] = {"kind": given} if isinstance(given, str) else dict(given)
    kind = options.pop("kind", "")
    function = kinds.get(kind.removesuffix("Fit")) if isinstance(kind, str) else None
    if function is None:
        add(f"{what} is of the kind {printable(str(kind)[:40])!r}", f"there is {_kinds(kinds)}")
        return None
    wrong = [said for name, value in options.items() for said in _wrong(function, name, value)]
    missing = [name for name, (_, default) in _OPTIONS[function].items() if default is ... and name not in options]
    wrong += [(f"{what} has no {name}", f"add '{name}': …") for name in missing]
    for said, hint in wrong:
        add(said, hint)
    return None if wrong else Step.of(function, {name: _frozen(value) for name, value in options.items()})


def _kinds(kinds: Mapping[str, str]) -> str:
    return " or ".join(f"kind '{kind}' ({function})" for kind, function in kinds.items())


def _wrong(function: str, name: Any, value: Any) -> list[tuple[str, str]]:
    known = _OPTIONS[function]
    if name not in known:
        near = nearest(str(name), known)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it takes {', '.join(known)}"
        return [(f"{function} has no option {printable(str(name)[:40])!r}", hint)]
    if not _is_plain(value):
        said = f"the option {name} of {function} is of type {type(value).__name__}"
        return [(said, "give a text, a number, True or False, or a list of these")]
    return []


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    # nan and inf have no literal in Python
    return isinstance(value, bool | int | str) or (isinstance(value, float) and abs(value) < float("inf"))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


def recorded_step(function: str, params: Mapping[str, Any]) -> Step:
    """The step that a recorded module is: its parameters, as options of the function."""
    named = {name: _frozen(params[own]) for name, (own, _) in _OPTIONS[function].items() if own in params}
    return Step.of(function, named)
