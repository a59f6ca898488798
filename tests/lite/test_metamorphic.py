"""What has to stay the same when a steering, or its input, is changed in a way that does not matter."""

from __future__ import annotations

import itertools
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import uproot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b2grid.lite.engine import RunOptions, run
from b2grid.steering.standin import Log, LogLevel, run_script

DATA = Path(str(files("b2grid.catalogue.demo"))) / "data"
INPUTS = [DATA / name for name in ("signal2_prod00090102_01.root", "mixed_prod00090201_02.root")]

# candidates, their truth, ranks, rest of the event, continuum suppression, shape: all that one event can show
ANALYSIS = """
    ma.buildEventShape(path=main)
    ma.fillParticleList('pi+:x', 'dr < 2 and abs(dz) < 5', path=main)
    ma.fillParticleList('K_S0:x -> pi+ pi-', '0.45 < M < 0.55', path=main)
    ma.fillParticleList('gamma:x', 'E > 0.05', path=main)
    ma.reconstructDecay('pi0:x -> gamma:x gamma:x', '0.11 < M < 0.16', path=main)
    ma.reconstructDecay('eta:x -> pi+:x pi-:x pi0:x', '0.51 < M < 0.58', path=main)
    ma.reconstructDecay("B0:x -> eta:x K_S0:x pi+:x pi-:x", 'Mbc > 5.1 and abs(deltaE) < 0.6', path=main)
    ma.matchMCTruth('B0:x', path=main)
    ma.rankByLowest('B0:x', 'abs(deltaE)', path=main)
    ma.buildRestOfEvent('B0:x', path=main)
    ma.appendROEMask('B0:x', 'clean', 'dr < 5', 'E > 0.04', path=main)
    ma.buildContinuumSuppression('B0:x', 'clean', path=main)
    names = ['Mbc', 'deltaE', 'M', 'isSignal', 'mcErrors', 'extraInfo(deltaE_rank)', 'R2', 'cosTBTO', 'roeMbc(clean)']
    names += ['nROE_Tracks(clean)', 'daughter(0, daughter(2, E))', 'daughter(2, pionID)', 'foxWolframR2', 'thrust']
    ma.variablesToNtuple('B0:x', names, treename='B', path=main)
    ma.variablesToNtuple('', ['nTracks', 'foxWolframR2', 'thrust'], treename='event', path=main)
"""
NOT_OF_THE_EVENT = {"__candidate__", "__ncandidates__"}


def rows(tree: dict[str, np.ndarray]) -> np.ndarray:
    """The rows of a tree as bytes: equal only if every bit of every number is."""
    columns = [np.asarray(values) for name, values in sorted(tree.items()) if name != "__eventType__"]
    return np.array([b"".join(value.tobytes() for value in row) for row in zip(*columns, strict=True)], dtype=object)


def test_jobs_add_up_to_one_job_and_the_order_of_files_does_not_matter(lite):
    outcome = lite(ANALYSIS, *INPUTS)
    whole, events = outcome.trees, outcome.result.events
    turned = lite(ANALYSIS, *reversed(INPUTS)).trees
    assert events > 100
    assert len(whole["B"]["Mbc"]) > 100
    cuts = [0, 1, 37, events // 2, events]
    parts = [
        lite(ANALYSIS, *INPUTS, skip_events=start, events=stop - start).trees
        for start, stop in itertools.pairwise(cuts)
    ]
    for name, tree in whole.items():
        expected = rows(tree)
        assert sorted(rows(turned[name])) == sorted(expected)
        pieces = [rows(part[name]) for part in parts if len(part[name]["__event__"])]
        assert np.concatenate(pieces).tolist() == expected.tolist()


@pytest.fixture(scope="module")
def kaons(tmp_path_factory):
    """Values of candidates without a selection, and a function that gives the rows that survive one."""
    folder = tmp_path_factory.mktemp("kaons")
    names = ["M", "p", "daughter(0, dr)", "daughterAngle(0, 1)"]

    def execute(cut: str) -> dict[str, np.ndarray]:
        script, out = folder / "steering.py", folder / "out.root"
        script.write_text(
            "import basf2 as b2, modularAnalysis as ma\n"
            f"main = b2.create_path()\nma.inputMdst({str(INPUTS[1])!r}, path=main)\n"
            "ma.fillParticleList('pi+:x', 'p > 0.2', path=main)\nma.fillParticleList('K+:x', '', path=main)\n"
            f"ma.reconstructDecay('K*0:x -> K+:x pi-:x', {cut!r}, path=main)\n"
            f"ma.variablesToNtuple('K*0:x', {names!r}, filename={str(out)!r}, path=main)\nb2.process(main)\n"
        )
        log = Log(LogLevel.ERROR)
        run_script(script, log=log, on_process=lambda path, _: run(path, RunOptions(), log))
        with uproot.open(out) as file:
            tree = file["variables"].arrays(library="np")
        return {name: tree[column] for name, column in zip(names, list(tree)[-len(names) :], strict=True)}

    return execute("M < 1.5"), execute


BOUNDS = {"M": (0.6, 1.6), "p": (0.0, 3.0), "daughter(0, dr)": (0.0, 1.0), "daughterAngle(0, 1)": (0.0, 3.0)}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cut_keeps_exactly_the_rows_that_numpy_keeps(kaons, data):
    everything, execute = kaons
    text, kept = "M < 1.5", np.ones(len(everything["M"]), dtype=bool)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(BOUNDS)))
        low, high = BOUNDS[name]
        edge = round(low + data.draw(st.floats(0, 1)) * (high - low), 3)
        above = data.draw(st.booleans())
        text += f" and {name} {'>' if above else '<='} {edge}"
        kept &= (everything[name] > edge) == above
    found = execute(text)
    for name, values in everything.items():
        np.testing.assert_array_equal(found[name], values[kept])


def test_the_two_faces_of_a_list_are_the_whole_and_the_conjugate_string_gives_the_same(lite):
    body = """
        ma.fillParticleLists([('pi+:x', 'dr < 2'), ('K-:x', 'dr < 2')], path=main)
        ma.reconstructDecay('D0:a -> K-:x pi+:x', '1.7 < M < 2.0', path=main)
        ma.reconstructDecay('anti-D0:b -> K+:x pi-:x', '1.7 < M < 2.0', path=main)
        ma.reconstructDecay('D+:a -> K-:x pi+:x pi+:x', '1.8 < M < 1.9', path=main)
        ma.reconstructDecay('D-:b -> K+:x pi-:x pi-:x', '1.8 < M < 1.9', path=main)
        names = ['PDG', 'M', 'px', 'daughter(0, mdstIndex)', 'daughter(1, mdstIndex)']
        for number, name in enumerate(['D0:a', 'anti-D0:a', 'D0:b', 'D+:a', 'D-:a', 'D+:b']):
            ma.variablesToNtuple(name, names, treename=f't{number}', path=main)
        ma.variablesToNtuple('', [f'countInList({name}, PDG {sign} 0)' for name in ('D0:a', 'D+:a') for sign in '<>'],
                             treename='counts', path=main)
    """
    trees = lite(body, *INPUTS).trees

    def seen(name):
        return sorted(
            rows({column: values for column, values in trees[name].items() if column not in NOT_OF_THE_EVENT})
        )

    for first in (0, 3):
        assert len(trees[f"t{first}"]["M"]) > 100
        assert seen(f"t{first}") == seen(f"t{first + 1}") == seen(f"t{first + 2}")
    for name, first in (("D0:a", 0), ("D+:a", 3)):
        anti, own = (trees["counts"][f"countInList({name}, PDG {sign} 0)"].sum() for sign in "<>")
        assert anti > 0
        assert own > 0
        assert anti + own == len(trees[f"t{first}"]["M"])
