"""Stand-in for ``stdKlongs``: standard lists of K_L0."""

import modularAnalysis as _ma


def stdKlongs(listtype="allklm", path=None):
    """Fill a standard list of K_L0."""
    cuts = {"allklm": "isFromKLM > 0", "allecl": "isFromECL > 0"}
    if listtype not in cuts:
        raise ValueError(f'"{listtype}" is not a standard list of K_L0; there are {", ".join(cuts)}')
    _ma.fillParticleList(f"K_L0:{listtype}", cuts[listtype], path=path)
