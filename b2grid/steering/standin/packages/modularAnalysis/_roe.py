"""Rest of event, continuum suppression, and what loops over them."""

from basf2 import B2FATAL as _B2FATAL
from basf2 import B2INFO as _B2INFO
from basf2 import B2WARNING as _B2WARNING

from b2grid.steering.standin.build import step as _step
from b2grid.steering.standin.opaque import opaque_step as _opaque_step
from b2grid.steering.standin.path import Path as _Path

_V0_CLEANUP = (
    "abs(dM) < 0.1 and daughter(0,particleID) > 0.2 and daughter(1,particleID) > 0.2 "
    "and daughter(0,thetaInCDCAcceptance) and daughter(1,thetaInCDCAcceptance)"
)


def fillSignalSideParticleList(outputListName, decayString, path):
    """Fill a list with a part of the candidate whose rest of event is looked at."""
    _step(
        path,
        "SignalSideParticleListCreator",
        "SSParticleList_" + outputListName,
        particleListName=outputListName,
        decayString=decayString,
    )


def buildRestOfEvent(
    target_list_name, inputParticlelists=None, fillWithMostLikely=True, chargedPIDPriors=None, path=None
):
    """Make the rest of the event for each candidate."""
    from stdCharged import stdMostLikely

    from modularAnalysis import fillParticleList

    lists = list(inputParticlelists or [])
    fillParticleList("pi+:all", "", path=path)
    if fillWithMostLikely:
        stdMostLikely(chargedPIDPriors, "_roe", path=path)
        lists = [f"{species}:mostlikely_roe" for species in ["K+", "p+", "e+", "mu+"]] + lists
    fillParticleList("gamma:all", "", path=path)
    fillParticleList("K_L0:roe_default", "isFromKLM > 0", path=path)
    _step(
        path,
        "RestOfEventBuilder",
        "ROEBuilder_" + target_list_name,
        particleList=target_list_name,
        particleListsInput=[*lists, "pi+:all", "gamma:all", "K_L0:roe_default"],
        mostLikely=fillWithMostLikely,
    )


def buildNestedRestOfEvent(target_list_name, maskName="all", path=None):
    """Make the rest of the event inside a rest of event."""
    _step(
        path,
        "RestOfEventBuilder",
        "NestedROEBuilder_" + target_list_name,
        particleList=target_list_name,
        nestedROEMask=maskName,
        createNestedROE=True,
    )


def buildRestOfEventFromMC(target_list_name, inputParticlelists=None, path=None):
    """Make the rest of the event from generated particles."""
    from modularAnalysis import fillParticleListFromMC

    lists = list(inputParticlelists or [])
    if not lists:
        for kind in [
            "gamma",
            "e+",
            "mu+",
            "pi+",
            "K+",
            "p+",
            "K_L0",
            "n0",
            "nu_e",
            "nu_mu",
            "nu_tau",
            "K_S0",
            "Lambda0",
        ]:
            name = f"{kind}:roe_default_gen"
            fillParticleListFromMC(name, "mcPrimary > 0 and nDaughters == 0", True, True, path=path)
            lists.append(name)
    _step(
        path,
        "RestOfEventBuilder",
        "MCROEBuilder_" + target_list_name,
        particleList=target_list_name,
        particleListsInput=lists,
        fromMC=True,
    )


def _masks(list_name, what, masks, path, **update):
    _step(
        path,
        "RestOfEventInterpreter",
        f"RestOfEventInterpreter_{list_name}_{what}",
        particleList=list_name,
        ROEMasks=masks,
        **update,
    )


def appendROEMask(list_name, mask_name, trackSelection, eclClusterSelection, klmClusterSelection="", path=None):
    """Add a mask."""
    _masks(list_name, mask_name, [(mask_name, trackSelection, eclClusterSelection, klmClusterSelection)], path)


def appendROEMasks(list_name, mask_tuples, path=None):
    """Add masks."""
    _masks(list_name, "MaskList", [(*mask, "") if len(mask) == 3 else tuple(mask) for mask in mask_tuples], path)


def updateROEMask(list_name, mask_name, trackSelection, eclClusterSelection="", klmClusterSelection="", path=None):
    """Tighten a mask."""
    _masks(
        list_name,
        mask_name,
        [(mask_name, trackSelection, eclClusterSelection, klmClusterSelection)],
        path,
        update=True,
    )


def updateROEMasks(list_name, mask_tuples, path):
    """Tighten masks."""
    _masks(
        list_name,
        "MaskList",
        [(*mask, "") if len(mask) == 3 else tuple(mask) for mask in mask_tuples],
        path,
        update=True,
    )


def _update(list_name, mask_names, cut_string, path, **discard):
    _step(
        path,
        "RestOfEventUpdater",
        f"RestOfEventUpdater_{list_name}_masks",
        particleList=list_name,
        updateMasks=mask_names,
        cutString=cut_string,
        **discard,
    )


def keepInROEMasks(list_name, mask_names, cut_string, path=None):
    """Keep in masks only what the list uses."""
    _update(list_name, mask_names, cut_string, path, discard=False)


def discardFromROEMasks(list_name, mask_names, cut_string, path=None):
    """Drop from masks what the list uses."""
    _update(list_name, mask_names, cut_string, path, discard=True)


def optimizeROEWithV0(list_name, mask_names, cut_string, path=None):
    """Put V0s into masks in the place of their tracks."""
    _update(list_name, mask_names, cut_string, path)


def updateROEUsingV0Lists(
    target_particle_list,
    mask_names,
    default_cleanup=True,
    selection_cuts=None,
    apply_mass_fit=False,
    fitter="treefit",
    path=None,
):
    """Put V0s into masks in the place of their tracks, found with default lists."""
    from vertex import kFit, treeFit

    from modularAnalysis import fillConvertedPhotonsList, fillParticleList

    if not apply_mass_fit:
        # whether basf2 fits without a constraint then is not established
        _opaque_step(
            "modularAnalysis.updateROEUsingV0Lists(apply_mass_fit=False)",
            [path],
            {"target_particle_list": target_particle_list, "mask_names": mask_names},
        )
        return
    cuts = selection_cuts
    if cuts is None and default_cleanup:
        _B2INFO("Using default cleanup in updateROEUsingV0Lists.")
        cuts = _V0_CLEANUP
    if not cuts:
        _B2INFO("No cleanup in updateROEUsingV0Lists.")
        cuts = "True"
    if isinstance(cuts, str):
        cuts = (cuts, cuts, cuts)
    if fitter.lower() not in ("treefit", "kfit"):
        _B2WARNING(f"updateROEUsingV0Lists knows the fitters treefit and kfit, not {fitter}: it takes treefit")
    masks = [mask_names] if isinstance(mask_names, str) else mask_names
    roe_path, dead_end = _Path(), _Path()
    signalSideParticleFilter(target_particle_list, "", roe_path, dead_end)
    photon, kaon, hyperon = (f"{cut} and isInRestOfEvent > 0" for cut in cuts)
    fillConvertedPhotonsList("gamma:v0_roe -> e+ e-", photon, path=roe_path)
    fillParticleList("K_S0:v0_roe -> pi+ pi-", kaon, path=roe_path)
    fillParticleList("Lambda0:v0_roe -> p+ pi-", hyperon, path=roe_path)
    for name in ("gamma:v0_roe", "K_S0:v0_roe", "Lambda0:v0_roe"):
        if fitter.lower() == "kfit":
            kFit(name, conf_level=0.0, fit_type="massvertex", path=roe_path)
        else:
            treeFit(name, conf_level=0.0, massConstraint=[name.partition(":")[0]], path=roe_path)
        optimizeROEWithV0(name, masks, "", path=roe_path)
    path.for_each("RestOfEvent", "RestOfEvents", roe_path)


def printROEInfo(mask_names=None, full_print=False, unpackComposites=True, path=None):
    """Print the rest of the event."""
    if not isinstance(path, _Path):
        _B2FATAL("Error from printROEInfo, please add this to the for_each path")
    _step(
        path,
        "RestOfEventPrinter",
        maskNames=mask_names or [],
        fullPrint=full_print,
        unpackComposites=unpackComposites,
    )


def buildContinuumSuppression(list_name, roe_mask, ipprofile_fit=False, path=None):
    """Calculate what separates B decays from continuum."""
    _step(
        path,
        "ContinuumSuppressionBuilder",
        "QQBuilder_" + list_name,
        particleList=list_name,
        ROEMask=roe_mask,
        performIPProfileFit=ipprofile_fit,
    )


def signalSideParticleFilter(particleList, selection, roe_path, deadEndPath):
    """Go on only with rests of events of candidates that pass."""
    signalSideParticleListsFilter([particleList], selection, roe_path, deadEndPath)


def signalSideParticleListsFilter(particleLists, selection, roe_path, deadEndPath):
    """Go on only with rests of events of candidates in these lists that pass."""
    module = _step(
        roe_path,
        "SignalSideParticleFilter",
        "SigSideParticleFilter_" + particleLists[0],
        particleLists=particleLists,
        selection=selection,
    )
    module.if_false(deadEndPath)


def writePi0EtaVeto(
    particleList,
    decayString,
    mode="standard",
    selection="",
    path=None,
    suffix="",
    hardParticle="gamma",
    pi0PayloadNameOverride=None,
    pi0SoftPhotonCutOverride=None,
    etaPayloadNameOverride=None,
    etaSoftPhotonCutOverride=None,
    requireSoftPhotonIsInROE=False,
    pi0Selection="",
    etaSelection="",
):
    """Give the probability that a hard photon is from pi0 or eta: needs trained payloads."""
    _opaque_step(
        "modularAnalysis.writePi0EtaVeto",
        [path],
        {"particleList": particleList, "decayString": decayString, "mode": mode},
    )


def oldwritePi0EtaVeto(
    particleList,
    decayString,
    workingDirectory=".",
    pi0vetoname="Pi0_Prob",
    etavetoname="Eta_Prob",
    downloadFlag=True,
    selection="",
    path=None,
):
    """Give the probability that a hard photon is from pi0 or eta, in the old way."""
    _opaque_step(
        "modularAnalysis.oldwritePi0EtaVeto",
        [path],
        {"particleList": particleList, "decayString": decayString},
    )
