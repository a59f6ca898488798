"""Filling, copying, cutting and ranking particle lists."""

from b2grid.steering.standin.build import mother as _mother
from b2grid.steering.standin.build import step as _step
from b2grid.steering.standin.opaque import opaque_step as _opaque_step
from b2grid.steering.standin.path import Path as _Path


def copyList(outputListName, inputListName, writeOut=False, path=None):
    """Copy a list."""
    copyLists(outputListName, [inputListName], writeOut, path)


def copyLists(outputListName, inputListNames, writeOut=False, path=None):
    """Copy several lists into one."""
    _step(
        path,
        "ParticleListManipulator",
        "PListCopy_" + outputListName,
        outputListName=outputListName,
        inputListNames=inputListNames,
        writeOut=writeOut,
    )


def copyParticles(outputListName, inputListName, writeOut=False, path=None):
    """Copy a list with copies of its particles."""
    copyList(outputListName, inputListName, writeOut, path)
    _step(path, "ParticleCopier", inputListNames=[outputListName])


def cutAndCopyLists(outputListName, inputListNames, cut, writeOut=False, path=None):
    """Copy what passes a cut from several lists into one."""
    _step(
        path,
        "ParticleListManipulator",
        "PListCutAndCopy_" + outputListName,
        outputListName=outputListName,
        inputListNames=inputListNames,
        cut=cut,
        writeOut=writeOut,
    )


def cutAndCopyList(outputListName, inputListName, cut, writeOut=False, path=None):
    """Copy what passes a cut."""
    cutAndCopyLists(outputListName, [inputListName], cut, writeOut, path)


def mergeListsWithBestDuplicate(
    outputListName,
    inputListNames,
    variable,
    preferLowest=True,
    writeOut=False,
    ignoreMotherFlavor=False,
    path=None,
):
    """Merge lists, keeping the best of equal particles."""
    _step(
        path,
        "ParticleListManipulator",
        "PListMerger_" + outputListName,
        outputListName=outputListName,
        inputListNames=inputListNames,
        variable=variable,
        preferLowest=preferLowest,
        ignoreMotherFlavor=ignoreMotherFlavor,
        writeOut=writeOut,
    )


def _name_and_cut(decayString, cut, base, writeOut, path):
    """Copy what the loader has loaded under `base` to the list that was asked for, and cut it."""
    made = _mother(decayString)
    if made.label != base and base:
        copyList(made.list_name, f"{made.name}:{base}", writeOut, path)
    if cut != "":
        applyCuts(made.list_name, cut, path)


def _base(decayString):
    """The label under which the loader loads: V0s and kinks by daughters, neutrons by their own list."""
    made = _mother(decayString)
    if made.daughters:
        return "kink" if made.daughters == 1 else "V0"
    return "" if made.name in ("n0", "anti-n0") else "all"


def _fill(decayStringsWithCuts, writeOut, path, enforceFitHypothesis, loadPhotonsFromKLM, name):
    strings = [decayString for decayString, _ in decayStringsWithCuts]
    bases = [_base(decayString) for decayString in strings]
    _step(
        path,
        "ParticleLoader",
        "ParticleLoader_" + name,
        decayStrings=strings,
        writeOut=writeOut,
        enforceFitHypothesis=enforceFitHypothesis,
    )
    for (decayString, cut), base in zip(decayStringsWithCuts, bases, strict=True):
        _name_and_cut(decayString, cut, base, writeOut, path)
        if decayString.startswith("gamma") and not loadPhotonsFromKLM:
            applyCuts(_mother(decayString).list_name, "isFromECL", path)


def fillParticleLists(
    decayStringsWithCuts, writeOut=False, path=None, enforceFitHypothesis=False, loadPhotonsFromKLM=False
):
    """Fill lists with reconstructed particles that pass cuts."""
    _fill(decayStringsWithCuts, writeOut, path, enforceFitHypothesis, loadPhotonsFromKLM, "PLists")


def fillParticleList(decayString, cut, writeOut=False, path=None, enforceFitHypothesis=False, loadPhotonsFromKLM=False):
    """Fill a list with reconstructed particles that pass a cut."""
    _fill([(decayString, cut)], writeOut, path, enforceFitHypothesis, loadPhotonsFromKLM, decayString)


def fillParticleListWithTrackHypothesis(
    decayString, cut, hypothesis, writeOut=False, enforceFitHypothesis=False, path=None
):
    """Fill a list from tracks fitted under another hypothesis."""
    _mother(decayString)
    _step(
        path,
        "ParticleLoader",
        "ParticleLoader_" + decayString,
        decayStrings=[decayString],
        trackHypothesis=hypothesis,
        writeOut=writeOut,
        enforceFitHypothesis=enforceFitHypothesis,
    )
    _name_and_cut(decayString, cut, "all", writeOut, path)


def fillConvertedPhotonsList(decayString, cut, writeOut=False, path=None):
    """Fill a list with photons that were found as V0s."""
    _mother(decayString)
    _step(
        path,
        "ParticleLoader",
        "ParticleLoader_" + decayString,
        decayStrings=[decayString],
        addDaughters=True,
        writeOut=writeOut,
    )
    _name_and_cut(decayString, cut, "V0", writeOut, path)


def fillParticleListFromROE(
    decayString, cut, maskName="all", sourceParticleListName="", useMissing=False, writeOut=False, path=None
):
    """Fill a list with rests of events."""
    _mother(decayString)
    _step(
        path,
        "ParticleLoader",
        "ParticleLoader_" + decayString,
        decayStrings=[decayString],
        writeOut=writeOut,
        roeMaskName=maskName,
        useMissing=useMissing,
        sourceParticleListName=sourceParticleListName,
        useROEs=True,
    )
    _name_and_cut(decayString, cut, "ROE", writeOut, path)


def fillParticleListFromDummy(
    decayString, mdstIndex=0, covMatrix=10000.0, treatAsInvisible=True, writeOut=False, path=None
):
    """Fill a list with one particle that stands for something unseen."""
    _mother(decayString)
    _step(
        path,
        "ParticleLoader",
        "ParticleLoader_" + decayString,
        decayStrings=[decayString],
        useDummy=True,
        dummyMDSTIndex=mdstIndex,
        dummyCovMatrix=covMatrix,
        dummyTreatAsInvisible=treatAsInvisible,
        writeOut=writeOut,
    )
    _name_and_cut(decayString, "", "dummy", writeOut, path)


def _from_mc(decayStringsWithCuts, name, path, **params):
    strings = [decayString for decayString, _ in decayStringsWithCuts]
    for decayString in strings:
        _mother(decayString)
    _step(path, "ParticleLoader", "ParticleLoader_" + name, decayStrings=strings, useMCParticles=True, **params)
    for decayString, cut in decayStringsWithCuts:
        _name_and_cut(decayString, cut, "MC", params["writeOut"], path)


def fillParticleListFromMC(
    decayString,
    cut,
    addDaughters=False,
    skipNonPrimaryDaughters=False,
    writeOut=False,
    path=None,
    skipNonPrimary=False,
    skipInitial=True,
):
    """Fill a list with generated particles."""
    _from_mc(
        [(decayString, cut)],
        decayString,
        path,
        addDaughters=addDaughters,
        skipNonPrimaryDaughters=skipNonPrimaryDaughters,
        writeOut=writeOut,
        skipNonPrimary=skipNonPrimary,
        skipInitial=skipInitial,
    )


def fillParticleListsFromMC(
    decayStringsWithCuts,
    addDaughters=False,
    skipNonPrimaryDaughters=False,
    writeOut=False,
    path=None,
    skipNonPrimary=False,
    skipInitial=True,
):
    """Fill lists with generated particles."""
    _from_mc(
        decayStringsWithCuts,
        "PLists",
        path,
        addDaughters=addDaughters,
        skipNonPrimaryDaughters=skipNonPrimaryDaughters,
        writeOut=writeOut,
        skipNonPrimary=skipNonPrimary,
        skipInitial=skipInitial,
    )


def fillParticleListFromChargedCluster(
    outputParticleList, inputParticleList, cut, useOnlyMostEnergeticECLCluster=True, writeOut=False, path=None
):
    """Fill a list from clusters that belong to tracks."""
    _step(
        path,
        "ParticleLoader",
        "ParticleLoader_" + outputParticleList,
        decayStrings=[outputParticleList],
        sourceParticleListName=inputParticleList,
        writeOut=writeOut,
        loadChargedCluster=True,
        useOnlyMostEnergeticECLCluster=useOnlyMostEnergeticECLCluster,
    )
    if cut != "":
        applyCuts(outputParticleList, cut, path)


def extractParticlesFromROE(particleLists, signalSideParticleList=None, maskName="all", writeOut=False, path=None):
    """Fill lists with the particles of rests of events."""
    _step(
        path,
        "ParticleExtractorFromROE",
        outputListNames=particleLists,
        maskName=maskName,
        writeOut=writeOut,
        **({} if signalSideParticleList is None else {"signalSideParticleListName": signalSideParticleList}),
    )


def applyCuts(list_name, cut, path):
    """Drop what fails a cut."""
    _step(path, "ParticleSelector", "ParticleSelector_applyCuts_" + list_name, decayString=list_name, cut=cut)


def applyEventCuts(cut, path, metavariables=None):
    """Skip events that fail a cut."""
    module = _step(path, "VariableToReturnValue", variable=f"passesEventCut({cut})")
    module.if_value("<1", _Path())


def _rank(particleList, variable, numBest, outputVariable, allowMultiRank, cut, overwriteRank, path, **lowest):
    _step(
        path,
        "BestCandidateSelection",
        f"BestCandidateSelection_{particleList}_{variable}",
        particleList=particleList,
        variable=variable,
        numBest=numBest,
        outputVariable=outputVariable,
        allowMultiRank=allowMultiRank,
        cut=cut,
        overwriteRank=overwriteRank,
        **lowest,
    )


def rankByHighest(
    particleList,
    variable,
    numBest=0,
    outputVariable="",
    allowMultiRank=False,
    cut="",
    overwriteRank=False,
    path=None,
):
    """Rank candidates, the highest value first."""
    _rank(particleList, variable, numBest, outputVariable, allowMultiRank, cut, overwriteRank, path)


def rankByLowest(
    particleList,
    variable,
    numBest=0,
    outputVariable="",
    allowMultiRank=False,
    cut="",
    overwriteRank=False,
    path=None,
):
    """Rank candidates, the lowest value first."""
    _rank(
        particleList,
        variable,
        numBest,
        outputVariable,
        allowMultiRank,
        cut,
        overwriteRank,
        path,
        selectLowest=True,
    )


def applyRandomCandidateSelection(particleList, path=None):
    """Keep one candidate by chance."""
    rankByHighest(particleList, "random", 1, particleList + "_random", path=path)


def removeParticlesNotInLists(lists_to_keep, path):
    """Forget particles that are in none of the lists."""
    _step(path, "RemoveParticlesNotInLists", particleLists=lists_to_keep)


def selectDaughters(particle_list_name, decay_string, path):
    """Keep only the selected daughters."""
    _step(
        path,
        "SelectDaughters",
        "SelectDaughters_" + particle_list_name,
        listName=particle_list_name,
        decayString=decay_string,
    )


def markDuplicate(particleList, prioritiseV0, path):
    """Mark the best vertex of equal candidates."""
    _step(path, "DuplicateVertexMarker", particleList=particleList, prioritiseV0=prioritiseV0)


def updateMassHypothesis(particleList, pdg, writeOut=False, path=None):
    """Make a list under another mass hypothesis."""
    _step(
        path,
        "ParticleMassHypothesesUpdater",
        f"ParticleMassHypothesesUpdater_{particleList}_{pdg}",
        particleList=particleList,
        pdgCode=pdg,
        writeOut=writeOut,
    )


def replaceMass(replacerName, particleLists=None, pdgCode=22, path=None):
    """Replace the mass of particles."""
    _step(
        path,
        "ParticleMassUpdater",
        "ParticleMassUpdater_" + replacerName,
        particleLists=particleLists or [],
        pdgCode=pdgCode,
    )


def setBeamConstrainedMomentum(particleList, decayStringTarget, decayStringDaughters, path=None):
    """Set the momentum of a daughter from the beams."""
    _step(
        path,
        "ParticleMomentumUpdater",
        "ParticleMomentumUpdater" + particleList,
        particleList=particleList,
        decayStringTarget=decayStringTarget,
        decayStringDaughters=decayStringDaughters,
    )


def estimateAndAttachTrackFitResult(inputListName, path=None):
    """Make track fit results for particles without one."""
    _step(
        path,
        "TrackFitResultEstimator",
        "trackFitResultEstimator_" + inputListName,
        inputListName=inputListName,
    )


def tagCurlTracks(
    particleLists,
    mcTruth=False,
    responseCut=-1.0,
    selectorType="cut",
    ptCut=0.5,
    expert_train=False,
    expert_filename="",
    path=None,
):
    """Tag tracks that curl."""
    lists = particleLists if isinstance(particleLists, list) else [particleLists]
    _opaque_step(
        "modularAnalysis.tagCurlTracks",
        [path],
        {"particleLists": lists, "selectorType": selectorType, "ptCut": ptCut},
    )
