"""The demo data: a small grid of mDST files with the names of real ones and the resolutions that are stated."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
import vector

from b2grid.catalogue.demo import layout, samples, tracking
from b2grid.catalogue.store import Catalogue
from b2grid.ntuple.filemetadata import read_file_metadata
from b2grid.physics import DEMO_GLOBAL_TAG, helix, interaction_point, particle

FOLDER = Path(layout.__file__).parent
FILES = samples.demo_files()
SIGNAL = [file for file in FILES if file.kind.startswith("signal")]


def path_of(file: samples.DemoFile) -> Path:
    return FOLDER / "data" / file.name


@cache
def leaves(name: str) -> Any:
    """All leaves of a file by name."""
    with uproot.open(FOLDER / "data" / name) as opened:
        tree = opened["tree"]
        return {branch.name: branch.array() for branch in tree.branches if not branch.name.startswith("n")}


def flat(values: ak.Array) -> np.ndarray:
    return ak.to_numpy(ak.flatten(values, axis=1))


# ---- a small grid


def test_the_package_holds_at_most_four_megabytes() -> None:
    sizes = [
        path.stat().st_size for part in ("data", "catalogue") for path in (FOLDER / part).rglob("*") if path.is_file()
    ]
    assert sum(sizes) < 4_000_000


def test_every_file_is_what_the_catalogue_says() -> None:
    catalogue = Catalogue(FOLDER / "catalogue")
    rows = {row["lfn"]: row for row in catalogue.files(lfns=[file.lfn for file in FILES]).to_pylist()}
    assert sorted(rows) == sorted(file.lfn for file in FILES)
    assert {path.name for path in (FOLDER / "data").glob("*.root")} == {file.name for file in FILES}
    for file in FILES:
        row, content = rows[file.lfn], path_of(file).read_bytes()
        assert row["bytes"] == len(content)
        assert row["adler32"] == f"{zlib.adler32(content):08x}"
        assert Path(row["pfn"]).resolve() == path_of(file).resolve()
        assert [(run["run"], run["events"]) for run in row["runs"]] == list(file.runs)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_metadata_and_events_agree(file: samples.DemoFile) -> None:
    metadata = read_file_metadata(path_of(file))
    data = leaves(file.name)
    assert metadata.lfn == file.lfn
    assert metadata.events == file.events == len(data["EventMetaData/m_event"])
    assert metadata.is_mc == file.is_mc == ("MCParticles.m_pdg" in data)
    assert DEMO_GLOBAL_TAG in metadata.global_tag.split(",")
    runs, counts = np.unique(data["EventMetaData/m_run"], return_counts=True)
    assert list(zip(runs.tolist(), counts.tolist(), strict=True)) == sorted(file.runs)
    assert set(data["EventMetaData/m_experiment"].to_list()) == {file.experiment}


def test_it_is_a_small_grid() -> None:
    catalogue = Catalogue(FOLDER / "catalogue")
    names = set(catalogue.collections()["collection"])
    assert {
        "/belle/collection/MC/demo_mixed_v1",
        "/belle/collection/MC/demo_mixed_v2",
        "/belle/collection/Data/demo_4S_v1",
    } <= names
    charged = catalogue.collection("/belle/collection/MC/demo_charged_v1").files
    assert (
        len(
            {row["global_tag"] for row in charged.to_pylist()}
            if hasattr(charged, "to_pylist")
            else set(charged["global_tag"])
        )
        == 2
    )
    blocks = {file.lfn.split("/")[-2] for file in FILES if file.production == 90201}
    assert blocks == {"sub00", "sub01"}
    mixed = [file for file in FILES if len(file.runs) > 1]
    assert [run for run, _ in mixed[0].runs] == [103, samples.BAD_RUN]
    assert [row["run"] for row in samples.run_rows(FILES) if not row["good"]] == [samples.BAD_RUN]
    assert all(row["luminosity"] > 0 for row in samples.run_rows(FILES))


# ---- the mDST layout


def test_leaves_are_named_and_typed_as_in_a_real_file(real_data: Path) -> None:
    with uproot.open(real_data / "mdst-v09-00-00.root") as real, uproot.open(path_of(SIGNAL[0])) as ours:
        mine = {b.name: b.typename for b in ours["tree"].branches if not b.name.startswith("n")}
        theirs = {key: real["tree"][key].typename for key in mine}  # the same keys
    for key, kind in mine.items():
        if key.endswith(("m_to", "m_weights")):  # one number per element, where real files have lists
            assert theirs[key] == f"std::vector<{kind.removesuffix('[]')}>[]"
        else:
            assert kind == theirs[key].replace("Double32_t", "float"), key


def test_generated_decays_are_a_tree_on_the_mass_shell() -> None:
    data = leaves(SIGNAL[0].name)
    mother, first, last = (data[f"MCParticles.m_{name}"] for name in ("mother", "firstDaughter", "lastDaughter"))
    for event in range(20):
        m, f, last_ = (np.asarray(values[event]) for values in (mother, first, last))
        for i in range(len(m)):
            daughters = [] if f[i] == 0 else list(range(f[i], last_[i] + 1))
            assert daughters == [j + 1 for j in range(len(m)) if m[j] == i + 1]
    px, py, pz, energy, mass = (
        flat(data[f"MCParticles.m_{name}"]).astype(np.float64)
        for name in ("momentum_x", "momentum_y", "momentum_z", "energy", "mass")
    )
    assert np.all(np.abs(energy**2 - (px**2 + py**2 + pz**2 + mass**2)) < 1e-6 * energy**2)


@pytest.mark.parametrize(("mode", "etaprime"), [(1, [211, -211, 221]), (2, [211, -211, 221]), (3, [22, 113])])
def test_signal_events_have_their_decay(mode: int, etaprime: list[int]) -> None:
    file = next(file for file in FILES if file.kind == f"signal{mode}")
    data = leaves(file.name)
    pdg, mother = data["MCParticles.m_pdg"], data["MCParticles.m_mother"]
    for codes, mothers in zip(pdg.to_list(), mother.to_list(), strict=True):
        signals = [
            i
            for i, code in enumerate(codes)
            if abs(code) == 511 and {codes[j] for j in range(len(codes)) if mothers[j] == i + 1} == {331, 310}
        ]
        assert len(signals) >= 1
        eta = next(j for j in range(len(codes)) if codes[j] == 331 and mothers[j] == signals[0] + 1)
        assert sorted(codes[j] for j in range(len(codes)) if mothers[j] == eta + 1) == sorted(etaprime)


def test_relations_point_to_what_is_there() -> None:
    for file in (SIGNAL[0], FILES[-1]):
        data = leaves(file.name)
        sizes = {
            "Tracks": ak.num(data["Tracks.m_trackFitIndices[6]"]),
            "ECLClusters": ak.num(data["ECLClusters.m_r"]),
            "PIDLikelihoods": ak.num(data["PIDLikelihoods.m_detectors.m_bits"]),
            "KLMClusters": ak.num(data["KLMClusters.m_p"]),
        }
        if file.is_mc:
            sizes["MCParticles"] = ak.num(data["MCParticles.m_pdg"])
        for name in layout.RELATIONS:
            source, target = name.split("To")
            if target not in sizes:
                assert not any(key.startswith(name) for key in data)
                continue
            branch = f"{name}/m_elements/m_elements"
            assert ak.all(data[f"{branch}.m_from"] < sizes[source])
            assert ak.all(data[f"{branch}.m_to"] < sizes[target])
        fits = ak.num(data["TrackFitResults.m_pdg"])
        assert ak.all(data["Tracks.m_trackFitIndices[6]"] < fits)
        assert ak.all(data["V0s.m_trackFitResultIndexPositive"] < fits)


# ---- the detector as stated


@pytest.fixture(scope="module")
def matched() -> dict[str, np.ndarray]:
    """Tracks of all signal files beside their true particles."""
    parts: dict[str, list[np.ndarray]] = {}
    for file in SIGNAL:
        data = leaves(file.name)
        to = ak.values_astype(data["TracksToMCParticles/m_elements/m_elements.m_to"], np.int64)
        code = data["MCParticles.m_pdg"][to]
        fits = data["Tracks.m_trackFitIndices[6]"]
        hypothesis = ak.where(abs(code) == 321, 3, ak.where(abs(code) == 2212, 4, 2))
        chosen = ak.unflatten(flat(fits)[np.arange(len(flat(fits))), flat(hypothesis)], ak.num(fits))
        columns = {
            "tau": flat(data["TrackFitResults.m_tau[5]"][chosen]),
            "cov": flat(data["TrackFitResults.m_cov5[15]"][chosen]),
            "pdg": flat(code),
            "logl": flat(data["PIDLikelihoods.m_logl[6][6]"]),
            "bits": flat(data["PIDLikelihoods.m_detectors.m_bits"]),
        }
        for name in (
            "momentum_x",
            "momentum_y",
            "momentum_z",
            "productionVertex_x",
            "productionVertex_y",
            "productionVertex_z",
        ):
            columns[name] = flat(data[f"MCParticles.m_{name}"][to]).astype(np.float64)
        for name, values in columns.items():
            parts.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in parts.items()}


def test_helix_pulls_are_standard_normal(matched: dict[str, np.ndarray]) -> None:
    charge = helix.charge(matched["tau"])
    true = helix.from_momentum(
        tuple(matched[f"productionVertex_{axis}"] for axis in "xyz"),
        tuple(matched[f"momentum_{axis}"] for axis in "xyz"),
        charge,
    )
    sigma = np.sqrt(np.einsum("nii->ni", helix.covariance_matrix(matched["cov"])))
    difference = matched["tau"] - true
    difference[:, 1] = (difference[:, 1] + np.pi) % (2 * np.pi) - np.pi
    near = np.hypot(matched["productionVertex_x"], matched["productionVertex_y"]) < 0.1
    for parameter in range(5):
        pull = (difference / sigma)[near, parameter]
        assert abs(np.median(pull)) < 0.1
        # 4 % of the tracks are in the tail; rounding of the truth adds to the narrowest
        assert 0.85 < (np.percentile(pull, 84) - np.percentile(pull, 16)) / 2 < 1.35, parameter


def test_resolutions_are_those_of_the_formula() -> None:
    at_1_gev = tracking.resolution(np.array([1.0]), np.array([0.0]), False)[0]
    assert at_1_gev == pytest.approx([17e-4, 1.24e-3, 1.95e-3, 18.7e-4, 1.37e-3], rel=0.03)


def test_track_efficiency_is_as_stated() -> None:
    found = expected = 0
    for file in SIGNAL:
        data = leaves(file.name)
        pt = np.hypot(data["MCParticles.m_momentum_x"], data["MCParticles.m_momentum_y"])
        theta = np.degrees(np.arctan2(pt, data["MCParticles.m_momentum_z"]))
        rho = np.hypot(data["MCParticles.m_productionVertex_x"], data["MCParticles.m_productionVertex_y"])
        stable = (data["MCParticles.m_firstDaughter"] == 0) & (abs(data["MCParticles.m_pdg"]) == 211)
        wanted = stable & (pt > 0.3) & (theta > 17) & (theta < 150) & (rho < 0.5)
        to = ak.values_astype(data["TracksToMCParticles/m_elements/m_elements.m_to"], np.int64)
        expected += int(ak.sum(wanted))
        found += int(ak.sum(wanted[to]))
    assert found / expected == pytest.approx(0.97, abs=0.015)


def test_kaons_are_told_from_pions(matched: dict[str, np.ndarray]) -> None:
    logl = matched["logl"].reshape(-1, 6, 6).sum(axis=1)
    kaon_like = logl[:, 3] > logl[:, 2]
    p = np.sqrt(sum(matched[f"momentum_{axis}"] ** 2 for axis in "xyz"))
    fast = p > 0.3
    assert kaon_like[fast & (np.abs(matched["pdg"]) == 321)].mean() > 0.85
    assert kaon_like[fast & (np.abs(matched["pdg"]) == 211)].mean() < 0.1
    assert np.all((matched["bits"] & 4) == 4)


def test_photons_have_the_stated_energy_resolution() -> None:
    ratios = []
    for file in SIGNAL:
        data = leaves(file.name)
        source, to = (
            ak.values_astype(data[f"ECLClustersToMCParticles/m_elements/m_elements.{leaf}"], np.int64)
            for leaf in ("m_from", "m_to")
        )
        true = data["MCParticles.m_energy"][to]
        seen = np.exp(data["ECLClusters.m_logEnergy"][source])
        chosen = (data["MCParticles.m_pdg"][to] == 22) & (true > 0.4)
        ratios.append(flat((seen / true)[chosen]))
    ratio = np.concatenate(ratios)
    assert np.median(ratio) == pytest.approx(1, abs=0.005)
    assert (np.percentile(ratio, 84) - np.percentile(ratio, 50)) == pytest.approx(0.02, abs=0.007)


def test_v0s_have_the_mass_of_the_k_short() -> None:
    masses = []
    for file in SIGNAL:
        data = leaves(file.name)
        tau, code = data["TrackFitResults.m_tau[5]"], data["TrackFitResults.m_pdg"]
        both = [data[f"V0s.m_trackFitResultIndex{sign}"] for sign in ("Positive", "Negative")]
        pions = (code[both[0]] == 211) & (code[both[1]] == 211)
        vertex = [flat(data[f"V0s.m_fittedVertex{axis}"][pions]).astype(np.float64) for axis in "XYZ"]
        daughters = []
        for fit in both:
            px, py, pz = helix.momentum_at(flat(tau[fit][pions]), *vertex)
            daughters.append(
                vector.array({"px": px, "py": py, "pz": pz, "mass": np.full(len(px), particle("pi+").mass)})
            )
        masses.append((daughters[0] + daughters[1]).mass)
    mass = np.concatenate(masses)
    mass = mass[np.isfinite(mass)]
    assert len(mass) > 300
    assert np.median(mass) == pytest.approx(particle("K_S0").mass, abs=0.0005)
    assert np.std(mass[np.abs(mass - 0.4976) < 0.02]) < 0.006


def test_events_happen_at_the_interaction_point() -> None:
    ip = interaction_point(1003, True, "release-06-01-08", FILES[0].global_tag)
    data = leaves(SIGNAL[0].name)
    place = [float(ak.mean(data[f"MCParticles.m_productionVertex_{axis}"][:, 0])) for axis in "xyz"]
    assert place == pytest.approx(ip.position, abs=0.005)


# ---- the maker


def test_the_maker_gives_the_same_bytes_again(tmp_path: Path) -> None:
    pytest.importorskip("pythia8mc", reason="the maker needs the extra demo-data")
    from b2grid.catalogue.demo.make import make_file

    for file in samples.demo_files(0.03):
        if file.kind in {"signal2", "charged", "data"} and file.name.endswith("_01.root"):
            first, second = tmp_path / "first" / file.name, tmp_path / "second" / file.name
            for path in (first, second):
                path.parent.mkdir(exist_ok=True)
                make_file(file, path)
            assert first.read_bytes() == second.read_bytes()


def test_the_packaged_files_are_what_the_maker_makes(tmp_path: Path) -> None:
    pytest.importorskip("pythia8mc", reason="the maker needs the extra demo-data")
    from b2grid.catalogue.demo.make import make_file

    file = SIGNAL[-1]
    make_file(file, tmp_path / file.name)
    with uproot.open(tmp_path / file.name) as made:
        for key, packaged in leaves(file.name).items():
            assert ak.array_equal(made["tree"][key].array(), packaged, equal_nan=True), key
