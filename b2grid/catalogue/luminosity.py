"""Integrated luminosity: the official value of a collection, and what a set of runs adds up to.

The luminosity of a run is that of its collisions. Simulation has the official value of its collection, where there is
one, and no sum over runs; of signal simulation the number of generated events is what counts, and the branching
fraction that it was made for.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from b2grid.catalogue.runs import RunChoice, run_keys
from b2grid.html import tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from b2grid.catalogue.runs import Runs
    from b2grid.catalogue.store import Catalogue

__all__ = ["Luminosity", "luminosity_of", "of_keys", "of_runs"]

_HELD = """
    SELECT DISTINCT r.experiment AS experiment, r.run AS run
    FROM (SELECT unnest(runs) AS r FROM named) ORDER BY ALL
"""
_SILENT = """
    SELECT count(*) AS n FROM named WHERE coalesce(len(runs), 0) = 0 AND events IS DISTINCT FROM 0
"""
_SIMULATED = """
    SELECT CASE WHEN count(generated) = count(*) THEN sum(generated)::BIGINT END AS generated,
        CASE WHEN count(branching_fraction) = count(*) AND count(DISTINCT branching_fraction) = 1
             THEN any_value(branching_fraction) END AS branching_fraction
    FROM datasets WHERE dataset IN (SELECT unnest(?::VARCHAR[]))
"""


@dataclass(frozen=True, slots=True)
class Luminosity:
    """An integrated luminosity in inverse femtobarn, and where it comes from.

    `official` is the value that the collaboration released for the collection, which is the one to cite;
    `runs` is the sum over the runs that were asked for, of those that the collection holds: its good ones unless it
    is said otherwise. Either is `None` where it is not known; of the sum over runs `unknown` says why. Signal
    simulation has none, and says how many events were generated, with which branching fraction, where the catalogue
    knows.

    >>> print(Luminosity(official=8.609, runs=8.6))
    8.609 /fb (official); 8.6 /fb in its good runs
    >>> print(Luminosity(official=8.609, unknown="2 of 90 have no luminosity"))
    8.609 /fb (official); not known in its good runs: 2 of 90 have no luminosity
    >>> print(Luminosity(generated=2_000_000, branching_fraction=6.6e-5))
    2,000,000 generated events of a branching fraction of 6.6e-05
    """

    official: float | None = None
    official_error: float | None = None
    runs: float | None = None
    runs_error: float | None = None
    generated: int | None = None
    branching_fraction: float | None = None
    which: str = "its good runs"
    unknown: str = ""

    @property
    def value(self) -> float | None:
        """The official value, or else the sum over runs."""
        return self.official if self.official is not None else self.runs

    @property
    def error(self) -> float | None:
        """The uncertainty of `value`, where it is known."""
        return self.official_error if self.official is not None else self.runs_error

    def __str__(self) -> str:
        parts = []
        if self.official is not None:
            parts.append(f"{_with_error(self.official, self.official_error)} /fb (official)")
        if self.runs is not None:
            parts.append(f"{_with_error(self.runs, self.runs_error)} /fb in {self.which}")
        elif self.unknown:
            parts.append(f"not known in {self.which}: {self.unknown}")
        if self.generated is not None:
            fraction = self.branching_fraction
            of = "" if fraction is None else f" of a branching fraction of {fraction:.4g}"
            parts.append(f"{self.generated:,} generated events{of}")
        return "; ".join(parts) or "not known; of signal cite the number of generated events"

    def _repr_html_(self) -> str:
        return str(tag("span", self))


def _with_error(value: float, error: float | None) -> str:
    return f"{value:.6g}" if error is None else f"{value:.6g} ± {error:.2g}"


def of_runs(values: Iterable[tuple[float | None, float | None]]) -> tuple[float | None, float | None]:
    """The sum of runs, from inverse picobarn to inverse femtobarn.

    The uncertainty of a luminosity is systematic, so those of runs add up linearly. A run without a value
    makes the sum unknown; so does a lack of runs.

    Parameters
    ----------
    values : iterable of (float or None, float or None)
        Luminosity and uncertainty of each run in 1/pb.

    >>> of_runs([(500.0, 5.0), (1500.0, 15.0)])
    (2.0, 0.02)
    """
    pairs = list(values)
    known = [value for value, _ in pairs if value is not None]
    errors = [error for _, error in pairs if error is not None]
    if not pairs or len(known) < len(pairs):
        return None, None
    return fsum(known) / 1000, fsum(errors) / 1000 if len(errors) == len(pairs) else None


def of_keys(keys: NDArray[np.int64], known: pa.Table) -> tuple[float | None, float | None]:
    """The sum over runs by their `run_keys`, each counted once; unknown if the luminosity of one is.

    Parameters
    ----------
    known : pyarrow.Table
        As the schema `RUNS`.
    """
    wanted = np.unique(keys)
    chosen = known.filter(pa.array(np.isin(run_keys(known["experiment"].to_numpy(), known["run"].to_numpy()), wanted)))
    if len(chosen) < len(wanted):
        return None, None
    columns: list[list[Any]] = [chosen[name].to_pylist() for name in ("luminosity", "luminosity_error")]
    return of_runs(zip(*columns, strict=True))


def luminosity_of(catalogue: Catalogue, row: dict[str, Any], runs: Runs = "good") -> Luminosity:
    """The luminosity of a collection, and of some of its runs.

    Parameters
    ----------
    row : dict
        Of the table of collections.
    runs : "good", "all", mapping, or list of (experiment, run)
        As in `resolve`. Named runs that the collection does not hold add nothing.
    """
    choice = RunChoice.of(runs)
    official = (row["int_luminosity"], row["int_luminosity_error"])
    datasets = row["datasets"]
    if row["data_type"] == "mc":
        facts: Any = catalogue.arrow(_SIMULATED, [datasets]).to_pylist()[0]
        return Luminosity(*official, generated=facts["generated"], branching_fraction=facts["branching_fraction"])
    held = catalogue.over_files(datasets, _HELD)
    keys = run_keys(held["experiment"].to_numpy(), held["run"].to_numpy())
    known = catalogue.runs()
    chosen = keys[choice.good(keys, known)]
    unknown = _unknown(chosen, known, catalogue.over_files(datasets, _SILENT)["n"][0].as_py())
    sums = (None, None) if unknown else of_keys(chosen, known)
    words = {"good": "its good runs", "all": "all its runs"}
    which = words.get(choice.kind, "the runs that were asked for")
    return Luminosity(*official, *sums, which=which, unknown=unknown)


def _unknown(keys: NDArray[np.int64], known: pa.Table, silent: int) -> str:
    """Why runs have no sum of luminosities, if they have none."""
    if silent:
        return f"{silent:,} file{'s do' if silent > 1 else ' does'} not say which runs are inside"
    with_one = known.filter(known["luminosity"].is_valid())
    stated = np.isin(keys, run_keys(with_one["experiment"].to_numpy(), with_one["run"].to_numpy()))
    if not len(keys):
        return "it holds none of them"
    missing = len(keys) - int(stated.sum())
    return f"{missing:,} of {len(keys):,} {'has' if missing == 1 else 'have'} no luminosity" if missing else ""
