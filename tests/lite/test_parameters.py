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
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import uproot

from b2grid.errors import InvalidInput, NotInLite
from b2grid.lite.covered import FUNCTIONS
from b2grid.steering.standin.path import PACKAGES

NO_DIFFERENCE = {
    "writeOut": "says what a later output of events holds, and such outputs are refused",
    "path": "the path",
    "useB2BIIDBCache": "for Belle data, which are refused",
    "silence_warning": "a message",
    "timeout": "no database is asked",
    "metavariables": "names of what event cuts may use; what is not of events is refused anyway",
    "basketsize": "how the file is laid out",
    "ignoreCommandLineOverride": "looked at with -o only",
    "skipNonPrimaryDaughters": "nothing without addDaughters, which is refused",
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
    "modularAnalysis.buildEventKinematics inputListNames": ["pi+:x"],
    "custom_cuts": ("p > 0.5", "E > 0.5"),
    "stdCharged.stdMostLikely custom_cuts": "p > 0.5",
    "maskName": "m",
    "sourceParticleListName": "D0:r2",
    "trackSelection": "p > 0.5",
    "eclClusterSelection": "E > 0.2",
    "klmClusterSelection": "E > 0.8",
    "roe_mask": "m",
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
MASK = "ma.buildRestOfEvent('D0:r', path=main); ma.appendROEMask('D0:r', 'm', 'p > 0.2', 'E > 0.1', path=main)\n"
BEFORE = {
    "buildRestOfEvent": ROE,
    "appendROEMask": ROE + MASK,
    "appendROEMasks": ROE + MASK,
    "updateROEMask": ROE + MASK,
    "updateROEMasks": ROE + MASK,
    "buildContinuumSuppression": ROE + MASK,
    "fillParticleListFromROE": ROE + MASK + "ma.appendROEMask('D0:r2', 'm', 'p > 0.2', 'E > 0.1', path=main)",
}
"""What a function needs before it is called."""
OF_REST = [f"{name}({mask})" for name in ("roeE", "nROE_Tracks", "nROE_Photons", "nROE_NeutralHadrons")
           for mask in ("", "m")]  # fmt: skip
OF_SHAPE = ["foxWolframR2", "foxWolframR(6)", "thrust", "sphericity", "cleoConeThrust3", "harmonicMomentThrust0",
            "harmonicMoment(2, collision)", "forwardHemisphereMass"]  # fmt: skip
ALSO_SEEN = {
    "buildRestOfEvent": OF_REST[::2],
    "appendROEMask": [*OF_REST, *(name.replace("(m)", "(z)") for name in OF_REST[1::2])],
    "updateROEMask": OF_REST,
    "buildEventShape": OF_SHAPE,
    "buildEventKinematics": ["missingMass2OfEvent", "totalPhotonsEnergyOfEvent"],
    "buildContinuumSuppression": ["R2", "cosTBTO"],
    "fillParticleListFromROE": ["nDaughters", "E"],
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
    "modularAnalysis.fillParticleListFromMC": [("'e-:z', ''", "e-:z")],
    "modularAnalysis.fillParticleListsFromMC": [("[('e-:z', '')]", "e-:z")],
    "modularAnalysis.copyList": [("'pi+:z', 'pi+:x'", "pi+:z")],
    "modularAnalysis.copyLists": [("'pi+:z', ['pi+:x']", "pi+:z")],
    "modularAnalysis.cutAndCopyList": [("'pi+:z', 'pi+:x', ''", "pi+:z")],
    "modularAnalysis.cutAndCopyLists": [("'pi+:z', ['pi+:x'], ''", "pi+:z")],
    "modularAnalysis.mergeListsWithBestDuplicate": [("'pi+:z', ['pi+:x'], 'p'", "pi+:z")],
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
    "modularAnalysis.buildRestOfEvent": [("'D0:r'", "D0:r")],
    "modularAnalysis.appendROEMask": [("'D0:r', 'z', '', ''", "D0:r")],
    "modularAnalysis.appendROEMasks": [("'D0:r', [('z', '', '')]", "D0:r")],
    "modularAnalysis.updateROEMask": [("'D0:r', 'm', ''", "D0:r")],
    "modularAnalysis.updateROEMasks": [("'D0:r', [('m', '', '')]", "D0:r")],
    "modularAnalysis.fillParticleListFromROE": [
        ("'D0:z', '', sourceParticleListName='D0:r'", "D0:z"),
        ("'D0:z', ''", "D0:z"),
    ],
    # these have no parameter with a default; the tests of loops over rests of the event run them
    "modularAnalysis.keepInROEMasks": [],
    "modularAnalysis.discardFromROEMasks": [],
    "modularAnalysis.fillSignalSideParticleList": [],
    "modularAnalysis.signalSideParticleFilter": [],
    "modularAnalysis.signalSideParticleListsFilter": [],
    "modularAnalysis.variableToSignalSideExtraInfo": [],
    "modularAnalysis.buildContinuumSuppression": [("'D0:r', 'all'", "D0:r")],
    "modularAnalysis.buildEventShape": [("", ""), ("inputListNames=['pi+:x', 'pi+:y']", "")],
    "modularAnalysis.buildEventKinematics": [("", ""), ("fillWithMostLikely=True", "")],
    "modularAnalysis.variablesToNtuple": [("'pi+:x', ['p']", "")],
    "modularAnalysis.variablesToExtraInfo": [("'pi+:y', {'p': 'r'}", "pi+:y")],
    "modularAnalysis.signalRegion": [("'pi+:y', 'p > 0.5'", "pi+:y")],
    "stdCharged.stdCharged": [("'pi', 'good'", "pi+:good")],
    "stdCharged.stdPi": [("", "pi+:good")],
    "stdCharged.stdK": [("", "K+:good")],
    "stdCharged.stdPr": [("", "p+:good")],
    "stdCharged.stdMostLikely": [("", "K+:mostlikely"), ("", "K+:mostlikely_2")],
    "stdPhotons.stdPhotons": [("", "gamma:loose")],
    "stdPi0s.stdPi0s": [("", "pi0:eff60_May2020")],
}
"""Per function the arguments it is called with, and the list to look at afterwards (the events, if empty)."""


def _signatures() -> Iterator[tuple[str, inspect.Parameter]]:
    sys.path.insert(0, PACKAGES)
    before = set(sys.modules)
    try:
        for name in CASES:
            package, _, function = name.rpartition(".")
            parameters = dict(inspect.signature(getattr(importlib.import_module(package), function)).parameters)
            if "kwargs" in parameters:  # what inputMdst hands on
                target = importlib.import_module(package).inputMdstList
                own = parameters.pop("kwargs")
                parameters |= {k: p for k, p in inspect.signature(target).parameters.items() if k not in parameters}
                del parameters["filelist"], parameters["entrySequences"], own
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


def _file(name: str, real_data: Path) -> Path:
    if name.endswith("FromMC"):  # it has initial particles
        return real_data / "mdst-v09-00-00.root"
    if name.endswith("signalRegion"):  # blinding is for data
        return Path(str(files("b2grid.catalogue.demo"))) / "data" / "data_prod00090401_01.root"
    return real_data / "mdst.root"


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Any]:
    """Outcomes of calls without the parameter, which several parameters share."""
    return {}


def _outcome(lite: Any, path: Any, name: str, arguments: str, seen: str, given: dict[str, Any]) -> Any:
    """What comes out: the error, or the content of every tree of every file."""
    words = [arguments.replace("INPUT", str(path)), *(f"{key}={value!r}" for key, value in given.items())]
    if "path" in FUNCTIONS[name].split() and "path=" not in arguments:
        words.append("path=main")
    function = name.rpartition(".")[2]
    before = "main = b2.create_path()" if "inputMdst" in name else LISTS + BEFORE.get(function, "")
    call = f"{name}({', '.join(filter(None, words))})"
    body = f"import modularAnalysis, stdCharged, stdPhotons, stdPi0s\n{before}\n{call}"
    columns = [*(SEEN if seen else ["evtNum", "nTracks"]), *ALSO_SEEN.get(function, [])]
    body += f"\nma.variablesToNtuple({seen!r}, {columns!r}, treename='seen', filename='seen.root', path=main)"
    try:
        found = lite(body, path, events=25)
    except (InvalidInput, SystemExit) as error:
        return type(error)
    trees = {}
    for file in found.result.outputs:
        with uproot.open(file) as root:
            for tree in set(root.keys(cycle=False)) - {"persistent"}:
                branches = root[tree].branches
                trees[file, tree] = [(b.name, str(b.interpretation), b.array(library="np").tolist()) for b in branches]
    return repr(trees)


def test_every_function_is_walked():
    left_out = {"modularAnalysis.create_path", "modularAnalysis.register_module"}
    assert {name for name in FUNCTIONS if not name.startswith("variables")} - left_out == set(CASES)


@pytest.mark.parametrize(("name", "parameter", "default"), PARAMETERS, ids=[f"{n}-{p}" for n, p, _ in PARAMETERS])
def test_a_parameter_is_heeded_or_refused(name, parameter, default, real_data, lite, outcomes):
    if parameter in NO_DIFFERENCE:
        return
    other = _other(name, parameter, default)
    path = _file(name, real_data)
    differs, refused = False, False
    for arguments, seen in CASES[name]:
        if f"{parameter}=" in arguments:
            continue
        key = f"{name}  {seen}"
        if key not in outcomes:
            outcomes[key] = _outcome(lite, path, name, arguments, seen, {})
        changed = _outcome(lite, path, name, arguments, seen, {parameter: other})
        differs |= changed != outcomes[key]
        refused |= changed is NotInLite
    assert differs, f"{name}({parameter}={other!r}) changes nothing"
    if parameter not in FUNCTIONS[name].split():
        assert refused, f"{name}({parameter}={other!r}) is not listed as covered, and runs"
