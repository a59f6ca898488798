"""Combining particles, matching them with the truth."""

from b2grid.steering.standin.build import step as _step


def _combiner(decayString, cut, dmID, writeOut, path, candidate_limit, **params):
    if candidate_limit is not None:
        params["maximumNumberOfCandidates"] = candidate_limit
    _step(
        path,
        "ParticleCombiner",
        "ParticleCombiner_" + decayString,
        decayString=decayString,
        cut=cut,
        decayMode=dmID,
        writeOut=writeOut,
        **params,
    )


def reconstructDecay(
    decayString,
    cut,
    dmID=0,
    writeOut=False,
    path=None,
    candidate_limit=None,
    ignoreIfTooManyCandidates=True,
    chargeConjugation=True,
    allowChargeViolation=False,
):
    """Combine daughters into candidates that pass a cut."""
    _combiner(
        decayString,
        cut,
        dmID,
        writeOut,
        path,
        candidate_limit,
        ignoreIfTooManyCandidates=ignoreIfTooManyCandidates,
        chargeConjugation=chargeConjugation,
        allowChargeViolation=allowChargeViolation,
    )


def reconstructRecoil(
    decayString, cut, dmID=0, writeOut=False, path=None, candidate_limit=None, allowChargeViolation=False
):
    """Make what recoils against the daughters."""
    _combiner(
        decayString,
        cut,
        dmID,
        writeOut,
        path,
        candidate_limit,
        recoilParticleType=1,
        allowChargeViolation=allowChargeViolation,
    )


def reconstructRecoilDaughter(
    decayString, cut, dmID=0, writeOut=False, path=None, candidate_limit=None, allowChargeViolation=False
):
    """Make what is left of the first daughter without the others."""
    _combiner(
        decayString,
        cut,
        dmID,
        writeOut,
        path,
        candidate_limit,
        recoilParticleType=2,
        allowChargeViolation=allowChargeViolation,
    )


def reconstructMCDecay(decayString, cut, dmID=0, writeOut=False, path=None, chargeConjugation=True):
    """Find decays among generated particles."""
    _step(
        path,
        "ParticleCombinerFromMC",
        "ParticleCombinerFromMC_" + decayString,
        decayString=decayString,
        cut=cut,
        decayMode=dmID,
        writeOut=writeOut,
        chargeConjugation=chargeConjugation,
    )


def findMCDecay(list_name, decay, writeOut=False, appendAllDaughters=False, skipNonPrimaryDaughters=True, path=None):
    """Find a decay chain among generated particles."""
    _step(
        path,
        "MCDecayFinder",
        "MCDecayFinder_" + list_name,
        listName=list_name,
        decayString=decay,
        appendAllDaughters=appendAllDaughters,
        skipNonPrimaryDaughters=skipNonPrimaryDaughters,
        writeOut=writeOut,
    )


def combineAllParticles(inputParticleLists, outputList, cut="", writeOut=False, path=None):
    """Combine all particles of lists into one."""
    _step(
        path,
        "AllParticleCombiner",
        "AllParticleCombiner_" + outputList,
        inputListNames=inputParticleLists,
        outputListName=outputList,
        cut=cut,
        writeOut=writeOut,
    )


def reconstructMissingKlongDecayExpert(decayString, cut, dmID=0, writeOut=False, path=None, recoList="_reco"):
    """Make candidates with a K_L0 whose momentum is calculated."""
    _step(
        path,
        "KlongMomentumCalculatorExpert",
        "KlongMomentumCalculatorExpert_" + decayString,
        decayString=decayString,
        writeOut=writeOut,
        recoList=recoList,
    )
    _step(
        path,
        "KlongDecayReconstructorExpert",
        "KlongDecayReconstructorExpert_" + decayString,
        decayString=decayString,
        cut=cut,
        decayMode=dmID,
        writeOut=writeOut,
        recoList=recoList,
    )


def updateKlongKinematicsExpert(particleList, writeOut=False, path=None):
    """Calculate K_L0 momenta again."""
    _step(
        path,
        "KlongMomentumUpdaterExpert",
        "KlongMomentumUpdaterExpert_" + particleList,
        listName=particleList,
        writeOut=writeOut,
    )


def reconstructDecayWithNeutralHadron(
    decayString, cut, allowGamma=False, allowAnyParticleSource=False, path=None, **kwargs
):
    """Combine with a neutral hadron whose momentum is calculated."""
    reconstructDecay(decayString, cut, path=path, **kwargs)
    _step(
        path,
        "NeutralHadron4MomentumCalculator",
        "NeutralHadron4MomentumCalculator_" + decayString,
        decayString=decayString,
        allowGamma=allowGamma,
        allowAnyParticleSource=allowAnyParticleSource,
    )


def addInclusiveDstarReconstruction(decayString, slowPionCut, DstarCut, path):
    """Make D* candidates from slow pions."""
    _step(
        path,
        "InclusiveDstarReconstruction",
        "InclusiveDstarReconstruction_" + decayString,
        decayString=decayString,
        slowPionCut=slowPionCut,
        DstarCut=DstarCut,
    )


def inclusiveBtagReconstruction(upsilon_list_name, bsig_list_name, btag_list_name, input_lists_names, path):
    """Make the other B from all particles that are left."""
    _step(
        path,
        "InclusiveBtagReconstruction",
        "InclusiveBtagReconstruction_" + bsig_list_name,
        upsilonListName=upsilon_list_name,
        bsigListName=bsig_list_name,
        btagListName=btag_list_name,
        inputListsNames=input_lists_names,
    )


def correctBrems(
    outputList,
    inputList,
    gammaList,
    maximumAcceptance=3.0,
    multiplePhotons=False,
    usePhotonOnlyOnce=True,
    writeOut=False,
    path=None,
):
    """Add Bremsstrahlung photons to electrons."""
    _step(
        path,
        "BremsFinder",
        "BremsCorrection_" + outputList,
        inputList=inputList,
        outputList=outputList,
        gammaList=gammaList,
        maximumAcceptance=maximumAcceptance,
        multiplePhotons=multiplePhotons,
        usePhotonOnlyOnce=usePhotonOnlyOnce,
        writeOut=writeOut,
    )


def correctBremsBelle(
    outputListName,
    inputListName,
    gammaListName,
    multiplePhotons=True,
    angleThreshold=0.05,
    usePhotonOnlyOnce=False,
    writeOut=False,
    path=None,
):
    """Add Bremsstrahlung photons to electrons, as Belle did."""
    _step(
        path,
        "BelleBremRecovery",
        "BelleBremRecovery_" + outputListName,
        inputListName=inputListName,
        outputListName=outputListName,
        gammaListName=gammaListName,
        multiplePhotons=multiplePhotons,
        angleThreshold=angleThreshold,
        usePhotonOnlyOnce=usePhotonOnlyOnce,
        writeOut=writeOut,
    )


def matchMCTruth(list_name, path):
    """Match candidates with generated particles."""
    _step(path, "MCMatcherParticles", "MCMatch_" + list_name, listName=list_name)


def matchTagTruth(list_name, path):
    """Match tag candidates with generated particles."""
    _step(path, "MCMatcherParticles", "TagMCMatch_" + list_name, listName=list_name, ccbarTagMatching=True)


def looseMCTruth(list_name, path):
    """Match candidates with the mother of most of their daughters."""
    _step(path, "MCMatcherParticles", "LooseMCMatch_" + list_name, listName=list_name, looseMCMatching=True)


def calculateDistance(list_name, decay_string, mode="vertextrack", path=None):
    """Calculate distances between vertices and tracks."""
    _step(
        path,
        "DistanceCalculator",
        "DistanceCalculator_" + list_name,
        listName=list_name,
        decayString=decay_string,
        mode=mode,
    )


def twoBodyISRPhotonCorrector(outputListName, inputListName, massiveParticle, path=None):
    """Set photon energies from two-body kinematics."""
    from b2grid.steering.standin.opaque import opaque_step

    opaque_step(
        "modularAnalysis.twoBodyISRPhotonCorrector",
        [path],
        {
            "outputListName": outputListName,
            "inputListName": inputListName,
            "massiveParticle": str(massiveParticle),
        },
    )
