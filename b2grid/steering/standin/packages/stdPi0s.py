"""Stand-in for ``stdPi0s``: standard lists of pi0."""

import modularAnalysis as _ma
import vertex as _vertex
from basf2 import B2WARNING as _B2WARNING
from stdPhotons import stdPhotons as _stdPhotons

_CUTS = {
    "eff10_May2020": "0.127 < InvM < 0.139 and abs(daughterDiffOf(0, 1, phi)) < 0.9 and daughterAngle(0, 1) < 0.8",
    "eff20_May2020": "0.121 < InvM < 0.142 and abs(daughterDiffOf(0, 1, phi)) < 1.0 and daughterAngle(0, 1) < 0.9",
    "eff30_May2020": "0.120 < InvM < 0.145 and abs(daughterDiffOf(0, 1, phi)) < 1.5 and daughterAngle(0, 1) < 1.4",
    "eff40_May2020": "0.120 < InvM < 0.145",
    "eff50_May2020": "0.105 < InvM < 0.150",
    "eff60_May2020": "InvM > 0.03",
}


def stdPi0s(
    listtype="eff60_May2020",
    path=None,
    beamBackgroundMVAWeight="",
    fakePhotonMVAWeight="",
    biasCorrectionTable="",
    writeOut=False,
):
    """Fill a standard list of pi0."""
    weights = (beamBackgroundMVAWeight, fakePhotonMVAWeight, biasCorrectionTable)
    base = listtype.removesuffix("_nomcmatch").removesuffix("Fit")
    if base != "all" and base not in _CUTS:
        raise ValueError(
            f'"{listtype}" is not a standard list of pi0; there are {", ".join(["all", *_CUTS])}, and the same with Fit'
        )
    if listtype.endswith("Fit"):
        stdPi0s(base, path, *weights, writeOut)
        _ma.copyList(f"pi0:{listtype}", f"pi0:{base}", writeOut, path)
        _vertex.kFit(f"pi0:{listtype}", 0.0, fit_type="mass", path=path)
        return
    _build(listtype, base, path, weights, writeOut)
    if base != "all":
        _B2WARNING("The standard pi0 lists are optimised for the releases of 2020; check them for your own.")


def _build(listtype, base, path, weights, writeOut):
    photons = "all" if base == "all" else f"pi0{base}"
    matched = not listtype.endswith("_nomcmatch")
    if matched and base in ("eff50_May2020", "eff60_May2020"):
        _build(f"{base}_nomcmatch", base, path, weights, writeOut)
        _ma.copyList(f"pi0:{listtype}", f"pi0:{base}_nomcmatch", writeOut, path)
    else:
        _stdPhotons(photons, path, *weights)
        _ma.reconstructDecay(
            f"pi0:{listtype} -> gamma:{photons} gamma:{photons}", _CUTS.get(base, ""), 1, writeOut, path
        )
    if matched:
        _ma.matchMCTruth(f"pi0:{listtype}", path)


def loadStdSkimPi0(path):
    """Fill the pi0 that skims use."""
    stdPi0s("eff50_May2020_nomcmatch", path)
    _ma.copyList("pi0:skim", "pi0:eff50_May2020_nomcmatch", False, path)


def loadStdSkimHighEffPi0(path):
    """Fill the pi0 of high efficiency that skims use."""
    stdPi0s("eff60_May2020_nomcmatch", path)
    _ma.copyList("pi0:skimHighEff", "pi0:eff60_May2020_nomcmatch", False, path)
