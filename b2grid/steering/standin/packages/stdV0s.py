"""Stand-in for ``stdV0s``: standard lists of K_S0 and Lambda0, which need a vertex fitter."""

import modularAnalysis as _ma
import vertex as _vertex
from stdCharged import stdPi as _stdPi
from stdCharged import stdPr as _stdPr

from b2grid.steering.standin.opaque import opaque_step as _opaque_step


def _fit(name, fitter, update, path):
    if fitter == "TreeFit":
        _vertex.treeFit(name, conf_level=0.0, updateAllDaughters=update, path=path)
    elif fitter == "KFit":
        _vertex.kFit(name, conf_level=0.0, daughtersUpdate=update, path=path)
    elif fitter == "Rave":
        _vertex.raveFit(name, conf_level=0.0, daughtersUpdate=update, path=path, silence_warning=True)
    else:
        raise ValueError(f'"{fitter}" is not a vertex fitter; there are TreeFit, KFit, Rave')


def stdKshorts(
    prioritiseV0=True, fitter="TreeFit", path=None, updateAllDaughters=False, writeOut=False, addSuffix=False
):
    """Fill the list ``K_S0:merged`` from V0s and pairs of pions."""
    suffix = f"_{fitter}" if addSuffix else ""
    v0, pairs = f"K_S0:V0_ToFit{suffix}", f"K_S0:RD{suffix}"
    _ma.fillParticleList("K_S0:V0 -> pi+ pi-", "", writeOut, path=path)
    _ma.cutAndCopyList(v0, "K_S0:V0", "0.3 < M < 0.7", writeOut, path=path)
    _fit(v0, fitter, updateAllDaughters, path)
    _ma.applyCuts(v0, "0.450 < M < 0.550", path=path)
    _stdPi("all", path=path)
    _ma.reconstructDecay(f"{pairs} -> pi+:all pi-:all", "0.3 < M < 0.7", 1, writeOut, path=path)
    _fit(pairs, fitter, updateAllDaughters, path)
    _ma.applyCuts(pairs, "0.450 < M < 0.550", path=path)
    _ma.mergeListsWithBestDuplicate(
        f"K_S0:merged{suffix}",
        [v0, pairs],
        variable="particleSource",
        preferLowest=prioritiseV0,
        writeOut=writeOut,
        path=path,
    )


def stdLambdas(
    prioritiseV0=True, fitter="TreeFit", path=None, updateAllDaughters=False, writeOut=False, addSuffix=False
):
    """Fill the list ``Lambda0:merged`` from V0s and pairs of protons and pions."""
    suffix = f"_{fitter}" if addSuffix else ""
    v0, pairs = f"Lambda0:V0_ToFit{suffix}", f"Lambda0:RD{suffix}"
    _ma.fillParticleList("Lambda0:V0 -> p+ pi-", "", writeOut, path=path)
    _ma.cutAndCopyList(v0, "Lambda0:V0", "0.9 < M < 1.3", writeOut, path=path)
    _stdPr("all", path=path)
    _stdPi("all", path=path)
    _ma.reconstructDecay(f"{pairs} -> p+:all pi-:all", "0.9 < M < 1.3", 1, writeOut, path=path)
    for name in (v0, pairs):
        _fit(name, fitter, updateAllDaughters, path)
        _ma.applyCuts(name, "1.10 < M < 1.13", path=path)
        _ma.markDuplicate(name, prioritiseV0, path)
        _ma.applyCuts(name, "extraInfo(highQualityVertex)", path=path)
    _ma.mergeListsWithBestDuplicate(
        f"Lambda0:merged{suffix}",
        [v0, pairs],
        variable="particleSource",
        preferLowest=prioritiseV0,
        writeOut=writeOut,
        path=path,
    )


def scaleErrorKshorts(
    prioritiseV0=True,
    fitter="TreeFit",
    scaleFactors_V0=None,
    scaleFactorsNoPXD_V0=None,
    d0Resolution_V0=None,
    z0Resolution_V0=None,
    d0MomThr_V0=None,
    z0MomThr_V0=None,
    scaleFactors_RD=None,
    scaleFactorsNoPXD_RD=None,
    d0Resolution_RD=None,
    z0Resolution_RD=None,
    d0MomThr_RD=None,
    z0MomThr_RD=None,
    addSuffix=False,
    path=None,
):
    """Fill K_S0 with scaled track errors."""
    _opaque_step("stdV0s.scaleErrorKshorts", [path], {"fitter": fitter})


def goodBelleKshort(path):
    """Fill good K_S0 of Belle."""
    _ma.fillParticleList("K_S0:legacyGoodKS -> pi+ pi-", "0.468 < M < 0.528 and goodBelleKshort == 1", path=path)
