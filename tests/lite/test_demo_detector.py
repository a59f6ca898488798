"""Efficiencies and resolutions of the demo's detector, as docs/demo_data.md states them, come out of b2lite."""

from __future__ import annotations

from collections import defaultdict
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import uproot

from b2grid.lite.engine import RunOptions, run
from b2grid.ntuple.columns import decode
from b2grid.steering.standin import Log, LogLevel, run_script

DATA = Path(str(files("b2grid.catalogue.demo"))) / "data"

RHO = "formula((mcProductionVertexFromIPX^2 + mcProductionVertexFromIPY^2)^0.5)"

STEERING = """
import basf2 as b2
import modularAnalysis as ma

main = b2.create_path()
ma.inputMdst('given.root', path=main)
ma.fillParticleListsFromMC([('pi+:gen', 'mcPrimary'), ('gamma:gen', 'mcPrimary'), ('K_S0:gen', '')], path=main)
ma.fillParticleLists([('pi+:all', ''), ('K+:all', ''), ('gamma:all', ''), ('K_S0:V0 -> pi+ pi-', '')], path=main)
ma.matchMCTruth('K_S0:V0', path=main)
both = ['genParticleID', 'mcPDG', 'isSignal', 'p', 'pt', 'theta', 'E', 'M', 'mcPT', 'mcE', 'tanLambda', 'mdstIndex']
both += ['mcDecayVertexFromIPRho', 'mcDaughter(0, PDG)', 'nMCDaughters', 'kaonID', 'RHO']
for name in ('pi+:gen', 'gamma:gen', 'K_S0:gen', 'pi+:all', 'K+:all', 'gamma:all', 'K_S0:V0'):
    tree = name.replace('+', '').replace(':', '_')
    ma.variablesToNtuple(name, both, treename=tree, filename='detector.root', path=main)
b2.process(main)
""".replace("RHO", RHO)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Columns by tree over some 900 simulated events; `found` says which generated particles have a match."""
    folder = tmp_path_factory.mktemp("detector")
    (folder / "steering.py").write_text(STEERING.replace("detector.root", str(folder / "detector.root")))
    inputs = sorted(path for path in DATA.glob("*.root") if not path.name.startswith("data"))[::3]
    log = Log(LogLevel.ERROR)
    trees: dict[str, dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for path in inputs:  # one by one: event numbers begin again in every file

        def process(main, _, path=path):
            run(main, RunOptions(inputs=(str(path),)), log)

        run_script(folder / "steering.py", log=log, on_process=process)
        with uproot.open(folder / "detector.root") as file:
            one = {
                name: {decode(branch.name): branch.array(library="np") for branch in file[name].branches}
                for name in file.keys(cycle=False)
                if "_" in name
            }
        for name, reconstructed in (("pi_gen", "pi_all"), ("gamma_gen", "gamma_all"), ("K_S0_gen", "K_S0_V0")):
            one[name]["found"] = np.isin(_place(one[name], "mdstIndex"), _place(one[reconstructed], "genParticleID"))
        for name, columns in one.items():
            for column, values in columns.items():
                trees[name][column].append(values)
    return {name: {key: np.concatenate(parts) for key, parts in columns.items()} for name, columns in trees.items()}


def _place(tree, column):
    known = np.nan_to_num(tree[column], nan=99_999)
    return tree["__event__"].astype(np.int64) * 100_000 + known.astype(np.int64)


def share(flags, expected, bias=0.0):
    """Assert that a share is as expected, within four standard deviations and a known bias."""
    error = np.sqrt(expected * (1 - expected) / len(flags))
    assert len(flags) > 100
    assert abs(flags.mean() - expected) < 4 * error + bias, (flags.mean(), expected, error, len(flags))


def width(values):
    """The width of the core of a distribution, as that of a Gaussian; and its middle."""
    middle = np.median(values)
    return 1.4826 * np.median(np.abs(values - middle)), middle


def test_efficiencies_of_tracks(seen):
    pions = seen["pi_gen"]
    prompt = (pions[RHO] < 0.1) & (pions["theta"] > np.radians(18)) & (pions["theta"] < np.radians(149))
    share(pions["found"][prompt & (pions["pt"] > 0.3)], 0.97)
    share(pions["found"][prompt & (np.abs(pions["pt"] - 0.075) < 0.01)], 0.97 / 2)
    outside = (pions["theta"] < np.radians(16.9)) | (pions["theta"] > np.radians(150.1))
    assert not pions["found"][outside].any()


def test_resolution_of_tracks(seen):
    tracks = seen["pi_all"]
    middle = (np.abs(tracks["mcPT"] - 1) < 0.1) & (np.abs(tracks["tanLambda"]) < 0.4) & (np.abs(tracks["mcPDG"]) == 211)
    prompt = middle & (tracks[RHO] < 0.1)
    sigma, bias = width((tracks["pt"] / tracks["mcPT"] - 1)[prompt])
    assert prompt.sum() > 50
    assert sigma == pytest.approx(0.0021, abs=0.0008)
    assert bias == pytest.approx(0, abs=0.001)


def test_photons(seen):
    photons = seen["gamma_gen"]
    barrel = (photons["theta"] > np.radians(33)) & (photons["theta"] < np.radians(128)) & (photons[RHO] < 1)
    share(photons["found"][barrel & (photons["E"] > 0.1)], 0.96)
    clusters = seen["gamma_all"]
    chosen = (clusters["mcPDG"] == 22) & (np.abs(clusters["mcE"] - 1) < 0.2)
    sigma, bias = width((clusters["E"] / clusters["mcE"] - 1)[chosen])
    assert sigma == pytest.approx(0.019, abs=0.005)  # and one in eight in the tail
    assert bias == pytest.approx(0, abs=0.006)


def test_k_shorts(seen):
    kaons = seen["K_S0_gen"]
    to_pions = (np.abs(kaons["mcDaughter(0, PDG)"]) == 211) & (kaons["nMCDaughters"] == 2)
    near = to_pions & (kaons["mcDecayVertexFromIPRho"] > 0.5) & (kaons["mcDecayVertexFromIPRho"] < 2.5)
    fast = near & (kaons["pt"] > 1.2) & (np.abs(kaons["theta"] - 1.5) < 0.8)
    share(kaons["found"][fast], 0.85 * 0.97**2, bias=0.05)
    found = seen["K_S0_V0"]
    assert np.median(found["M"][found["isSignal"] == 1]) == pytest.approx(0.4976, abs=0.001)


def test_identification(seen):
    for name, code, low, high in (("pi_all", 211, 0.0, 0.03), ("K_all", 321, 0.9, 1.0)):
        tracks = seen[name]
        true = (np.abs(tracks["mcPDG"]) == code) & (tracks["p"] > 0.5)
        assert true.sum() > 300
        assert low < (tracks["kaonID"][true] > 0.5).mean() < high
