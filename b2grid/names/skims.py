"""Analysis skims: names, codes, working groups, and which are produced together.

The table is basf2's own registry of its main branch of February 2026. Which skims a combined one holds is public
for those of the performance group alone, whose classes say so; a catalogue can say it of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Skim", "skims"]

# combined skim -> its parts, from the classes of skim.WGs.systematics
_COMBINED = {
    "SystematicsCombinedHadronic": (
        *("SystematicsKshort", "SystematicsDstar", "SystematicsLambda", "SystematicsJpsi"),
    ),
    "SystematicsCombinedLowMulti": (
        *("SystematicsFourLeptonFromHLTFlag", "SystematicsRadMuMuFromHLTFlag", "SystematicsBhabha"),
        *("SystematicsPhiGamma", "TauThrust"),
    ),
}


@dataclass(frozen=True, slots=True)
class Skim:
    """A skim of basf2.

    Parameters
    ----------
    name : str
        Of its class.
    code : str
        Eight digits, as in the paths of datasets.
    group : str
        The module of ``skim.WGs`` that has it: its working group.
    combined : str or None
        The code of the combined skim that holds it too, where that is known.
    """

    name: str
    code: str
    group: str
    combined: str | None = None

    @property
    def flag(self) -> str:
        """The variable that says whether an event passes it.

        >>> Skim("TDCPV_ccs", "13160200", "tdcpv").flag
        'eventExtraInfo(passes_TDCPV_ccs)'
        """
        return f"eventExtraInfo(passes_{self.name})"


@cache
def skims() -> tuple[Skim, ...]:
    """The skims of basf2's registry, by name.

    >>> [(skim.name, skim.group) for skim in skims() if skim.code == "13160200"]
    [('TDCPV_ccs', 'tdcpv')]
    """
    lines = files("b2grid.names").joinpath("skims.tsv").read_text().splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    codes = {name: code for name, code, _ in rows}
    parents = {part: codes[whole] for whole, parts in _COMBINED.items() for part in parts}
    return tuple(Skim(name, code, group, parents.get(name)) for name, code, group in rows)
