"""Quantities of the whole event."""

from basf2 import B2INFO as _B2INFO
from basf2 import B2WARNING as _B2WARNING

from b2grid.steering.standin.build import step as _step
from b2grid.steering.standin.opaque import opaque_step as _opaque_step

_SPECIES = ["K+", "p+", "e+", "mu+", "pi+"]


def _cuts(custom_cuts):
    if custom_cuts is not None:
        return custom_cuts
    return (
        "pt > 0.1 and thetaInCDCAcceptance and abs(dz) < 3 and dr < 0.5",
        "E > 0.05 and thetaInCDCAcceptance and abs(clusterTiming) < 200",
    )


def buildEventKinematics(
    inputListNames=None,
    default_cleanup=True,
    custom_cuts=None,
    chargedPIDPriors=None,
    fillWithMostLikely=False,
    path=None,
):
    """Calculate visible and missing energy and momentum."""
    from stdCharged import stdMostLikely

    from modularAnalysis import applyCuts, fillParticleList

    lists = list(inputListNames or [])
    tracks, photons = _cuts(custom_cuts)
    if fillWithMostLikely:
        stdMostLikely(chargedPIDPriors, "_evtkin", path=path)
        charged = [f"{species}:mostlikely_evtkin" for species in _SPECIES]
    elif not lists:
        _B2INFO("Creating particle lists pi+:evtkin and gamma:evtkin to get the global kinematics of the event.")
        fillParticleList("pi+:evtkin", "", path=path)
        charged = ["pi+:evtkin"]
    if fillWithMostLikely or not lists:
        fillParticleList("gamma:evtkin", "", path=path)
        lists = [*charged, "gamma:evtkin"]
        if default_cleanup:
            _B2INFO("Using default cleanup in EventKinematics module.")
            for name in charged:
                applyCuts(name, tracks, path=path)
            applyCuts("gamma:evtkin", photons, path=path)
        else:
            _B2INFO("No cleanup in EventKinematics module.")
    _step(path, "EventKinematics", "EventKinematics_reco", particleLists=lists)


def buildEventKinematicsFromMC(inputListNames=None, selectionCut="", path=None):
    """Calculate visible and missing energy and momentum from generated particles."""
    from modularAnalysis import applyCuts, fillParticleListFromMC

    lists = list(inputListNames or [])
    if not lists:
        for kind in ["gamma", "e+", "mu+", "pi+", "K+", "p+", "K_S0", "Lambda0"]:
            name = f"{kind}:evtkin_default_gen"
            fillParticleListFromMC(name, "mcPrimary > 0 and nDaughters == 0", True, True, path=path)
            if selectionCut != "":
                applyCuts(name, selectionCut, path=path)
            lists.append(name)
    _step(path, "EventKinematics", "EventKinematics_gen", particleLists=lists, usingMC=True)


def buildEventShape(
    inputListNames=None,
    default_cleanup=True,
    custom_cuts=None,
    allMoments=False,
    cleoCones=True,
    collisionAxis=True,
    foxWolfram=True,
    harmonicMoments=True,
    jets=True,
    sphericity=True,
    thrust=True,
    checkForDuplicates=False,
    path=None,
):
    """Calculate thrust, Fox-Wolfram moments, sphericity and more."""
    from modularAnalysis import applyCuts, fillParticleList

    lists = list(inputListNames or [])
    if not lists:
        _B2INFO("Creating particle lists pi+:evtshape and gamma:evtshape to get the event shape variables.")
        lists = ["pi+:evtshape", "gamma:evtshape"]
        for name in lists:
            fillParticleList(name, "", path=path)
        if default_cleanup:
            for name, cut in zip(lists, _cuts(custom_cuts), strict=True):
                applyCuts(name, cut, path=path)
        else:
            _B2WARNING("Creating the default lists with no cleanup.")
    _step(
        path,
        "EventShapeCalculator",
        "EventShape",
        particleListNames=lists,
        enableAllMoments=allMoments,
        enableCleoCones=cleoCones,
        enableCollisionAxis=collisionAxis,
        enableFoxWolfram=foxWolfram,
        enableJets=jets,
        enableHarmonicMoments=harmonicMoments,
        enableSphericity=sphericity,
        enableThrust=thrust,
        checkForDuplicates=checkForDuplicates,
    )


def labelTauPairMC(printDecayInfo=False, path=None, TauolaBelle=False, mapping_minus=None, mapping_plus=None):
    """Label generated tau decays."""
    if TauolaBelle:
        _opaque_step("modularAnalysis.labelTauPairMC(TauolaBelle=True)", [path], {})
        return
    _step(path, "TauDecayMarker", "TauDecayMarker_", printDecayInfo=printDecayInfo)
