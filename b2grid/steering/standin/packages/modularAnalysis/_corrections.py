"""Corrections, systematics and trained classifiers: all need payloads of the conditions database."""

from b2grid.steering.standin.build import step as _step
from b2grid.steering.standin.opaque import opaque_step as _opaque_step


def scaleTrackMomenta(inputListNames, scale=float("nan"), payloadName="", scalingFactorName="SF", path=None):
    """Scale the momenta of tracks."""
    _step(
        path,
        "TrackingMomentumScaleFactors",
        particleLists=inputListNames,
        scale=scale,
        payloadName=payloadName,
        scalingFactorName=scalingFactorName,
    )


def smearTrackMomenta(inputListNames, payloadName="", smearingFactorName="smear", path=None):
    """Smear the momenta of tracks."""
    _step(
        path,
        "TrackingMomentumScaleFactors",
        particleLists=inputListNames,
        payloadName=payloadName,
        smearingFactorName=smearingFactorName,
    )


def correctTrackEnergy(inputListNames, correction=float("nan"), payloadName="", correctionName="SF", path=None):
    """Correct the energy loss of tracks."""
    _step(
        path,
        "TrackingEnergyLossCorrection",
        particleLists=inputListNames,
        correction=correction,
        payloadName=payloadName,
        correctionName=correctionName,
    )


def correctEnergyBias(inputListNames, tableName, path=None):
    """Correct photon energies."""
    _step(path, "EnergyBiasCorrection", particleLists=inputListNames, tableName=tableName)


def addPhotonEfficiencyRatioVariables(inputListNames, tableName, path=None):
    """Add photon efficiency corrections."""
    _step(path, "PhotonEfficiencySystematics", particleLists=inputListNames, tableName=tableName)


def addPi0VetoEfficiencySystematics(
    particleList, decayString, tableName, threshold, mode="standard", suffix="", path=None
):
    """Add corrections of the pi0 veto."""
    _step(
        path,
        "Pi0VetoEfficiencySystematics",
        particleLists=particleList,
        decayString=decayString,
        tableName=tableName,
        threshold=threshold,
        mode=mode,
        suffix=suffix,
    )


def removeTracksForTrackingEfficiencyCalculation(inputListNames, fraction, path=None):
    """Drop a fraction of the tracks."""
    _step(path, "TrackingEfficiency", particleLists=inputListNames, frac=fraction)


def scaleError(
    outputListName,
    inputListName,
    scaleFactors=(1.149631, 1.085547, 1.151704, 1.096434, 1.086659),
    scaleFactorsNoPXD=(1.149631, 1.085547, 1.151704, 1.096434, 1.086659),
    d0Resolution=(0.00115328, 0.00134704),
    z0Resolution=(0.00124327, 0.0013272),
    d0MomThr=0.5,
    z0MomThr=0.5,
    path=None,
):
    """Scale the errors of track parameters."""
    _opaque_step(
        "modularAnalysis.scaleError",
        [path],
        {"outputListName": outputListName, "inputListName": inputListName},
    )


def applyChargedPidMVA(particleLists, path, trainingMode, chargeIndependent=False, binaryHypoPDGCodes=(0, 0)):
    """Identify charged particles by a classifier."""
    _opaque_step("modularAnalysis.applyChargedPidMVA", [path], {"particleLists": list(particleLists)})


def calculateTrackIsolation(
    decay_string,
    path,
    *detectors,
    reference_list_name=None,
    vars_for_nearest_part=(),
    highest_prob_mass_for_ext=True,
    exclude_pid_det_weights=False,
):
    """Calculate how isolated tracks are."""
    _opaque_step(
        "modularAnalysis.calculateTrackIsolation",
        [path],
        {"decay_string": decay_string, "detectors": list(detectors)},
    )
    return {}


def getBeamBackgroundProbability(particleList, weight, path=None):
    """Give the probability that a cluster is from beam background."""
    _step(
        path,
        "MVAExpert",
        listNames=particleList,
        extraInfoName="beamBackgroundSuppression",
        identifier=f"BeamBackgroundMVA_{weight}",
    )


def getFakePhotonProbability(particleList, weight, path=None):
    """Give the probability that a photon is a fake."""
    _step(
        path,
        "MVAExpert",
        listNames=particleList,
        extraInfoName="fakePhotonSuppression",
        identifier=f"FakePhotonMVA_{weight}",
    )


def getECLKLID(particleList, variable="ECLKLID", path=None):
    """Give the probability that a cluster is a K_L0."""
    _opaque_step("modularAnalysis.getECLKLID", [path], {"particleList": particleList, "variable": variable})


def getNbarIDMVA(particleList, path=None):
    """Give the probability that a cluster is an antineutron."""
    _opaque_step("modularAnalysis.getNbarIDMVA", [path], {"particleList": particleList})


def getNeutralHadronGeomMatches(
    particleLists,
    addKL=True,
    addNeutrons=False,
    efficiencyCorrectionKl=0.83,
    efficiencyCorrectionNeutrons=1.0,
    path=None,
):
    """Match clusters with generated neutral hadrons by direction."""
    for wanted, code, efficiency in (
        (addKL, 130, efficiencyCorrectionKl),
        (addNeutrons, 2112, efficiencyCorrectionNeutrons),
    ):
        if wanted:
            _step(
                path,
                "NeutralHadronMatcher",
                particleLists=particleLists,
                mcPDGcode=code,
                efficiencyCorrection=efficiency,
            )


def lowEnergyPi0Identification(pi0List, gammaList, payloadNameSuffix, path=None):
    """Identify pi0 of low energy by a classifier."""
    _opaque_step("modularAnalysis.lowEnergyPi0Identification", [path], {"pi0List": pi0List, "gammaList": gammaList})
