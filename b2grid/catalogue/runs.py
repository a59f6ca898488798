"""Good-run selection: which runs to use.

Good ones, all of them, named ones, or good ones with those that are bad only for a reason that does not matter to
the analysis. A run may be bad for several reasons, which a semicolon separates in the table of runs.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from b2grid.errors import InvalidInput, nearest, printable

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["RunChoice", "Runs", "plain_runs", "run_keys"]

#: "good", "all", {"allow": reasons}, {"exclude": reasons}, the path of a list, or runs as (experiment, run).
Runs = str | Path | Mapping[str, Any] | Iterable[tuple[int, int]]

Kind = Literal["good", "all", "allow", "exclude", "named"]

_LINE = re.compile(r"\s*(\d+)[\s,:;/]+(\d+)\s*(?:#.*)?")
_LIMIT = 2**31
_FORMS = (
    'use "good", "all", {"allow": ["no muon*"]}, {"exclude": […]}, a list of (experiment, run), or the path of a text'
)


def _none() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


def run_keys(experiments: Any, runs: Any) -> NDArray[np.int64]:
    """One number per run, which sorts as experiment and run do: the experiment is in its upper half.

    >>> run_keys([18, 18], [3, 1]).tolist() == [18 * 2**32 + 3, 18 * 2**32 + 1]
    True
    """
    keys: NDArray[np.int64] = (np.asarray(experiments, np.int64) << 32) | np.asarray(runs, np.int64)
    return keys


@dataclass(frozen=True, slots=True)
class RunChoice:
    """Which runs to use, as it was asked for.

    Parameters
    ----------
    kind : {"good", "all", "allow", "exclude", "named"}
    reasons : tuple of str
        Patterns of reasons: for "allow" those that do not matter, for "exclude" the only ones that matter.
    keys : numpy.ndarray
        The runs that were named, as `run_keys`, sorted.
    """

    kind: Kind = "good"
    reasons: tuple[str, ...] = ()
    keys: NDArray[np.int64] = field(default_factory=_none, repr=False, compare=False)

    @classmethod
    def of(cls, runs: Runs) -> RunChoice:
        """What somebody typed.

        A text may be ``allow=REASON`` or ``exclude=REASON`` too, with further reasons after semicolons, as on a
        command line.

        >>> RunChoice.of("allow=no muon*; KLM*") == RunChoice.of({"allow": ["no muon*", "KLM*"]})
        True
        >>> RunChoice.of([(18, 3), (18, 1)]).kind
        'named'

        Raises
        ------
        InvalidInput
            If it is none of the forms, or a list that cannot be read.
        """
        if isinstance(runs, str):
            word, equals, rest = runs.partition("=")
            if runs in {"good", "all"}:
                return cls("good" if runs == "good" else "all")
            if equals and word in {"allow", "exclude"}:
                return cls._of_reasons({word: rest.split(";")})
        if isinstance(runs, (str, Path)):
            return cls("named", keys=_read(Path(runs)))
        if isinstance(runs, Mapping):
            return cls._of_reasons(runs)
        return cls("named", keys=_sorted_keys(_pairs(runs)))

    @classmethod
    def _of_reasons(cls, given: Mapping[str, Any]) -> RunChoice:
        if len(given) != 1 or (word := next(iter(given))) not in {"allow", "exclude"}:
            raise InvalidInput(f"runs cannot be {printable(dict(given))[:80]}", hint=_FORMS)
        value = given[word]
        listed = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
        if not all(isinstance(one, str) for one in listed):
            raise InvalidInput(f"runs: {word} is not a list of reasons", hint=_FORMS)
        reasons = tuple(one.strip() for one in listed if one.strip())
        if not reasons:
            raise InvalidInput(f"runs: {word} names no reason", hint='runs="good" leaves every bad run out')
        return cls("allow" if word == "allow" else "exclude", reasons)

    def good(self, keys: NDArray[np.int64], known: pa.Table) -> NDArray[np.bool_]:
        """Which of the runs are to be used.

        Parameters
        ----------
        keys : numpy.ndarray
            As `run_keys`.
        known : pyarrow.Table
            As the schema `RUNS`. A run that is not in it is good.

        Raises
        ------
        InvalidInput
            If no run is bad for one of the reasons; the reasons that there are are named.
        """
        if self.kind == "named":
            found: NDArray[np.bool_] = np.isin(keys, self.keys)
            return found
        if self.kind == "all":
            return np.ones(len(keys), bool)
        flags: NDArray[np.bool_] = ~known["good"].to_numpy()
        bad = known.filter(flags)
        if self.kind != "good":
            bad = bad.filter(_matter(self, bad["reason"].to_pylist()))
        left: NDArray[np.bool_] = ~np.isin(keys, run_keys(bad["experiment"].to_numpy(), bad["run"].to_numpy()))
        return left


def plain_runs(runs: Runs) -> str | dict[str, list[str]] | list[tuple[int, int]]:
    """A choice of runs as it is stored with a project: a word, the path of a list, reasons, or the runs themselves.

    >>> plain_runs("allow=no muon*"), plain_runs([(18, 3), (18, 1)])
    ({'allow': ['no muon*']}, [(18, 1), (18, 3)])

    Raises
    ------
    InvalidInput
        As `RunChoice.of`.
    """
    choice = RunChoice.of(runs)
    if choice.kind in {"allow", "exclude"}:
        return {choice.kind: list(choice.reasons)}
    if isinstance(runs, (str, Path)):
        return str(runs)
    return [(int(key) >> 32, int(key) & 0xFFFFFFFF) for key in choice.keys]


def _matter(choice: RunChoice, reasons: list[Any]) -> NDArray[np.bool_]:
    """Which of the bad runs stay bad, by the reasons of each; one that nobody gave a reason for always does."""
    parts = {reason: [part.strip() for part in reason.split(";")] for reason in set(reasons) if reason}
    known = sorted({part for each in parts.values() for part in each})
    lowered = {pattern: pattern.lower() for pattern in choice.reasons}
    matching = {part for part in known if any(fnmatchcase(part.lower(), low) for low in lowered.values())}
    for pattern, low in lowered.items():
        if not any(fnmatchcase(part.lower(), low) for part in known):
            raise _no_reason(pattern, known)
    if choice.kind == "allow":
        stays = {reason: not set(each) <= matching for reason, each in parts.items()}
    else:
        stays = {reason: bool(set(each) & matching) for reason, each in parts.items()}
    return np.array([stays.get(reason, True) for reason in reasons], bool)


def _no_reason(pattern: str, known: list[str]) -> InvalidInput:
    near = nearest(pattern, known) or [one for one in known if pattern.lower().strip("*") in one.lower()]
    shown = [f"'{printable(one)}'" for one in (near or known)[:5]]
    return InvalidInput(
        f"no run of the catalogue is bad because of '{printable(pattern)}'",
        hint=f"{'nearest' if near else 'the reasons are'}: {', '.join(shown)}" if shown else "it has no bad runs",
    )


def _pairs(runs: Any) -> list[tuple[int, int]]:
    if hasattr(runs, "to_pandas"):  # an Arrow table, as Catalogue.runs gives
        runs = runs.to_pandas()
    if {"experiment", "run"} <= set(getattr(runs, "columns", ())):  # a table, as Catalogue.sql gives
        runs = zip(runs["experiment"], runs["run"], strict=True)
    try:
        pairs = [(operator.index(experiment), operator.index(run)) for experiment, run in runs]
    except (TypeError, ValueError):
        raise InvalidInput("runs is not a list of (experiment, run)", hint=_FORMS) from None
    if not pairs:
        raise InvalidInput("runs names no run", hint='runs="good" takes the good ones')
    for pair in pairs:
        if not all(0 <= number < _LIMIT for number in pair):
            raise InvalidInput(f"there is no run {pair}", hint="experiment and run are numbers from 0 on")
    return pairs


def _sorted_keys(pairs: list[tuple[int, int]]) -> NDArray[np.int64]:
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return np.unique(run_keys(table[:, 0], table[:, 1]))


def _read(path: Path) -> NDArray[np.int64]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError) as error:  # not there, not text, or no path at all
        raise InvalidInput(
            f"runs is neither 'good' nor 'all', and not a file that can be read as text: {printable(path)}",
            hint="check the path; a list of runs has an experiment and a run per line",
        ) from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pair = _LINE.fullmatch(line)
        if pair is None or not all(int(digits) < _LIMIT for digits in pair.groups()):
            raise InvalidInput(
                f"{printable(path)}:{number}: not an experiment and a run: '{printable(line.strip())[:40]}'",
                hint="such as '18 1394'",
            )
        found.append((int(pair[1]), int(pair[2])))
    if not found:
        raise InvalidInput(
            f"{printable(path)} names no run", hint="a list of runs has an experiment and a run per line"
        )
    return _sorted_keys(found)
