"""What the runtime covers, as data for the check and for the documentation.

Variables and modules are read off their tables. Functions of the analysis API are listed here: those whose
modules are covered, with the parameters that they may be given; values are checked when the path is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b2grid.steering.coverage import Coverage

__all__ = ["FUNCTIONS", "OWN", "coverage"]

_LISTS = "writeOut path"
_RANK = "particleList variable numBest outputVariable allowMultiRank cut overwriteRank path"
_FROM_MC = "addDaughters skipNonPrimaryDaughters skipNonPrimary skipInitial"
_PRINT_MC = "maxLevel showMomenta showVertices suppressPrint path"
_MASK = "list_name mask_name trackSelection eclClusterSelection klmClusterSelection path"
_KFIT = "list_name conf_level fit_type constraint daughtersUpdate decay_string smearing recoilMass"

FUNCTIONS: dict[str, str] = {
    # input and general
    "modularAnalysis.inputMdst": "filename path environmentType skipNEvents entrySequence",
    "modularAnalysis.inputMdstList": "filelist path environmentType skipNEvents entrySequences useB2BIIDBCache",
    "modularAnalysis.loadGearbox": "path silence_warning",
    "modularAnalysis.getAnalysisGlobaltag": "timeout",
    "modularAnalysis.create_path": "",
    "modularAnalysis.register_module": "name_or_module logLevel debugLevel kwargs",
    # lists
    "modularAnalysis.fillParticleList": f"decayString cut enforceFitHypothesis loadPhotonsFromKLM {_LISTS}",
    "modularAnalysis.fillParticleLists": f"decayStringsWithCuts enforceFitHypothesis loadPhotonsFromKLM {_LISTS}",
    "modularAnalysis.fillConvertedPhotonsList": f"decayString cut {_LISTS}",
    "modularAnalysis.fillParticleListFromMC": f"decayString cut {_FROM_MC} {_LISTS}",
    "modularAnalysis.fillParticleListsFromMC": f"decayStringsWithCuts {_FROM_MC} {_LISTS}",
    "modularAnalysis.copyList": f"outputListName inputListName {_LISTS}",
    "modularAnalysis.copyLists": f"outputListName inputListNames {_LISTS}",
    "modularAnalysis.copyParticles": f"outputListName inputListName {_LISTS}",
    "modularAnalysis.combineAllParticles": f"inputParticleLists outputList cut {_LISTS}",
    "modularAnalysis.replaceMass": "replacerName particleLists pdgCode path",
    "modularAnalysis.cutAndCopyList": f"outputListName inputListName cut {_LISTS}",
    "modularAnalysis.cutAndCopyLists": f"outputListName inputListNames cut {_LISTS}",
    "modularAnalysis.mergeListsWithBestDuplicate": "outputListName inputListNames variable preferLowest "
    f"ignoreMotherFlavor {_LISTS}",
    "modularAnalysis.applyCuts": "list_name cut path",
    "modularAnalysis.applyEventCuts": "cut path metavariables",
    "modularAnalysis.rankByHighest": _RANK,
    "modularAnalysis.rankByLowest": _RANK,
    "modularAnalysis.removeParticlesNotInLists": "lists_to_keep path",
    # decays and truth
    "modularAnalysis.reconstructDecay": "decayString cut dmID candidate_limit ignoreIfTooManyCandidates "
    f"chargeConjugation allowChargeViolation {_LISTS}",
    "modularAnalysis.reconstructRecoil": f"decayString cut dmID candidate_limit allowChargeViolation {_LISTS}",
    "modularAnalysis.reconstructRecoilDaughter": f"decayString cut dmID candidate_limit allowChargeViolation {_LISTS}",
    "modularAnalysis.correctBrems": "outputList inputList gammaList maximumAcceptance multiplePhotons "
    f"usePhotonOnlyOnce {_LISTS}",
    "modularAnalysis.addInclusiveDstarReconstruction": "decayString slowPionCut DstarCut path",
    "modularAnalysis.correctBremsBelle": "outputListName inputListName gammaListName multiplePhotons angleThreshold "
    f"{_LISTS}",
    "modularAnalysis.matchMCTruth": "list_name path",
    "modularAnalysis.calculateDistance": "list_name decay_string mode path",
    # fits
    "vertex.kFit": f"{_KFIT} path",
    "vertex.fitVertex": f"{_KFIT} fitter path",
    "modularAnalysis.looseMCTruth": "list_name path",
    "modularAnalysis.reconstructMCDecay": f"decayString cut dmID chargeConjugation {_LISTS}",
    "modularAnalysis.findMCDecay": f"list_name decay appendAllDaughters skipNonPrimaryDaughters {_LISTS}",
    # rest of event, continuum suppression, shape of the event
    "modularAnalysis.buildRestOfEvent": "target_list_name inputParticlelists fillWithMostLikely chargedPIDPriors path",
    "modularAnalysis.buildRestOfEventFromMC": "target_list_name inputParticlelists path",
    "modularAnalysis.appendROEMask": _MASK,
    "modularAnalysis.appendROEMasks": "list_name mask_tuples path",
    "modularAnalysis.updateROEMask": _MASK,
    "modularAnalysis.updateROEMasks": "list_name mask_tuples path",
    "modularAnalysis.keepInROEMasks": "list_name mask_names cut_string path",
    "modularAnalysis.discardFromROEMasks": "list_name mask_names cut_string path",
    "modularAnalysis.updateROEUsingV0Lists": "target_particle_list mask_names default_cleanup selection_cuts "
    "apply_mass_fit fitter path",
    "modularAnalysis.optimizeROEWithV0": "list_name mask_names cut_string path",
    "modularAnalysis.fillParticleListFromROE": f"decayString cut maskName sourceParticleListName useMissing {_LISTS}",
    "modularAnalysis.fillSignalSideParticleList": "outputListName decayString path",
    "modularAnalysis.signalSideParticleFilter": "particleList selection roe_path deadEndPath",
    "modularAnalysis.signalSideParticleListsFilter": "particleLists selection roe_path deadEndPath",
    "modularAnalysis.variableToSignalSideExtraInfo": "particleList varToExtraInfo path",
    "modularAnalysis.buildContinuumSuppression": "list_name roe_mask path",
    "modularAnalysis.buildEventShape": "inputListNames default_cleanup custom_cuts allMoments cleoCones collisionAxis "
    "foxWolfram harmonicMoments jets sphericity thrust checkForDuplicates path",
    "modularAnalysis.buildEventKinematicsFromMC": "inputListNames selectionCut path",
    "modularAnalysis.buildEventKinematics": "inputListNames default_cleanup custom_cuts chargedPIDPriors "
    "fillWithMostLikely path",
    # fits of decay trees
    "vertex.treeFit": "list_name conf_level massConstraint ipConstraint updateAllDaughters customOriginConstraint "
    "customOriginVertex customOriginCovariance originDimension path",
    "modularAnalysis.markDuplicate": "particleList prioritiseV0 path",
    # output
    "modularAnalysis.variablesToNtuple": "decayString variables treename filename path basketsize "
    "signalSideParticleList filenameSuffix useFloat storeEventType ignoreCommandLineOverride",
    "modularAnalysis.variablesToHistogram": "decayString variables variables_2d filename path directory "
    "prefixDecayString filenameSuffix ignoreCommandLineOverride",
    "modularAnalysis.variablesToExtraInfo": "particleList variables option path",
    "modularAnalysis.variablesToDaughterExtraInfo": "particleList decayString variables option path",
    "modularAnalysis.variablesToEventExtraInfo": "particleList variables option path",
    "modularAnalysis.removeExtraInfo": "particleLists removeEventExtraInfo path",
    "modularAnalysis.summaryOfLists": "particleLists path",
    "modularAnalysis.setAnalysisConfigParams": "configParametersAndValues path",
    "modularAnalysis.printVariableValues": "list_name var_names path",
    "modularAnalysis.printList": "list_name full path",
    "modularAnalysis.printMCParticles": f"onlyPrimaries {_PRINT_MC}",
    "modularAnalysis.printPrimaryMCParticles": _PRINT_MC,
    "modularAnalysis.signalRegion": "particleList cut path name blind_data",
    "b2pandas_utils.VariablesToTable": "listname variables filename hdf_table_name event_buffer_size writer_kwargs",
    "b2pandas_utils.make_mcerrors_readable": "dataframe column",
    # standard lists
    "stdCharged.stdCharged": "particletype listtype path writeOut",
    "stdCharged.stdPi": "listtype path writeOut",
    "stdCharged.stdK": "listtype path writeOut",
    "stdCharged.stdPr": "listtype path writeOut",
    "stdCharged.stdE": "listtype path",
    "stdCharged.stdMu": "listtype path",
    "stdCharged.stdMostLikely": "pidPriors suffix custom_cuts path writeOut",
    "stdPhotons.stdPhotons": "listtype path",
    "stdPi0s.stdPi0s": "listtype path",
    "stdPi0s.loadStdSkimPi0": "path",
    "stdPi0s.loadStdSkimHighEffPi0": "path",
    "stdPhotons.loadStdSkimPhoton": "path",
    "stdKlongs.stdKlongs": "listtype path",
    "stdV0s.stdKshorts": "prioritiseV0 fitter path updateAllDaughters writeOut addSuffix",
    "stdV0s.stdLambdas": "prioritiseV0 fitter path updateAllDaughters writeOut addSuffix",
    # names of variables
    **dict.fromkeys(
        (
            "variables.MCGenTopo.mc_gen_topo",
            "variables.std_vector",
            "variables.variables.addAlias",
            "variables.variables.addCollection",
            "variables.variables.clearAliases",
            "variables.variables.getAliasNames",
            "variables.variables.getCollection",
            "variables.variables.printAliases",
            "variables.variables.resolveAlias",
            "variables.variables.resolveCollections",
            "variables.utils.add_collection",
            "variables.utils.create_aliases",
            "variables.utils.create_aliases_for_selected",
            "variables.utils.create_daughter_aliases",
            "variables.utils.create_isSignal_alias",
            "variables.utils.create_mctruth_aliases",
            "variables.utils.get_hierarchy_of_decay",
        ),
        "*",
    ),
}
"""Function -> the parameters that it may be given, ``*`` for all."""

OWN = frozenset(
    [
        *(f"basf2.{name}" for name in (
            "B2DEBUG", "B2ERROR", "B2FATAL", "B2INFO", "B2RESULT", "B2WARNING", "Path", "create_path", "find_file",
            "print_params", "print_path", "process", "register_module", "remove_module", "set_log_level",
            "set_module_parameters", "set_random_seed",
        )),
        *(f"basf2.conditions.{name}" for name in (
            "append_globaltag", "append_testing_payloads", "prepend_globaltag", "prepend_testing_payloads",
        )),
        *(f"<obj>.{name}" for name in (
            "add_independent_path", "add_module", "add_path", "available_params", "for_each", "if_false", "if_true",
            "if_value", "modules", "name", "param", "set_log_level", "set_name", "type",
        )),
    ]
)  # fmt: skip
"""What scripts use of `basf2` itself, and of paths and modules (``<obj>``): all of it is there."""


def coverage() -> Coverage:
    """What ``b2lite`` can run.

    >>> covered = coverage()
    >>> "Mbc" in covered.variables, "DeltaT" in covered.variables
    (True, False)
    """
    from b2grid.lite.modules import MODULES
    from b2grid.lite.variables import registry
    from b2grid.steering.coverage import Coverage

    return Coverage(
        functions=frozenset(FUNCTIONS),
        parameters={name: frozenset(given.split()) for name, given in FUNCTIONS.items() if given != "*"},
        variables=frozenset(registry),
        modules=frozenset(MODULES),
        module_parameters={name: kind.parameters for name, kind in MODULES.items()},
        methods=frozenset(name.partition(".")[2] for name in OWN if name.startswith("<obj>.")),
    )
