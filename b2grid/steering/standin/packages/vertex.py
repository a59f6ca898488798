"""Stand-in for ``vertex``: vertex fits."""

from b2grid.steering.standin.build import step as _step


def fitVertex(
    list_name,
    conf_level,
    decay_string="",
    fitter="KFit",
    fit_type="vertex",
    constraint="",
    massConstraint=(),
    recoilMass=0,
    daughtersUpdate=False,
    smearing=0,
    path=None,
):
    """Fit vertices or masses."""
    _step(
        path,
        "ParticleVertexFitter",
        "ParticleVertexFitter_" + list_name,
        listName=list_name,
        confidenceLevel=conf_level,
        vertexFitter=fitter,
        fitType=fit_type,
        withConstraint=constraint,
        updateDaughters=daughtersUpdate,
        decayString=decay_string,
        smearing=smearing,
        recoilMass=recoilMass,
        massConstraintList=list(massConstraint or []),
    )


def kFit(
    list_name,
    conf_level,
    fit_type="vertex",
    constraint="",
    daughtersUpdate=False,
    decay_string="",
    massConstraint=(),
    recoilMass=0,
    smearing=0,
    path=None,
):
    """Fit with KFit."""
    fitVertex(
        list_name,
        conf_level,
        decay_string,
        "KFit",
        fit_type,
        constraint,
        massConstraint,
        recoilMass,
        daughtersUpdate,
        smearing,
        path,
    )


def raveFit(
    list_name,
    conf_level,
    fit_type="vertex",
    decay_string="",
    constraint="",
    daughtersUpdate=False,
    path=None,
    silence_warning=False,
):
    """Fit with Rave."""
    fitVertex(list_name, conf_level, decay_string, "Rave", fit_type, constraint, (), 0, daughtersUpdate, 0, path)


def treeFit(
    list_name,
    conf_level=0.001,
    massConstraint=(),
    ipConstraint=False,
    updateAllDaughters=False,
    massConstraintDecayString="",
    massConstraintMassValues=(),
    customOriginConstraint=False,
    customOriginVertex=(0.001, 0, 0.0116),
    customOriginCovariance=(0.0048, 0, 0, 0, 0.003567, 0, 0, 0, 0.0400),
    originDimension=3,
    treatAsInvisible="",
    ignoreFromVertexFit="",
    path=None,
):
    """Fit the whole decay chain with TreeFitter."""
    _step(
        path,
        "TreeFitter",
        "TreeFitter_" + list_name,
        particleList=list_name,
        confidenceLevel=conf_level,
        massConstraintList=list(massConstraint),
        massConstraintDecayString=massConstraintDecayString,
        massConstraintMassValues=list(massConstraintMassValues),
        ipConstraint=ipConstraint,
        updateAllDaughters=updateAllDaughters,
        customOriginConstraint=customOriginConstraint,
        customOriginVertex=list(customOriginVertex),
        customOriginCovariance=list(customOriginCovariance),
        originDimension=originDimension,
        treatAsInvisible=treatAsInvisible,
        ignoreFromVertexFit=ignoreFromVertexFit,
    )


def TagV(
    list_name,
    MCassociation="",
    confidenceLevel=0.0,
    trackFindingType="standard_PXD",
    constraintType="tube",
    askMCInfo=False,
    reqPXDHits=0,
    maskName="all",
    fitAlgorithm="KFit",
    kFitReqReducedChi2=5.0,
    useTruthInFit=False,
    useRollBack=False,
    path=None,
):
    """Fit the vertex of the other B."""
    _step(
        path,
        "TagVertex",
        "TagVertex_" + list_name,
        listName=list_name,
        confidenceLevel=confidenceLevel,
        MCAssociation=MCassociation,
        trackFindingType=trackFindingType,
        constraintType=constraintType,
        askMCInformation=askMCInfo,
        reqPXDHits=reqPXDHits,
        maskName=maskName,
        fitAlgorithm=fitAlgorithm,
        kFitReqReducedChi2=kFitReqReducedChi2,
        useTruthInFit=useTruthInFit,
        useRollBack=useRollBack,
    )


def fitPseudo(list_name, path):
    """Add up daughters without a fit."""
    _step(path, "PseudoVertexFitter", "PseudoVertexFitter_" + list_name, listName=list_name)
