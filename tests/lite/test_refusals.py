"""What is not covered is refused by name and line, all of it at once, before anything is read or written."""

from __future__ import annotations

import ast

import pytest

from b2grid.errors import InvalidInput, InvalidSteering, NotInLite
from b2grid.lite import coverage
from b2grid.lite.covered import FUNCTIONS
from b2grid.lite.modules import MODULES
from b2grid.steering.standin.origin import PACKAGES
from tests.lite.fitted import SIGNAL  # a small file, and quick to open

NOT_COVERED = [
    ("main.add_module('RestOfEventBuilder', particleList='pi+:x', useKLMEnergy=True)", "useKLMEnergy=True"),
    ("ma.reconstructRecoil('D+:x -> pi+:x pi-:x pi+:x', '', path=main)", "allowChargeViolation"),
    ("ma.findMCDecay('B0:f', 'B0 -> J/psi K_S0', path=main)", "K_S0"),
    ("ma.findMCDecay('J/psi:f', 'J/psi -> mu+ mu-', path=main)", "found twice"),
    ("ma.printMCParticles(showStatus=True, path=main)", "showStatus=True"),
    ("ma.fillParticleListFromROE('nu_e:roe', '', useMissing=True, path=main)", "sourceParticleListName=''"),
    ("ma.updateROEUsingV0Lists('pi+:x', ['clean'], path=main)", "updateROEUsingV0Lists"),
    ("ma.buildNestedRestOfEvent('pi+:x', path=main)", "createNestedROE=True"),
    ("ma.matchTagTruth('pi+:x', path=main)", "ccbarTagMatching=True"),
    ("ma.variablesToNtuple('pi+:x', ['DeltaT'], path=main)", "'DeltaT'"),
    ("from b2pandas_utils import VariablesToHDF5 as H; main.add_module(H('pi+:x', ['p'], 'a.h5'))", "PyTables"),
    (
        "main.add_module('VariablesToEventBasedTree', particleList='pi+:x', variables=['isFromTrack'])",
        "'isFromTrack'",
    ),
    ("main.do_while(b2.create_path())", "a do_while path"),
    ("ma.applyCuts('pi+:x', 'kaonIDNN > 0.1', path=main)", "'kaonIDNN'"),
    ("ma.tagCurlTracks('pi+:x', path=main)", "tagCurlTracks"),
    ("ma.printDataStore(path=main)", "printDataStore"),
    ("ma.printList('pi+:x', True, path=main)", "fullPrint=True"),
    ("ma.variablesToDaughterExtraInfo('pi+:x', 'D0:x -> ^pi+:x K-:x', {'p': 'a'}, path=main)", "decayString="),
    ("ma.setAnalysisConfigParams({'mcMatchingVersion': 'MC5'}, path=main)", "mcMatchingVersion='MC5'"),
    ("main.add_module('PrintCollections')", "PrintCollections"),
    ("main.add_module('ParticleLoader', decayStrings=['pi+:y'], trackHypothesis=321)", "trackHypothesis=321"),
    ("import vertex; vertex.raveFit('D0:x', 0.0, path=main)", "raveFit"),
    ("ma.reconstructDecay('D0:x -> [K*0:x -> pi+:x pi-:x] pi+:x', '', path=main)", "nested"),
    ("ma.fillParticleList('pi+:e', '', enforceFitHypothesis=True, path=main)", "different ways"),
    ("ma.variablesToExtraInfo('pi+:x', {'p': 'a'}, option=5, path=main)", "overwrite=5"),
    ("main.add_module('Progress').if_value('>0', b2.create_path())", "conditional path"),
    ("main.for_each('Particle', 'Particles', b2.create_path())", "a for_each path over Particles"),
    ("main.add_independent_path(b2.create_path(), 'copy', ['Particles'])", "mergeBack"),
    (
        "apart = b2.create_path(); ma.applyEventCuts('nTracks > 3', path=apart); main.add_independent_path(apart)",
        "independent path that ends the event",
    ),
]
WRONG = [
    ("ma.applyCuts('pi+:nowhere', 'p > 1', path=main)", "pi+:nowhere"),
    ("ma.applyCuts('pi+:x', 'nParticlesInList(K+:nowhere) > 1', path=main)", "K+:nowhere"),
    ("ma.applyEventCuts('countInList(K+:nowhere, p > 1) > 1', path=main)", "K+:nowhere"),
    ("ma.applyCuts('pi+:all', 'p > 1', path=main)", "protected"),
    ("ma.fillParticleList('gamma:all', 'E > 1', path=main)", "protected"),
    ("ma.fillParticleList('K_S0:x', '', path=main)", "K_S0:x"),
    ("ma.fillParticleList('D0:x', '', path=main)", "D0:x"),
    ("ma.reconstructDecay('D0:x -> K-:x pi-:x', '', path=main)", "pi-:x|K-:x|charges"),
    ("ma.reconstructDecay('D0:x -> pi-:x pi-:x', '', path=main)", "charges"),
    ("ma.applyCuts('pi+:x', 'p >', path=main)", "parse"),
    ("ma.variablesToNtuple('pi+:x', ['p'], treename='persistent', path=main)", "persistent"),
    ("for _ in range(2): ma.variablesToNtuple('pi+:x', ['p'], path=main)", "twice"),
    ("ma.variablesToNtuple('', ['p'], path=main)", "'p'"),
    ("ma.applyEventCuts('p > 1', path=main)", "event"),
    ("ma.copyList('pi+:x', 'pi+:x', path=main)", "itself"),
    ("ma.rankByHighest('pi+:all', 'p', numBest=1, path=main)", "protected"),
    ("for _ in range(2): ma.reconstructDecay('rho0:x -> pi+:x pi-:x', '', path=main)", "twice"),
    ("ma.rankByHighest('pi+:x', 'useCMSFrame(nTracks)', path=main)", "double"),
    ("main.add_module('ParticleSelector', decayString=5)", "decayString"),
    ("main.add_module('SubEvent', mode='independent')", "path of SubEvent"),
    ("from b2pandas_utils import VariablesToTable as T; main.add_module(T('', ['p'], 'a.pq'))", "particle list"),
    (
        "from b2pandas_utils import VariablesToTable as T; [main.add_module(T('pi+:x', ['p'], 'a.pq')) for _ in 'ab']",
        "written twice",
    ),
    ("main.add_module('VariablesToNtuple', particleList='pi+:x', sampling=('p', {0: 0.5}))", "sampling"),
    ("main.add_module('VariablesToEventBasedTree', particleList='pi+:x', sampling=('p', {1: 2}))", "'p'"),
    ("main.add_module('VariablesToEventBasedTree', particleList='pi+:x', event_variables=['evtNum'])", "evtNum"),
    ("main.add_module('VariablesToEventBasedTree', particleList='pi+:x', event_variables=['p'])", "'p'"),
    ("main.add_module('VariablesToEventBasedTree', particleList='pi+:x', maxCandidates=0)", "maxCandidates"),
    ("ma.variablesToNtuple('pi+:x', ['p'], filename='', path=main)", "file name"),
    ("main.add_module('VariableToNtuple', particleList='pi+:x')", "no module 'VariableToNtuple'"),
    ("ma.applyCuts('pi+:x', 'Mm > 1', path=main)", "no variable 'Mm'"),
    ("ma.applyEventCuts('pt > 1 and nTracks > 2', path=main)", "'pt > 1 and nTracks > 2' needs a particle"),
    ("ma.variablesToNtuple('', ['p', 'nTracks', 'pt'], path=main)", "'p', 'pt' are no variables of events"),
    (
        "ma.buildRestOfEvent('pi+:x', path=main); ma.fillParticleListFromROE('nu_e:m -> pi+:x', '', '', path=main)",
        "is empty",
    ),
]


@pytest.mark.parametrize(("line", "named"), NOT_COVERED, ids=[named for _, named in NOT_COVERED])
def test_what_is_not_covered_is_named_with_its_line(tmp_path, lite, line, named):
    with pytest.raises(NotInLite) as raised:
        lite(f"ma.fillParticleList('pi+:x', '', path=main)\n{line}", SIGNAL)
    (finding,) = [f for f in raised.value.findings if f.line == 7]
    assert named in finding.message
    assert finding.severity == "error"
    assert finding.hint
    assert not list(tmp_path.glob("*.root"))


@pytest.mark.parametrize(("line", "named"), WRONG, ids=[line for line, _ in WRONG])
def test_what_basf2_would_refuse_is_refused_too(tmp_path, lite, line, named):
    with pytest.raises((InvalidInput, SystemExit)) as raised:
        lite(f"ma.fillParticleList('pi+:x', '', path=main)\n{line}", SIGNAL)
    assert not isinstance(raised.value, NotInLite)
    if isinstance(raised.value, InvalidSteering) and raised.value.findings:
        assert raised.value.findings[0].line == 7
        assert any(part in raised.value.findings[0].message for part in named.split("|"))
    assert not list(tmp_path.glob("*.root"))


def test_all_findings_come_at_once(real_data, lite):
    body = """
        ma.buildRestOfEvent('pi+:x', path=main)
        ma.applyCuts('pi+:x', 'kaonIDNN > 0.1', path=main)
        ma.fillParticleList('pi+:x', 'p > ', path=main)
    """
    with pytest.raises(InvalidSteering) as raised:
        lite(body, real_data / "mdst.root")
    assert [finding.line for finding in raised.value.findings][-1] == 9
    assert len(raised.value.findings) >= 3


def test_every_wrong_variable_of_a_list_is_named_and_misspelt_ones_are_told_from_uncovered(real_data, lite):
    with pytest.raises(InvalidSteering) as raised:
        lite(
            "ma.fillParticleList('pi+:all', '', path=main)\n"
            "ma.variablesToNtuple('pi+:all', ['p', 'Mcb', 'kaonIDNN', 'Mcb'], path=main)",
            real_data / "mdst.root",
        )
    assert [(finding.code, finding.line, finding.message.partition(":")[0]) for finding in raised.value.findings] == [
        ("B2S702", 7, "basf2 has no variable 'Mcb'"),
        ("B2S701", 7, "variable 'kaonIDNN' is not covered by b2lite"),
    ]


def test_a_refused_module_does_not_bring_others_down(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', 'kaonIDNN > 0.1', path=main)
        ma.reconstructDecay('rho0:x -> pi+:x pi-:x', 'TagVChi2 > 3', path=main)
        ma.variablesToNtuple('rho0:x', ['M'], path=main)
    """
    with pytest.raises(NotInLite) as raised:
        lite(body, real_data / "mdst.root")
    assert [
        (finding.line, "kaonIDNN" in finding.message or "TagVChi2" in finding.message)
        for finding in raised.value.findings
    ] == [(7, True), (8, True)]


def test_what_a_refused_module_may_make_is_taken_for_made(real_data, lite):
    body = """
        main.add_module('InclusiveBtagReconstruction', btagListName='B0:x', inputListsNames=['pi+:x'])
        ma.applyCuts('B0:x', 'M > 2', path=main)
        ma.applyCuts('D*0:x', 'M > 2', path=main)
    """
    with pytest.raises(InvalidSteering) as raised:
        lite(body, real_data / "mdst.root")
    assert [finding.line for finding in raised.value.findings] == [7, 9]


def test_unknown_conditions_are_refused_before_reading(tmp_path, real_data, lite):
    with pytest.raises(InvalidInput, match="interaction point"):
        lite(
            "ma.fillParticleList('pi+:x', 'dr < 1', path=main)\nma.variablesToNtuple('pi+:x', ['p'], path=main)",
            real_data / "mdst-v01-00-04.root",
        )
    assert not list(tmp_path.glob("*.root"))


@pytest.mark.parametrize("content", [b"", b"not a ROOT file at all", None])
def test_bad_input_files_have_one_message(tmp_path, lite, content):
    path = tmp_path / "bad.root"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"bad\.root"):
        lite("ma.fillParticleList('pi+:x', '', path=main)", path)


def test_a_truncated_file_is_named(tmp_path, real_data, lite):
    path = tmp_path / "cut.root"
    path.write_bytes((real_data / "mdst.root").read_bytes()[:400_000])
    with pytest.raises(InvalidInput, match=r"cut\.root"):
        lite("ma.fillParticleList('pi+:x', '', path=main)", path)


def test_functions_that_are_listed_exist_with_their_parameters():
    """Every function and parameter of the list is one of the stand-ins'."""
    import pathlib

    signatures: dict[str, set[str]] = {}
    for file in pathlib.Path(PACKAGES).rglob("*.py"):
        parts = file.relative_to(PACKAGES).with_suffix("").parts
        package = ".".join(part for part in parts if not part.startswith("_"))
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef):  # called like a function
                (made,) = [item for item in node.body if getattr(item, "name", "") == "__init__"] or [None]
                node = made and ast.FunctionDef(node.name, made.args, made.body, [])  # noqa: PLW2901 - the same call
            if isinstance(node, ast.FunctionDef):
                arguments = [*node.args.args, *node.args.kwonlyargs, *(a for a in [node.args.kwarg] if a)]
                signatures[f"{package}.{node.name}"] = {argument.arg for argument in arguments}
    for name, given in FUNCTIONS.items():
        if name.startswith("variables.variables.") or name in (
            "modularAnalysis.create_path",
            "modularAnalysis.register_module",
        ):
            continue
        assert name in signatures, name
        if given != "*":
            handed_on = (
                signatures["modularAnalysis.printMCParticles"] if name.endswith("printPrimaryMCParticles") else set()
            )
            assert set(given.split()) <= signatures[name] | handed_on, name


def test_coverage_is_read_off_the_tables():
    covered = coverage()
    assert {"M", "daughter", "useCMSFrame", "isSignal", "nTracks"} <= covered.variables
    assert covered.modules == frozenset(MODULES)
    assert "modularAnalysis.reconstructDecay" in covered.functions
    assert "modularAnalysis.writePi0EtaVeto" not in covered.functions
    assert "trackHypothesis" not in MODULES["ParticleLoader"].parameters


STANDARD = """
    import stdCharged, stdPhotons, stdPi0s
    stdCharged.stdPi('good', path=main); stdCharged.stdK('loose', path=main); stdCharged.stdPr('95eff', path=main)
    stdCharged.stdPi('90eff', path=main); stdCharged.stdMostLikely(path=main); stdCharged.stdK('higheff', path=main)
    stdPhotons.stdPhotons('tight', path=main)
    stdPi0s.stdPi0s('eff40_May2020', path=main); stdPi0s.stdPi0s('eff50_May2020', path=main)
    names = ['pi+:good', 'K+:loose', 'K+:higheff', 'gamma:tight', 'pi0:eff40_May2020', 'pi0:eff50_May2020',
        'K+:mostlikely', 'pi+:90eff']
    ma.variablesToNtuple('', [f'nParticlesInList({name})' for name in names], path=main)
"""


def test_standard_lists_are_filled(real_data, lite):
    tree = lite(STANDARD.replace("'95eff'", "'90eff'"), real_data / "mdst.root").trees["variables"]
    counts = {name: values.sum() for name, values in tree.items() if name.startswith("nParticles")}
    assert all(count > 0 for count in counts.values()), counts
    assert counts["nParticlesInList(K+:higheff)"] > counts["nParticlesInList(K+:loose)"]
    assert counts["nParticlesInList(pi0:eff50_May2020)"] > counts["nParticlesInList(pi0:eff40_May2020)"]
