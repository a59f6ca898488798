"""The particle table: names, PDG codes, charges, masses, widths, spins and lifetimes.

The rows are those of EvtGen's ``evt.pdl`` with the PDG values of 2024, as basf2's main branch of February
2026 reads them. Masses changed between releases (a pion had 0.13957018 GeV in 2019), so `dM`, `dQ` and every
track's energy differ in the seventh digit from older releases.

Units: GeV for masses and widths, mm for `ctau`, e for charges.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from b2grid.errors import InvalidName, nearest, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CHARGED_STABLE", "FINAL_STATE", "ParticleType", "is_known", "particle", "particles"]

CHARGED_STABLE = (11, 13, 211, 321, 2212, 1000010020)
"""Codes of the track hypotheses e, mu, pi, K, p, d, in basf2's order: the mDST has arrays by their index."""

FINAL_STATE = (*CHARGED_STABLE, 22, 310, 130, 3122, 2112)
"""Codes of what is reserved as final state: the ``:all`` lists of these are protected (of both signs)."""


@dataclass(frozen=True, slots=True)
class ParticleType:
    """One row of the particle table.

    Parameters
    ----------
    name : str
        As typed in a decay string, such as ``K_S0`` or ``anti-B0``.
    pdg : int
        PDG code; of ``e-`` and ``mu-`` positive, of their antiparticles negative.
    antiname : str
        Name of the antiparticle; the particle's own where it is self-conjugate.
    charge : float
        In units of e (quarks have thirds).
    mass, width : float
        In GeV.
    spin : float
        In units of ħ.
    ctau : float
        Mean proper decay length in mm; 0 for what is stable or has a width.
    """

    name: str
    pdg: int
    antiname: str
    charge: float
    mass: float
    width: float
    spin: float
    ctau: float

    @property
    def self_conjugate(self) -> bool:
        """Whether no entry has the opposite code."""
        return self.antiname == self.name

    @property
    def anti(self) -> ParticleType:
        """The antiparticle, or the particle itself.

        >>> particle("D*+").anti.name
        'D*-'
        """
        return particle(self.antiname)


@cache
def particles() -> Mapping[str, ParticleType]:
    """The whole table by name, in the order of the file."""
    text = files("b2grid.physics").joinpath("particles.tsv").read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines()[1:], delimiter="\t")
    return {
        name: ParticleType(
            name, int(pdg), anti, round(float(charge) * 3) / 3, *(float(x) for x in (mass, width, spin, ctau))
        )
        for name, pdg, anti, _, charge, mass, width, spin, ctau in rows
    }


@cache
def _by_code() -> Mapping[int, ParticleType]:
    return {row.pdg: row for row in particles().values()}


def is_known(name_or_code: str | int) -> bool:
    """Whether the table has this name or PDG code.

    >>> is_known("K_S0"), is_known("Ks")
    (True, False)
    """
    return name_or_code in (particles() if isinstance(name_or_code, str) else _by_code())


def particle(name_or_code: str | int) -> ParticleType:
    """Look a particle up by its name or PDG code.

    Raises
    ------
    InvalidName
        If the table has no such entry; names that are close are given.

    Examples
    --------
    >>> particle("pi+").mass
    0.13957039
    >>> particle(-511).name
    'anti-B0'
    """
    if isinstance(name_or_code, str):
        found = particles().get(name_or_code)
        kind = "name"
    else:
        found = _by_code().get(int(name_or_code))
        kind = "PDG code"
    if found is None:
        near = nearest(str(name_or_code), particles())
        hint = f"did you mean {' or '.join(near)}?" if near else "b2grid.physics.particles() has the whole table"
        raise InvalidName(f"unknown particle {kind}: {printable(name_or_code)!r}", hint=hint)
    return found
