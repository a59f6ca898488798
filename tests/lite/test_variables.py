"""Every covered variable is asked for, of every kind of particle, on files of every version of the data model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from b2grid.errors import InvalidInput, InvalidSteering, NotInLite
from b2grid.lite.context import Context
from b2grid.lite.expression import Scope
from b2grid.lite.modules import Blueprint
from b2grid.lite.modules.base import list_name, make
from b2grid.lite.modules.inert import Nothing
from b2grid.lite.modules.source import Input
from b2grid.lite.reading.reader import Selection, chunks, open_files
from b2grid.lite.variables import registry
from b2grid.lite.view import View
from b2grid.lite.writing.output import Outputs
from b2grid.steering.standin import Log, LogLevel, run_script

TRACKS = """
ma.fillParticleList('pi+:all', '', path=main)
ma.fillParticleList('e+:all', '', path=main)
ma.fillParticleList('pi+:x', '', path=main)
ma.fillParticleList('K+:x', '', path=main)
ma.fillParticleList('mu+:x', 'p > 0.5', path=main)
ma.fillParticleList('K_S0:V0 -> pi+ pi-', '', path=main)
ma.fillParticleList('Lambda0:V0 -> p+ pi-', '', path=main)
ma.fillParticleListFromMC('pi+:mc', '', path=main)
ma.reconstructDecay('D0:x -> K-:x pi+:x', '1.7 < M < 2.0', path=main)
ma.reconstructDecay('D*+:x -> D0:x pi+:x', 'M < 2.1', path=main)
ma.reconstructDecay('phi:x -> D0:x anti-D0:x', '', path=main)
ma.copyList('K_S0:inRoe', 'K_S0:V0', path=main)
ma.rankByHighest('pi+:x', 'p', path=main)
"""
PHOTONS = """
ma.fillParticleList('gamma:all', '', path=main)
ma.fillParticleList('gamma:x', 'E > 0.1', path=main)
ma.fillParticleList('K_L0:x', '', path=main)
ma.reconstructDecay('pi0:x -> gamma:x gamma:x', '0.1 < M < 0.16', path=main)
ma.reconstructDecay('B+:x -> anti-D0:x mu+:x', '', path=main)
ma.matchMCTruth('B+:x', path=main)
ma.buildRestOfEvent('B+:x', path=main)
ma.appendROEMasks('B+:x', [('good', 'pt > 0.1', 'E > 0.05')], path=main)
ma.reconstructDecay('B*+:x -> B+:x gamma:x', '', path=main)
ma.buildEventShape(path=main)
ma.buildEventKinematics(path=main)
ma.buildContinuumSuppression('B+:x', 'good', path=main)
"""
OF_TRACKS = ["pi+:x", "K_S0:V0", "pi+:mc", "D0:x", "D*+:x"]
OF_ALL = [*OF_TRACKS, "gamma:x", "K_L0:x", "pi0:x", "B+:x", "B*+:x"]

# arguments to ask functions with, several calls parted by |; of what is not here: a variable, or none
ARGUMENTS = {
    **dict.fromkeys(("averageValueInList", "medianValueInList"), "pi+:x, p|pi+:x, PDG|pi+:x, isFromECL"),
    **dict.fromkeys(("sumValueInList", "productValueInList", "closestInList", "mostB2BInList"), "pi+:x, p"),
    **dict.fromkeys(("nParticlesInList", "isInList", "maxPtInList", "maxOpeningAngleInList"), "pi+:x"),
    **dict.fromkeys((f"total{what}OfParticlesInList" for what in ("Energy", "Px", "Py", "Pz", "ECLEnergy")), "pi+:x"),
    **dict.fromkeys(("angleToClosestInList", "angleToMostB2BInList", "deltaPhiToMostB2BPhiInList"), "pi+:x"),
    **dict.fromkeys(("invMassInLists", "numberOfNonOverlappingParticles"), "pi+:x, D0:x"),
    **dict.fromkeys(("sourceObjectIsInList", "nROE_ParticlesInList"), "K+:x"),
    **dict.fromkeys(("countInList",), "pi+:x, p > 1"),
    **dict.fromkeys(("countDaughters", "countDescendants", "countFSPDaughters", "passesCut"), "p > 1"),
    **dict.fromkeys(("nCleanedTracks", "eclClusterSpecialTrackMatched"), "|pt > 0.2"),
    **dict.fromkeys(("daughterDiffOf", "daughterNormDiffOf"), "0, 1, phi|0:0, 1, E"),
    **dict.fromkeys(("daughterMotherDiffOf", "daughterMotherNormDiffOf"), "0, phi|nDaughters - 1, E"),
    **dict.fromkeys(("daughterSumOf", "daughterAverageOf", "daughterHighest"), "E|PDG|isFromECL"),
    **dict.fromkeys(("daughterInvM", "daughterInvariantMass", "cosHelicityAngleForQuasiTwoBodyDecay"), "0, 1"),
    **dict.fromkeys(("daughterAngle", "daughterClusterAngleInBetween"), "0, 1|0, 1, 0"),
    **dict.fromkeys(("angleBetweenDaughterAndRecoil", "angleBetweenDaughterAndMissingMomentum"), "0|0:0, 1"),
    **dict.fromkeys(("grandDaughterDecayAngle", "azimuthalAngleInDecayPlane"), "0, 1"),
    **dict.fromkeys(("massDifference", "decayAngle", "cosHelicityAngleDaughter", "cosHelicityAngleBeamMomentum"), "0"),
    **dict.fromkeys(("cosHelicityAngle", "cosAcoplanarityAngle"), "0, 0"),
    **dict.fromkeys(("useDaughterRestFrame", "useDaughterRecoilRestFrame"), "E, 0|E, 0:0|maxPtInList(pi+:x), 0"),
    **dict.fromkeys(("useParticleRestFrame", "useRecoilParticleRestFrame"), "E, K+:x"),
    **dict.fromkeys(("useCMSFrame", "useRestFrame", "useLabFrame"), "p|daughter(0, p)|maxPtInList(pi+:x)"),
    **dict.fromkeys(("abs", "sin", "acos"), "E|PDG|isFromECL"),
    **dict.fromkeys(("min", "max"), "E, PDG"),
    **dict.fromkeys(("daughter", "originalDaughter", "mcDaughter"), "0, p"),
    **dict.fromkeys(("int", "modulo"), "E, 3|clusterE, -1|PDG, 7"),
    **dict.fromkeys(("L1PSNMBit", "L1FTDLBit", "L1InputBit"), "0|63"),
    **dict.fromkeys(("SoftwareTriggerResult", "SoftwareTriggerResultNonPrescaled"), "filter total_result"),
    **dict.fromkeys(("foxWolframR", "foxWolframH", "nNeutralECLClusters", "CleoConeCS"), "1"),
    **dict.fromkeys(("harmonicMoment", "cleoCone"), "1, thrust"),
    **dict.fromkeys(("binaryPID", "binaryPID_noSVD"), "211, 321"),
    **dict.fromkeys(("binaryElectronID_noTOP", "binaryElectronID_noSVD_noTOP"), "211"),
    **dict.fromkeys(("pidPairProbabilityExpert", "pidDeltaLogLikelihoodValueExpert"), "211, 321, TOP, arich"),
    **dict.fromkeys(("pidProbabilityExpert", "pidLogLikelihoodValueExpert"), "211, ALL"),
    **dict.fromkeys(("pidMissingProbabilityExpert", "isPIDAvailableFrom"), "TOP"),
    **dict.fromkeys(("pidIsMostLikely", "pidMostLikelyPDG"), "|0.1,0.1,0.5,0.2,0.05,0.05"),
    **dict.fromkeys(("hasExtraCDCHitsInLayer", "hasExtraCDCHitsInSuperLayer"), "8"),
    **dict.fromkeys((f"weMiss{what}" for what in ("E", "M2", "P", "Px", "Py", "Pz", "PTheta")), "0|good, 5"),
    "conditionalVariableSelector": "p > 1, E, p",
    "constant": "2.5",
    "convertToDaughterIndex": "1|charge",
    "currentROEIsInList": "B+:x",
    "daughterCombination": "M, 0, 1",
    "eventCached": "nTracks|maxPtInList(pi+:x)",
    "formula": "E + p",
    "genParticle": "0, E",
    "helixExtPhi": "125, 196, -102",
    "helixExtTheta": "125, 196, -102, 0",
    "getVariableByRank": "pi+:x, p, E, 1",
    "grandDaughterDiffOf": "0, 0, 0, 1, phi",
    "ifNANgiveX": "E, 1",
    "KSFWVariables": "hso00|mm2, FS1",
    "minC2TDistVar": "p, pi+:x",
    "momentaTripleProduct": "0, 1, 0:0",
    "nCleanedECLClusters": "|E > 0.1",
    "nDaughterCharged": "|211",
    "nTrackFitResults": "pi+|321",
    "pValueCombination": "chiProb, pValue",
    "passesEventCut": "nTracks > 5",
    "photonHasOverlap": "|E > 0.1, gamma:x, pi-:x",
    "transformedNetworkOutput": "p_rank, 0, 100",
    "unmask": "PDG, 1, 2|clusterE, 1|isFromECL, 1",
    "useAlternativeDaughterHypothesis": "M, 0:K+",
    "useTagSideRecoilRestFrame": "E, 0",
    "varFor": "211, E",
    "veto": "pi+:x, 0.1 < M < 0.6, 113",
}  # fmt: skip

# what is a mistake to ask of other particles than these
_NESTED, _PAIRS = frozenset({"D*+:x", "B+:x"}), frozenset({"K_S0:V0", "D0:x", "D*+:x", "B+:x"})
DEMANDING: dict[str, frozenset[str]] = {
    **dict.fromkeys(("cosHelicityAngle", "momentaTripleProduct"), _NESTED),
    **dict.fromkeys((name for name in registry if name.startswith("Armenteros")), _PAIRS),
    "cosAcoplanarityAngle": frozenset({"phi:x"}),
    "cosHelicityAngleBeamMomentum": _PAIRS,
    **dict.fromkeys((f"{which}ThetaBetweenParticleAndNominalB" for which in ("cos", "mcCos")), frozenset({"B+:x"})),
    "isAncestorOf": _PAIRS,
    "originalDaughter": frozenset({"D0:x"}),
}

# not in files of these versions
_NEW = [n for n in registry if n.startswith(("nECLShowers", "nECLLocalMaximums", "nECLTriggerCells", "nKLMMultistrip"))]
_NEAREST = ["minC2TDistID", "minC2TDistVar"]
_TRIGGER = ["L1TimeQuality", "isPoissonTriggerInInjectionVeto"]
NOT_STORED = {
    "mdst-v01-00-04.root": [
        *_NEAREST, *_TRIGGER, "L1TimeType", "clusterCellID", "clusterThetaID", "clusterPhiID",
        "clusterPulseShapeDiscriminationMVA", "clusterNumberOfHadronDigits", "SoftwareTriggerResult",
        "SoftwareTriggerResultNonPrescaled", "HighLevelTrigger",
    ],
    "mdst-v04-00-03.root": [*_NEW, *_NEAREST, *_TRIGGER],
    "mdst-v06-00-00.root": [*_NEW],
    "mdst.root": [*_NEW, *_NEAREST],
    "mdst-v09-00-00.root": [],
}  # fmt: skip


_COMMON = ("E", "0", "211", "0, 1", "pi+:x", "0, 1, E", "B+, E")


def calls(name: str) -> list[str]:
    """How a variable is asked for."""
    definition = registry[name]
    if definition.arguments == (0, 0):
        return [name]
    if name in ARGUMENTS:
        return [f"{name}({arguments})" for arguments in ARGUMENTS[name].split("|")]
    if definition.arguments[0] == 0:
        return [name if definition.bare else f"{name}()"]
    return [next(text for text in (f"{name}({arguments})" for arguments in _COMMON) if _is_call(text))]


def _is_call(text: str) -> bool:
    try:
        Scope().variable(text)
    except InvalidInput:
        return False
    return True


def covered(particles: str, file: str, *, photons: bool) -> list[str]:
    """All that can be asked of these particles in this file."""
    missing = ("loop:",) if photons else ("loop:", "list:gamma", "mask:good")
    scope, found = Scope(), []
    for name, definition in registry.items():
        if particles not in DEMANDING.get(name, {particles}) or name in NOT_STORED[file]:
            continue
        for text in calls(name):
            compiled = scope.variable(text)
            needs = " ".join(compiled.needs | definition.needs)
            if not any(what in needs for what in missing) and (particles or compiled.of_event):
                found.append(text)
    return found


def prepared(body: str, file: Path, folder: Path) -> tuple[Context, Blueprint]:
    """The events of a file behind all modules of a steering."""
    script, paths, log = folder / "steering.py", [], Log(LogLevel.ERROR)
    script.write_text(
        "import basf2 as b2\nimport modularAnalysis as ma\nmain = b2.create_path()\n"
        f"ma.inputMdstList([{str(file)!r}], path=main)\n{body}\nb2.process(main)\n"
    )
    run_script(script, on_process=lambda path, _: paths.append(path), log=log)
    blueprint = Blueprint(Scope(), Outputs(), log, list)
    (chunk,) = chunks(open_files([str(file)]), Selection())
    context = Context(chunk, log, chunk.alive.copy())
    context.particles.decays = blueprint.decays
    for module in paths[0].modules():
        step = make(module.type(), dict(module.params), blueprint, module.function)
        if not isinstance(step, Input | Nothing):
            step.run(context)
    return context, blueprint


def evaluated(context: Context, blueprint: Blueprint, particles: str, texts: list[str]) -> dict[str, np.ndarray]:
    """All these variables, each with the type that it declares."""
    found, kinds = {}, {"double": np.float64, "int": np.int64, "bool": np.bool_}
    view = View.of_list(context, list_name(particles) if particles else None)
    for text in texts:
        variable = blueprint.variable(text)
        try:
            found[text] = variable(view)
        except InvalidInput as error:  # what is not known of these files or particles is said
            if not isinstance(error, NotInLite) and "without the conditions database" not in str(error):
                raise
            continue
        assert found[text].dtype == kinds[variable.type], text
        assert found[text].shape == (len(view),), text
    return found


def test_all_variables_work_on_all_particles(real_data, tmp_path):
    file = "mdst-v09-00-00.root"
    context, blueprint = prepared(TRACKS + PHOTONS, real_data / file, tmp_path)
    asked, filled = set(), set()
    for particles in ["", *OF_ALL, "phi:x"]:
        for text, values in evaluated(context, blueprint, particles, covered(particles, file, photons=True)).items():
            name = text.partition("(")[0]
            asked.add(name)
            if values.dtype != np.float64 or not np.isnan(values).all():
                filled.add(name)
    # what is NaN for all of them is not tried: these need fits, injection, conditions or decays that are not here
    assert asked - filled <= {
        *("FourCKFitChi2", "FourCKFitProb", "KFit_nTracks", "TracksLBoostChi2", "clusterErrorE", "prodVertexCov"),
        *("cosHelicityAngleForQuasiTwoBodyDecay", "cosHelicityAngleMomentumPi0Dalitz", "eventExtraInfo", "extraInfo"),
        *("flightDistanceErr", "flightTimeErr", "hasRecentInjection", "injectionInHER", "originalDaughter"),
        *(
            "originalParticle",
            "revolutionCounter2",
            "timeSinceLastInjectionSignalClockTicks",
            "transformedNetworkOutput",
        ),
        *("timeSincePrevTriggerClockTicks", "triggeredBunchNumberTTD", "useTagSideRecoilRestFrame", "vertexDistance"),
        *("varForFirstMCAncestorOfType", "vertexDistanceErr", "vertexDistanceSignificance"),
        *(f"prodVertex{axis}{error}" for axis in "XYZ" for error in ("", "Err")),
        *(name for name in registry if name.startswith("gen") and "OfEvent" in name),
    }, sorted(asked - filled)
    assert len(asked) > len(registry) - 20


@pytest.mark.parametrize("file", [name for name in NOT_STORED if "v09" not in name])
def test_all_variables_work_on_older_files(file, real_data, tmp_path):
    photons = file in {"mdst.root", "mdst-v06-00-00.root"}  # of the others the interaction point is not known
    context, blueprint = prepared(TRACKS + (PHOTONS if photons else ""), real_data / file, tmp_path)
    for particles in ["pi+:x", *(["B+:x"] if photons else ["K_S0:V0"])]:
        evaluated(context, blueprint, particles, covered(particles, file, photons=photons))


@pytest.mark.parametrize("name", ["minC2TDistID", "nECLShowers", "clusterCellID"])
def test_what_a_file_does_not_store_is_said(name, real_data, lite):
    body = TRACKS + f"ma.variablesToNtuple('e+:all', [{name!r}], path=main)"
    file = "mdst-v01-00-04.root" if name == "clusterCellID" else "mdst.root"
    with pytest.raises(InvalidInput, match="an mDST version that does not store it"):
        lite(body, real_data / file, events=10)


@pytest.mark.parametrize(
    "text",
    [
        "veto(pi+:x)", "modulo(E, 0)", "modulo(E, x)", "closestInList(pi+:x)", "useParticleRestFrame(E)",
        "getVariableByRank(pi+:x, p, E)", "grandDaughterDiffOf(0, 0, 0, phi)", "L1PSNMBit(320)",
        "nTrackFitResults(pi0)",
        "daughterDiffOf(a, 1, p)", "daughterDiffOf(0, 1, isFromECL)", "eventCached(p)", "constant(x)", "int(E)",
        "photonHasOverlap(E > 1, pi+:x)", "nNeutralECLClusters(3)", "pidLogLikelihoodValueExpert(211)",
        "hasExtraCDCHitsInLayer(56)", "unmask(PDG)", "averageValueInList(pi+:none, p)",
    ],
)  # fmt: skip
def test_mistakes_are_said_before_an_event_is_read(text, real_data, lite):
    with pytest.raises(InvalidSteering):
        lite(TRACKS + f"ma.variablesToNtuple('pi+:x', [{text!r}], path=main)", real_data / "mdst.root")


@pytest.mark.parametrize(
    "text", ["veto(gamma:x, M > 0.1)", "extraInfo(original_index)", "extraInfo(failed)", "useCMSFrame(PDG)"]
)
def test_what_is_not_established_is_refused(text, real_data, lite):
    with pytest.raises((NotInLite, InvalidSteering), match=r"not covered|double"):
        lite(TRACKS + PHOTONS + f"ma.variablesToNtuple('pi+:x', [{text!r}], path=main)", real_data / "mdst.root")
