"""Ntuples, histograms, extra-info, prints, files of events."""

from b2grid.steering.standin.build import step as _step


def variablesToNtuple(
    decayString,
    variables,
    treename="variables",
    filename="ntuple.root",
    path=None,
    basketsize=1600,
    signalSideParticleList="",
    filenameSuffix="",
    useFloat=False,
    storeEventType=True,
    ignoreCommandLineOverride=False,
):
    """Write a tree with one row per candidate, or per event without a list."""
    _step(
        path,
        "VariablesToNtuple",
        "VariablesToNtuple_" + decayString,
        particleList=decayString,
        variables=variables,
        fileName=filename,
        treeName=treename,
        basketSize=basketsize,
        signalSideParticleList=signalSideParticleList,
        fileNameSuffix=filenameSuffix,
        useFloat=useFloat,
        storeEventType=storeEventType,
        ignoreCommandLineOverride=ignoreCommandLineOverride,
    )


def variablesToHistogram(
    decayString,
    variables,
    variables_2d=None,
    filename="ntuple.root",
    path=None,
    *,
    directory=None,
    prefixDecayString=False,
    filenameSuffix="",
    ignoreCommandLineOverride=False,
):
    """Write histograms."""
    params = {}
    if directory is not None or prefixDecayString:
        params["directory"] = f"{decayString}_{directory or ''}" if prefixDecayString else directory
    _step(
        path,
        "VariablesToHistogram",
        "VariablesToHistogram_" + decayString,
        particleList=decayString,
        variables=variables,
        variables_2d=variables_2d or [],
        fileName=filename,
        fileNameSuffix=filenameSuffix,
        ignoreCommandLineOverride=ignoreCommandLineOverride,
        **params,
    )


def variablesToExtraInfo(particleList, variables, option=0, path=None):
    """Keep values with the particles."""
    _step(
        path,
        "VariablesToExtraInfo",
        "VariablesToExtraInfo_" + particleList,
        particleList=particleList,
        variables=variables,
        overwrite=option,
    )


def variablesToDaughterExtraInfo(particleList, decayString, variables, option=0, path=None):
    """Keep values of the mother with daughters."""
    _step(
        path,
        "VariablesToExtraInfo",
        "VariablesToDaughterExtraInfo_" + particleList,
        particleList=particleList,
        decayString=decayString,
        variables=variables,
        overwrite=option,
    )


def variablesToEventExtraInfo(particleList, variables, option=0, path=None):
    """Keep values with the event."""
    _step(
        path,
        "VariablesToEventExtraInfo",
        "VariablesToEventExtraInfo_" + particleList,
        particleList=particleList,
        variables=variables,
        overwrite=option,
    )


def variableToSignalSideExtraInfo(particleList, varToExtraInfo, path):
    """Keep values with the particle whose rest of event is looked at."""
    _step(
        path,
        "SignalSideVariablesToExtraInfo",
        "SigSideVarToExtraInfo_" + particleList,
        particleListName=particleList,
        variableToExtraInfo=varToExtraInfo,
    )


def removeExtraInfo(particleLists=None, removeEventExtraInfo=False, path=None):
    """Forget kept values."""
    _step(path, "ExtraInfoRemover", particleLists=particleLists or [], removeEventExtraInfo=removeEventExtraInfo)


def signalRegion(particleList, cut, path=None, name="SignalRegion", blind_data=True):
    """Define a signal region, and cut it out of data."""
    from variables import variables

    from modularAnalysis import applyCuts

    _step(
        path,
        "VariablesToExtraInfo",
        f"{name}_{particleList}",
        particleList=particleList,
        variables={f"passesCut({cut})": name},
    )
    variables.addAlias(name, f"extraInfo({name})")
    if blind_data:
        applyCuts(particleList, f"{name}==0 or isMC==1", path=path)


def printDataStore(eventNumber=-1, path=None):
    """Print what an event holds."""
    _step(path, "PrintCollections", printForEvent=eventNumber)


def printVariableValues(list_name, var_names, path):
    """Print values for all particles of a list."""
    _step(
        path,
        "ParticlePrinter",
        "ParticlePrinter_" + list_name,
        listName=list_name,
        fullPrint=False,
        variables=var_names,
    )


def printList(list_name, full, path):
    """Print a list."""
    _step(path, "ParticlePrinter", "ParticlePrinter_" + list_name, listName=list_name, fullPrint=full)


def printPrimaryMCParticles(path, **kwargs):
    """Print primary generated particles."""
    printMCParticles(onlyPrimaries=True, path=path, **kwargs)


def printMCParticles(
    onlyPrimaries=False,
    maxLevel=-1,
    path=None,
    *,
    showProperties=False,
    showMomenta=False,
    showVertices=False,
    showStatus=False,
    suppressPrint=False,
):
    """Print generated particles."""
    _step(
        path,
        "PrintMCParticles",
        onlyPrimaries=onlyPrimaries,
        maxLevel=maxLevel,
        showProperties=showProperties,
        showMomenta=showMomenta,
        showVertices=showVertices,
        showStatus=showStatus,
        suppressPrint=suppressPrint,
    )


def summaryOfLists(particleLists, outputFile=None, path=None):
    """Print how often lists had candidates."""
    params = {} if outputFile is None else {"outputFile": outputFile}
    _step(path, "ParticleStats", particleLists=particleLists, **params)


def outputMdst(filename, path):
    """Write mDST."""
    import mdst

    mdst.add_mdst_output(path, mc=True, filename=filename)


def outputUdst(filename, particleLists=None, includeArrays=None, path=None, dataDescription=None):
    """Write uDST: mDST with particle lists."""
    import udst

    udst.add_udst_output(path, filename, particleLists, includeArrays, dataDescription)


def outputIndex(filename, path, includeArrays=None, keepParents=False, mc=True):
    """Write particle lists that refer to their input."""
    _step(path, "OnlyWriteOutParticleLists")
    _step(
        path,
        "RootOutput",
        outputFileName=filename,
        additionalBranchNames=includeArrays or [],
        keepParents=keepParents,
    )
