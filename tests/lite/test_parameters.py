"""No parameter is ignored in silence.

Every parameter with a default, of every function that `coverage` lists, is given another value. Either the run is
refused before an event is read, or something comes out differently, or the parameter is listed here as one that
makes no difference, with the reason. Signatures are the stand-ins' own: a parameter that is added to them
without a value here fails.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import uproot

from b2grid.errors import InvalidInput, NotInLite
from b2grid.lite.covered import FUNCTIONS
from b2grid.lite.engine import RunOptions, run
from b2grid.steering.standin import Log, LogLevel, run_script
from b2grid.steering.standin.origin import PACKAGES

NO_DIFFERENCE = {
    "writeOut": "says what a later output of events holds, and such outputs are refused",
    "path": "the path",
    "useB2BIIDBCache": "for Belle data, which are refused",
    "silence_warning": "a message",
    "timeout": "no database is asked",
    "metavariables": "names of what event cuts may use; what is not of events is refused anyway",
    "basketsize": "how the file is laid out",
    "hdf_table_name": "for HDF5, which is refused",
    "event_buffer_size": "how the file is laid out",
    "column": "of a data frame behind the run; the tests of the stand-ins look at it",
    "ignoreCommandLineOverride": "looked at with -o only",
    "onlyPrimaries": "which messages there are",
    "maxLevel": "which messages there are",
    "showMomenta": "which messages there are",
    "showVertices": "which messages there are",
    "suppressPrint": "which messages there are",
}
OTHER: dict[str, Any] = {
    "environmentType": "Belle",
    "skipNEvents": 3,
    "entrySequence": "2:4",
    "entrySequences": ["2:4"],
    "parentLevel": 1,
    "cut": "p > 0.5",
    "outputVariable": "r2",
    "dmID": 7,
    "candidate_limit": 1,
    "numBest": 1,
    "treename": "other",
    "filename": "other.root",
    "signalSideParticleList": "pi+:x",
    "filenameSuffix": "_2",
    "option": 2,
    "name": "Region",
    "listtype": "loose",
    "stdPhotons.stdPhotons listtype": "cdc",
    "stdPi0s.stdPi0s listtype": "eff40_May2020",
    "pidPriors": [0.9, 0.02, 0.02, 0.02, 0.02, 0.02],
    "suffix": "_2",
    "beamBackgroundMVAWeight": "MC16rd",
    "fakePhotonMVAWeight": "MC16rd",
    "biasCorrectionTable": "table",
    "inputParticlelists": ["K+:x"],
    "chargedPIDPriors": [0.9, 0.02, 0.02, 0.02, 0.02, 0.02],
    "modularAnalysis.buildEventShape inputListNames": ["pi+:x"],
    "modularAnalysis.calculateDistance mode": "2tracks",
    "modularAnalysis.buildEventKinematics inputListNames": ["pi+:x"],
    "modularAnalysis.buildEventKinematicsFromMC inputListNames": ["pi+:g"],
    "modularAnalysis.buildRestOfEventFromMC inputParticlelists": ["pi+:g"],
    "selectionCut": "p > 0.5",
    "custom_cuts": ("p > 0.5", "E > 0.5"),
    "stdCharged.stdMostLikely custom_cuts": "p > 0.5",
    "maskName": "m",
    "sourceParticleListName": "D0:r2",
    "trackSelection": "p > 0.5",
    "eclClusterSelection": "E > 0.2",
    "klmClusterSelection": "E > 0.8",
    "roe_mask": "m",
    "variables_2d": [("p", 5, 0, 3, "theta", 5, 0, 3)],
    "directory": "here",
    "stdKlongs.stdKlongs listtype": "allecl",
    "method": "bdt",
    "classification": "binary",
    "lid_weights_gt": "weights",
    "release": 8,
    "channel_eff": "eff",
    "channel_misid_pi": "pi",
    "channel_misid_K": "K",
    "inputListName": "e-:x",
    "maximumAcceptance": 0.1,
    "angleThreshold": 0.4,
    "modularAnalysis.updateROEUsingV0Lists fitter": "kfit",
    "selection_cuts": "M > 100",
    "particleLists": ["pi+:x"],
    "pdgCode": 321,
    "outputFile": "lists.json",
    "outputListLabel": "label",
    "trainingModeMulticlass": 0,
    "trainingModeBinary": 0,
    "fit_type": "mass",
    "constraint": "ipprofile",
    "decay_string": "D0:r -> ^K-:x pi-:x",
    "vertex.kFit massConstraint": [421],
    "vertex.fitVertex massConstraint": [421],
    "recoilMass": 1.0,
    "smearing": 0.01,
    "vertex.fitVertex fitter": "Rave",
    "stdV0s.stdKshorts fitter": "KFit",
    "stdV0s.stdLambdas fitter": "KFit",
    "conf_level": 0.5,
    "massConstraint": ["D0"],
    "customOriginVertex": [0.1, 0.0, 0.0],
    "customOriginCovariance": [0.1, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.1],
    "originDimension": 2,
    "massConstraintDecayString": "^D0 -> K- pi+",
    "massConstraintMassValues": [1.8],
    "treatAsInvisible": "D0 -> ^K- pi+",
    "ignoreFromVertexFit": "D0 -> ^K- pi+",
}
"""Values for parameters whose default does not say what they are like; truth values are turned round."""

LISTS = """
ma.fillParticleLists([('pi+:x', 'pt > 0.1'), ('K+:x', 'pt > 0.1'), ('gamma:x', 'E > 0.1')], path=main)
ma.copyList('pi+:y', 'pi+:x', path=main)
ma.rankByHighest('pi+:y', 'p', outputVariable='r', path=main)
"""
SEEN = ["PDG", "p", "M", "mdstIndex", "particleSource", "extraInfo(r)", "extraInfo(r2)", "extraInfo(charge_rank)",
        "extraInfo(decayModeID)",
        "extraInfo(SignalRegion)", "extraInfo(Region)"]  # fmt: skip
ROE = """
ma.reconstructDecay('D0:r -> K-:x pi+:x', '1.8 < M < 1.95', path=main)
ma.reconstructDecay('D0:r2 -> K-:x pi-:x', '1.8 < M < 1.95', allowChargeViolation=True, path=main)
ma.buildRestOfEvent('D0:r2', path=main)
"""
FITTED = "ma.reconstructDecay('D0:r -> K-:x pi-:x', '1.7 < M < 2', allowChargeViolation=True, path=main)\n"
MASK = "ma.buildRestOfEvent('D0:r', path=main); ma.appendROEMask('D0:r', 'm', 'p > 0.2', 'E > 0.1', path=main)\n"
GENERATED = "".join(
    f"ma.fillParticleListFromMC('{name}:g', '', addDaughters=True, skipNonPrimaryDaughters=True, path=main)\n"
    for name in ("pi+", "K-", "D0")
)
BEFORE = {
    "correctBrems": "ma.fillParticleLists([('e-:b', ''), ('gamma:b', '')], path=main)",
    "correctBremsBelle": "ma.fillParticleLists([('e-:b', ''), ('gamma:b', '')], path=main)",
    "updateROEUsingV0Lists": ROE + MASK,
    "removeExtraInfo": "ma.variablesToEventExtraInfo('pi+:x', {'p': 'r'}, path=main)",
    "mergeListsWithBestDuplicate": ROE + "ma.reconstructDecay('anti-D0:m -> K-:x pi+:x', '1.8 < M < 1.95', path=main)",
    "reconstructMCDecay": GENERATED,
    "buildRestOfEventFromMC": GENERATED,
    "buildEventKinematicsFromMC": GENERATED,
    "buildRestOfEvent": ROE,
    "appendROEMask": ROE + MASK,
    "appendROEMasks": ROE + MASK,
    "updateROEMask": ROE + MASK,
    "updateROEMasks": ROE + MASK,
    "buildContinuumSuppression": ROE + MASK,
    "treeFit": ROE,
    "variablesToDaughterExtraInfo": ROE,
    "kFit": FITTED,
    "fitVertex": FITTED,
    "calculateDistance": ROE,
    "fillParticleListFromROE": ROE + MASK + "ma.appendROEMask('D0:r2', 'm', 'p > 0.2', 'E > 0.1', path=main)",
}
"""What a function needs before it is called."""
OF_REST = [f"{name}({mask})" for name in ("roeE", "nROE_Tracks", "nROE_Photons", "nROE_NeutralHadrons")
           for mask in ("", "m")]  # fmt: skip
OF_SHAPE = ["foxWolframR2", "foxWolframR(6)", "thrust", "sphericity", "cleoConeThrust3", "harmonicMomentThrust0",
            "harmonicMoment(2, collision)", "forwardHemisphereMass"]  # fmt: skip
ALSO_SEEN = {
    "buildRestOfEvent": OF_REST[::2],
    "buildRestOfEventFromMC": ["roeE()", "roeCharge()"],
    "buildEventKinematicsFromMC": ["genMissingMass2OfEvent"],
    "fillParticleListFromMC": ["nDaughters"],
    "fillParticleListsFromMC": ["nDaughters"],
    "findMCDecay": ["nDaughters"],
    "appendROEMask": [*OF_REST, *(name.replace("(m)", "(z)") for name in OF_REST[1::2])],
    "updateROEMask": OF_REST,
    "buildEventShape": OF_SHAPE,
    "buildEventKinematics": ["missingMass2OfEvent", "totalPhotonsEnergyOfEvent"],
    "buildContinuumSuppression": ["R2", "cosTBTO"],
    "fillParticleListFromROE": ["nDaughters", "E"],
    "variablesToEventExtraInfo": ["eventExtraInfo(r)"],
    "removeExtraInfo": ["eventExtraInfo(r)"],
    "updateROEUsingV0Lists": ["nROE_Composites(m)", "roeE(m)"],
    "kFit": ["chiProb", "x", "daughter(0, chiProb)", "daughterSumOf(p)"],
    "fitVertex": ["chiProb", "x", "daughter(0, chiProb)", "daughterSumOf(p)"],
    "treeFit": ["chiProb", "x", "daughter(0, p)"],
    "stdKshorts": ["chiProb", "daughter(0, p)"],
    "stdLambdas": ["chiProb", "daughter(0, p)"],
    "calculateDistance": ["extraInfo(CalculatedDistance)"],
}
RHO = "'rho0:z -> pi+:x pi-:x', '0.6 < M < 0.9'"

CASES: dict[str, list[tuple[str, str]]] = {
    "modularAnalysis.inputMdst": [("'INPUT'", "")],
    "modularAnalysis.inputMdstList": [("['INPUT']", "")],
    "modularAnalysis.loadGearbox": [("", "")],
    "modularAnalysis.getAnalysisGlobaltag": [("", "")],
    "modularAnalysis.fillParticleList": [("'mu+:z', ''", "mu+:z"), ("'gamma:z', ''", "gamma:z")],
    "modularAnalysis.fillParticleLists": [("[('mu+:z', '')]", "mu+:z"), ("[('gamma:z', '')]", "gamma:z")],
    "modularAnalysis.fillConvertedPhotonsList": [("'gamma:V0 -> e+ e-', ''", "gamma:V0")],
    "modularAnalysis.fillParticleListFromMC": [("'e-:z', ''", "e-:z"), ("'K+:z', '', addDaughters=True", "K+:z")],
    "modularAnalysis.fillParticleListsFromMC": [
        ("[('e-:z', '')]", "e-:z"),
        ("[('K+:z', '')], addDaughters=True", "K+:z"),
    ],
    "modularAnalysis.copyList": [("'pi+:z', 'pi+:x'", "pi+:z")],
    "modularAnalysis.copyLists": [("'pi+:z', ['pi+:x']", "pi+:z")],
    "modularAnalysis.cutAndCopyList": [("'pi+:z', 'pi+:x', ''", "pi+:z")],
    "modularAnalysis.cutAndCopyLists": [("'pi+:z', ['pi+:x'], ''", "pi+:z")],
    "modularAnalysis.mergeListsWithBestDuplicate": [
        ("'pi+:z', ['pi+:x'], 'p'", "pi+:z"),
        ("'D0:z', ['D0:r', 'anti-D0:m'], 'p'", "D0:z"),
    ],
    "modularAnalysis.applyCuts": [("'pi+:x', ''", "pi+:x")],
    "modularAnalysis.applyEventCuts": [("'nTracks > 5'", "")],
    "modularAnalysis.rankByHighest": [
        ("'pi+:y', 'charge', " + same, "pi+:y") for same in ("outputVariable='r'", "cut=''", "numBest=2")
    ],
    "modularAnalysis.rankByLowest": [
        ("'pi+:y', 'charge', " + same, "pi+:y") for same in ("outputVariable='r'", "cut=''", "numBest=2")
    ],
    "modularAnalysis.removeParticlesNotInLists": [("['pi+:x']", "pi+:x")],
    "modularAnalysis.reconstructDecay": [
        (RHO, "rho0:z"),
        (f"{RHO}, candidate_limit=2", "rho0:z"),
        ("'D0:z -> K-:x pi+:x', '1.7 < M < 2'", "D0:z"),
        ("'D0:z -> K-:x pi-:x', '1.7 < M < 2'", "D0:z"),
    ],
    "modularAnalysis.matchMCTruth": [("'pi+:x'", "pi+:x")],
    "modularAnalysis.calculateDistance": [("'D0:r', 'D0:r -> ^K-:x ^pi+:x'", "D0:r")],
    "modularAnalysis.reconstructMCDecay": [("'D0:z -> K-:g pi+:g ...', ''", "D0:z")],
    "modularAnalysis.findMCDecay": [
        ("'D0:z', 'D0 -> K- ... ?gamma ?nu'", "D0:z"),
        ("'K+:z', 'K+', appendAllDaughters=True", "K+:z"),
    ],
    "modularAnalysis.buildRestOfEventFromMC": [("'D0:g'", "D0:g")],
    "modularAnalysis.buildEventKinematicsFromMC": [("", "")],
    "modularAnalysis.printMCParticles": [("", "")],
    "modularAnalysis.printPrimaryMCParticles": [("", "")],
    "modularAnalysis.buildRestOfEvent": [("'D0:r'", "D0:r")],
    "modularAnalysis.appendROEMask": [("'D0:r', 'z', '', ''", "D0:r")],
    "modularAnalysis.appendROEMasks": [("'D0:r', [('z', '', '')]", "D0:r")],
    "modularAnalysis.updateROEMask": [("'D0:r', 'm', ''", "D0:r")],
    "modularAnalysis.updateROEMasks": [("'D0:r', [('m', '', '')]", "D0:r")],
    "modularAnalysis.fillParticleListFromROE": [
        ("'D0:z', '', sourceParticleListName='D0:r'", "D0:z"),
        ("'D0:z', ''", "D0:z"),
    ],
    "modularAnalysis.copyParticles": [("'pi+:z', 'pi+:x'", "pi+:z")],
    "modularAnalysis.combineAllParticles": [("['pi+:x'], 'vpho:z'", "vpho:z")],
    "modularAnalysis.replaceMass": [("'r', particleLists=['pi+:x']", "pi+:x"), ("'r', pdgCode=321", "pi+:x")],
    "modularAnalysis.reconstructRecoil": [
        ("'vpho:z -> K-:x pi+:x', ''", "vpho:z"),
        ("'vpho:z -> K-:x pi-:x', ''", "vpho:z"),
    ],
    "modularAnalysis.reconstructRecoilDaughter": [
        ("'vpho:z -> K-:x pi+:x', ''", "vpho:z"),
        ("'vpho:z -> K-:x pi-:x', ''", "vpho:z"),
    ],
    "modularAnalysis.correctBrems": [
        ("'e-:z', 'e-:b', 'gamma:b'", "e-:z"),
        ("'e-:z', 'e-:b', 'gamma:b', usePhotonOnlyOnce=False", "e-:z"),
    ],
    "modularAnalysis.correctBremsBelle": [
        ("'e-:z', 'e-:b', 'gamma:b', angleThreshold=0.3", "e-:z"),
        ("'e-:z', 'e-:b', 'gamma:b'", "e-:z"),
    ],
    "modularAnalysis.updateROEUsingV0Lists": [
        ("'D0:r', 'm', apply_mass_fit=True, fitter='kfit'", "D0:r"),
        ("'D0:r', 'm', apply_mass_fit=True", "D0:r"),
        ("'D0:r', 'm', fitter='kfit'", "D0:r"),
    ],
    "modularAnalysis.removeExtraInfo": [("particleLists=['pi+:y']", "pi+:y"), ("", "pi+:y")],
    "modularAnalysis.summaryOfLists": [("['pi+:x']", "")],
    # these have no parameter with a default; other tests run them
    "modularAnalysis.addInclusiveDstarReconstruction": [],
    "stdPi0s.loadStdSkimPi0": [],
    "stdPi0s.loadStdSkimHighEffPi0": [],
    "stdPhotons.loadStdSkimPhoton": [],
    "modularAnalysis.optimizeROEWithV0": [],
    "modularAnalysis.setAnalysisConfigParams": [],
    "modularAnalysis.keepInROEMasks": [],
    "modularAnalysis.discardFromROEMasks": [],
    "modularAnalysis.fillSignalSideParticleList": [],
    "modularAnalysis.signalSideParticleFilter": [],
    "modularAnalysis.signalSideParticleListsFilter": [],
    "modularAnalysis.variableToSignalSideExtraInfo": [],
    "modularAnalysis.markDuplicate": [],
    "modularAnalysis.looseMCTruth": [],
    "modularAnalysis.printVariableValues": [],
    "modularAnalysis.printList": [],
    "b2pandas_utils.VariablesToTable": [],
    "b2pandas_utils.make_mcerrors_readable": [],
    "modularAnalysis.buildContinuumSuppression": [("'D0:r', 'all'", "D0:r")],
    "modularAnalysis.buildEventShape": [("", ""), ("inputListNames=['pi+:x', 'pi+:y']", "")],
    "modularAnalysis.buildEventKinematics": [("", ""), ("fillWithMostLikely=True", "")],
    "vertex.kFit": [
        (f"'D0:r', 0.0{more}", "D0:r") for more in ("", ", constraint='iptube'", ", fit_type='recoilmass'")
    ],
    "vertex.fitVertex": [
        (f"'D0:r', 0.0{more}", "D0:r") for more in ("", ", constraint='iptube'", ", fit_type='recoilmass'")
    ],
    "modularAnalysis.variablesToNtuple": [("'pi+:x', ['p']", "")],
    "modularAnalysis.variablesToHistogram": [("'pi+:x', [('p', 10, 0, 3)]", "")],
    "modularAnalysis.variablesToDaughterExtraInfo": [("'D0:r', 'D0:r -> ^K-:x pi+:x', {'M': 'r'}", "K+:x")],
    "modularAnalysis.variablesToEventExtraInfo": [("'pi+:x', {'p': 'r'}", "")],
    "modularAnalysis.variablesToExtraInfo": [("'pi+:y', {'p': 'r'}", "pi+:y")],
    "modularAnalysis.signalRegion": [("'pi+:y', 'p > 0.5'", "pi+:y")],
    "stdCharged.stdCharged": [("'pi', 'good'", "pi+:good")],
    "stdCharged.stdPi": [("", "pi+:good")],
    "stdCharged.stdK": [("", "K+:good")],
    "stdCharged.stdPr": [("", "p+:good")],
    "stdCharged.stdE": [("", "e-:good")],
    "stdCharged.stdMu": [("", "mu-:good")],
    "stdKlongs.stdKlongs": [("", "K_L0:allklm")],
    "stdCharged.stdMostLikely": [("", "K+:mostlikely"), ("", "K+:mostlikely_2")],
    "stdPhotons.stdPhotons": [("", "gamma:loose")],
    "stdPi0s.stdPi0s": [("", "pi0:eff60_May2020")],
    "stdV0s.stdKshorts": [("", "K_S0:merged"), ("", "K_S0:merged_TreeFit")],
    "stdV0s.stdLambdas": [("", "Lambda0:merged"), ("", "Lambda0:merged_TreeFit")],
    "vertex.treeFit": [
        ("'D0:r'", "D0:r"),
        ("'D0:r', ipConstraint=True", "D0:r"),
        ("'D0:r', customOriginConstraint=True", "D0:r"),
    ],
}
"""Per function the arguments it is called with, and the list to look at afterwards (the events, if empty)."""


HANDS_ON = {
    "inputMdst": ("inputMdstList", ("filelist", "entrySequences")),
    "printPrimaryMCParticles": ("printMCParticles", ("onlyPrimaries",)),
}
"""To what functions hand their keywords on, and those of its parameters that they give themselves."""


def _signatures() -> Iterator[tuple[str, inspect.Parameter]]:
    sys.path.insert(0, PACKAGES)
    before = set(sys.modules)
    try:
        for name in CASES:
            package, _, function = name.rpartition(".")
            parameters = dict(inspect.signature(getattr(importlib.import_module(package), function)).parameters)
            if "kwargs" in parameters:  # what it hands on
                target, own = HANDS_ON[function]
                del parameters["kwargs"]
                handed = inspect.signature(getattr(importlib.import_module(package), target)).parameters
                parameters |= {k: p for k, p in handed.items() if k not in parameters and k not in own}
            for parameter in parameters.values():
                if parameter.default is not inspect.Parameter.empty:
                    yield name, parameter
    finally:
        sys.path.remove(PACKAGES)
        for module in set(sys.modules) - before:
            if str(getattr(sys.modules[module], "__file__", "")).startswith(PACKAGES):
                del sys.modules[module]


PARAMETERS = [(name, one.name, one.default) for name, one in _signatures()]


def _other(name: str, parameter: str, default: Any) -> Any:
    return (not default) if isinstance(default, bool) else OTHER.get(f"{name} {parameter}", OTHER.get(parameter))


FILES = ("mdst.root", "mdst-v09-00-00.root", "data_prod00090401_01.root", "signal1_prod00090101_01.root")


def _file(name: str) -> str:
    usual, with_initial_particles, data, with_interaction_region = FILES
    if name.endswith("FromMC"):
        return with_initial_particles
    if name.endswith("signalRegion"):  # blinding is for data
        return data
    return with_interaction_region if name.startswith("vertex.") else usual


def _place(file: str, real_data: Path) -> Path:
    return (real_data if file.startswith("mdst") else Path(str(files("b2grid.catalogue.demo"))) / "data") / file


@dataclass(frozen=True)
class Call:
    """A function with arguments, and the list to look at afterwards."""

    name: str
    arguments: str
    seen: str
    given: str = ""

    def steering(self, file: Path, tree: str) -> str:
        """What is written in a steering file, for the path `main`."""
        words = [self.arguments.replace("INPUT", str(file)), self.given]
        if "path" in FUNCTIONS[self.name].split() and "path=" not in self.arguments:
            words.append("path=main")
        function = self.name.rpartition(".")[2]
        before = "" if "inputMdst" in self.name else LISTS + BEFORE.get(function, "")
        columns = [*(SEEN if self.seen else ["evtNum", "nTracks"]), *ALSO_SEEN.get(function, [])]
        return (
            f"{before}\n{self.name}({', '.join(filter(None, words))})\n"
            f"ma.variablesToNtuple({self.seen!r}, {columns!r}, treename={tree!r}, filename='seen.root', path=main)\n"
        )


def _calls(name: str, parameter: str, default: Any) -> Iterator[tuple[Call, Call]]:
    """The calls without the parameter, and with another value."""
    if parameter in NO_DIFFERENCE:
        return
    for arguments, seen in CASES[name]:
        if f"{parameter}=" not in arguments:
            call = Call(name, arguments, seen)
            yield call, replace(call, given=f"{parameter}={_other(name, parameter, default)!r}")


IMPORTS = """
import basf2 as b2
import modularAnalysis
import modularAnalysis as ma
import stdCharged, stdKlongs, stdPhotons, stdPi0s, stdV0s, vertex
"""
ALONE = ["inputMdst", "inputMdstList", "applyEventCuts", "variablesToNtuple", "variablesToHistogram"]
"""These read, end events, or write files that others write too; the others run together, each on its own copy."""


def _run(script: Path, body: str, on_process: Any) -> None:
    script.write_text(IMPORTS + body)
    run_script(script, on_process=on_process, log=Log(LogLevel.ERROR))


def _refusals(calls: list[Call], file: Path, folder: Path) -> dict[Call, type]:
    """What is refused before the input is looked at: here it is missing, which comes last."""
    refused: dict[Call, type] = {}

    def process(path: Any, _: int) -> None:
        try:
            run(path, RunOptions(inputs=("nowhere.root",)), Log(LogLevel.FATAL))
        except InvalidInput as error:
            codes = {finding.code for finding in getattr(error, "findings", ())}
            if codes:  # a list that a refused function does not make is missed behind it, too
                refused[calls[path.number]] = NotInLite if "B2S701" in codes else type(error)

    parts = [f"REFUSED = {{}}\nINPUT = {str(file)!r}"]
    for number, call in enumerate(calls):
        begin = "" if "inputMdst" in call.name else "ma.inputMdst(INPUT, path=main)\n"
        text = f"main = b2.create_path()\nmain.number = {number}\n{begin}{call.steering(file, 'seen')}b2.process(main)"
        parts.append(f"try:\n{indent(text, '    ')}\nexcept SystemExit:\n    print('ended', {number})")
    _run(folder / "refusals.py", "\n".join(parts), process)
    return refused


def _trees(file: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in set(file.keys(cycle=False)) - {"persistent"}:
        if hasattr(file[key], "branches"):
            found[key] = [(b.name, str(b.interpretation), b.array(library="np").tolist()) for b in file[key].branches]
        elif hasattr(file[key], "axes"):
            found[key] = file[key].values(flow=True).tolist()
    return found


def _together(calls: list[Call], file: Path, folder: Path) -> dict[Call, Any]:
    body = f"whole = b2.create_path()\nma.inputMdst({str(file)!r}, path=whole)\n" + "".join(
        f"main = b2.create_path()\n{call.steering(file, f't{number}')}whole.add_independent_path(main)\n"
        for number, call in enumerate(calls)
    )
    _run(
        folder / "together.py",
        body + "b2.process(whole)",
        lambda path, _: run(path, RunOptions(sequences=("0:24",)), Log(LogLevel.ERROR)),
    )
    with uproot.open(folder / "seen.root") as root:
        trees = _trees(root)
    (folder / "seen.root").unlink()
    return {call: repr(trees[f"t{number}"]) for number, call in enumerate(calls)}


def _alone(call: Call, file: Path, folder: Path) -> Any:
    """The content of every file that comes out."""
    begin = "" if "inputMdst" in call.name else f"ma.inputMdst({str(file)!r}, path=main)\n"
    body = f"main = b2.create_path()\n{begin}{call.steering(file, 'seen')}b2.process(main)"
    results: list[Any] = []
    try:
        _run(
            folder / "alone.py",
            body,
            lambda path, _: results.append(run(path, RunOptions(events=25), Log(LogLevel.ERROR))),
        )
    except InvalidInput as error:
        return type(error)
    trees = {}
    for output in results[0].outputs:
        with uproot.open(output) as root:
            trees[output] = _trees(root)
    return repr(trees)


def _outcomes(calls: list[Call], file: Path, folder: Path) -> dict[Call, Any]:
    """What comes out of every call: the error, or the content of the trees and histograms."""
    found: dict[Call, Any] = dict(_refusals(calls, file, folder))
    runs = [call for call in calls if call not in found]
    found |= {call: _alone(call, file, folder) for call in runs if call.name.rpartition(".")[2] in ALONE}
    return found | _together([call for call in runs if call not in found], file, folder)


def _complaint(name: str, parameter: str, default: Any, outcomes: dict[Call, Any]) -> str | None:
    """What is wrong with a parameter, if something is."""
    pairs = [(outcomes[without], outcomes[given]) for without, given in _calls(name, parameter, default)]
    call = f"{name}({parameter}={_other(name, parameter, default)!r})"
    if not any(without != given for without, given in pairs):
        return f"{call} changes nothing"
    if parameter not in FUNCTIONS[name].split() and not any(given is NotInLite for _, given in pairs):
        return f"{call} is not listed as covered, and runs"
    return None


def test_every_function_is_walked():
    left_out = {"modularAnalysis.create_path", "modularAnalysis.register_module"}
    assert {name for name in FUNCTIONS if not name.startswith("variables")} - left_out == set(CASES)


# a test for each file, not for each parameter: what is called together runs together, once and in one worker
@pytest.mark.slow
@pytest.mark.parametrize("kept", FILES)
def test_every_parameter_is_heeded_or_refused(kept, real_data, tmp_path, monkeypatch):
    walked = [one for one in PARAMETERS if _file(one[0]) == kept and one[1] not in NO_DIFFERENCE]
    assert walked
    monkeypatch.chdir(tmp_path)
    calls = dict.fromkeys(call for one in walked for pair in _calls(*one) for call in pair)
    outcomes = _outcomes(list(calls), _place(kept, real_data), tmp_path)
    complaints = [_complaint(*one, outcomes) for one in walked]
    assert [text for text in complaints if text] == []
