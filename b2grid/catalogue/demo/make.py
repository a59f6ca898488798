"""Making the demo data: generate, simulate a detector, write mDST files and the catalogue.

``b2grid demo-data make`` runs this; it needs the extra ``demo-data`` (Pythia). Seeds come from the LFNs, so
running it again gives the same content. docs/demo_data.md says what was simulated and what was not.
"""

from __future__ import annotations

import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import uproot

from b2grid.catalogue.demo import calorimetry, identification, samples, tracking
from b2grid.catalogue.demo.generate import Truth, generate, mixed
from b2grid.catalogue.demo.layout import COLLECTIONS, RELATIONS, branch_types, counter_name, jagged, rounded
from b2grid.catalogue.demo.rootfile import pack
from b2grid.catalogue.writing.write import write_catalogue
from b2grid.ntuple.filemetadata import FileMetaData, write_file_metadata
from b2grid.physics import CHARGED_STABLE, DEMO_GLOBAL_TAG, helix, interaction_point

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.catalogue.demo.samples import DemoFile

    Columns = dict[str, NDArray[Any]]
    Table = tuple[NDArray[Any], Columns]  # the event of each row, and the columns

__all__ = ["Made", "make", "make_file", "simulate", "write_tables"]

FOLDER = Path(__file__).parent
_TAU_STEPS = (2.0**-12, 2.0**-13, None, 2.0**-11, 2.0**-13)  # d0, φ0, ω (10 bits), z0, tan λ


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: the ROOT files, and the events in them."""

    files: tuple[Path, ...]
    events: int

    def __str__(self) -> str:
        size = sum(path.stat().st_size for path in self.files)
        return f"{len(self.files)} files, {self.events:,} events, {size / 1e6:.2f} MB in {self.files[0].parent}"


def make(folder: Path | str = FOLDER, *, fraction: float = 1.0, say: Callable[[str], None] = print) -> Made:
    """Make all files below ``folder/data`` and the tables below ``folder/catalogue``.

    Parameters
    ----------
    folder : path
        By default the package's own, which is replaced.
    fraction : float
        Scales the number of events of each file.
    say : function
        Takes a line per file.

    Returns
    -------
    Made
        The ROOT files and the number of events.

    Raises
    ------
    InvalidInput
        If Pythia is not installed.
    """
    root = Path(folder)
    (root / "data").mkdir(parents=True, exist_ok=True)
    files = samples.demo_files(fraction)
    for old in (root / "data").glob("*.root"):
        if old.name not in {file.name for file in files}:
            old.unlink()
    paths = []
    for file in files:
        path = root / "data" / file.name
        make_file(file, path)
        paths.append(path)
        say(f"{file.name}: {file.events} events, {path.stat().st_size / 1000:.1f} kB")
    write_tables(root, files)
    return Made(tuple(paths), sum(file.events for file in files))


def write_tables(root: Path, files: list[DemoFile]) -> None:
    """Write the catalogue's tables below ``root/catalogue`` for the files below ``root/data``."""
    rows = [_file_row(file, root / "data" / file.name) for file in files]
    runs, collections = samples.run_rows(files), samples.collection_rows(files)
    write_catalogue(root / "catalogue", rows, runs, collections, _dataset_rows(files))


def _file_row(file: DemoFile, path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {
        "lfn": file.lfn,
        "pfn": f"../data/{file.name}",
        "bytes": len(content),
        "events": file.events,
        "adler32": f"{zlib.adler32(content):08x}",
        "global_tag": file.global_tag,
        "release": file.release,
        "is_mc": file.is_mc,
        "runs": [{"experiment": file.experiment, "run": run, "events": events} for run, events in file.runs],
    }


def _dataset_rows(files: list[DemoFile]) -> list[dict[str, Any]]:
    tags = {file.dataset: file for file in files}
    return [
        {
            "dataset": dataset,
            "data_type": "mc" if file.is_mc else "data",
            "global_tag": file.global_tag,
            "bkg_level": "BGx0" if file.is_mc else None,
            "status": "good",
        }
        for dataset, file in sorted(tags.items())
    ]


def make_file(file: DemoFile, path: Path) -> None:
    """Generate, simulate and write one file."""
    seed = zlib.crc32(file.lfn.encode()) % 900_000_000
    rng = np.random.default_rng(seed)
    truth = (
        mixed(samples.DATA_SHARES, file.events, seed, rng)
        if file.kind == "data"
        else generate(file.kind, file.events, seed)
    )
    tables = simulate(truth, rng)
    if not file.is_mc:
        tables = {name: table for name, table in tables.items() if "MCParticles" not in name}
    _write(file, tables, seed, path)


def simulate(truth: Truth, rng: np.random.Generator) -> dict[str, Table]:
    """The detector's answer to events: for every array of objects and relation the event of each row, and columns."""
    ip = interaction_point(1003, True, "", DEMO_GLOBAL_TAG)
    assert ip.covariance is not None
    vertex = rng.multivariate_normal(ip.position, np.array(ip.covariance), size=len(truth.counts))
    tracks = tracking.reconstruct_tracks(truth, vertex, rng)
    v0s = tracking.find_v0s(truth, tracks, vertex, rng)
    tables, e_over_p = _track_tables(truth, tracks, v0s, rng)
    clusters = calorimetry.reconstruct_clusters(truth, vertex, tracks, e_over_p, rng)
    klm = calorimetry.reconstruct_klm(truth, vertex, rng)
    tables["ECLClusters"] = clusters.event, _cluster_columns(clusters)
    tables["KLMClusters"] = klm.event, _klm_columns(klm)
    tables["MCParticles"] = truth.event, _truth_columns(truth, vertex)
    matched = clusters.track >= 0
    true = clusters.truth >= 0
    number, index, place = _number(tracks.event), truth.index, _number(clusters.event)
    ones, own = np.ones(len(tracks.event)), clusters.track[matched]
    for name, event, origin, target, weight in (
        ("TracksToMCParticles", tracks.event, number, index[tracks.truth], ones),
        ("TracksToPIDLikelihoods", tracks.event, number, number, ones),
        ("TracksToECLClusters", clusters.event[matched], number[own], place[matched], ones[own]),
        ("ECLClustersToMCParticles", clusters.event[true], place[true], index[clusters.truth[true]],
         clusters.true_energy[true]),
        ("KLMClustersToMCParticles", klm.event, _number(klm.event), index[klm.truth], np.ones(len(klm.event))),
    ):  # fmt: skip
        order = np.lexsort((origin, event))
        tables[name] = (
            event[order],
            {"m_from": origin[order], "m_to": target[order], "m_weights": weight[order]},
        )
    return tables


def _number(event: NDArray[np.int64]) -> NDArray[np.int64]:
    """The 0-based index of each row within its event; rows are in the order of the events."""
    return np.asarray(np.arange(len(event)) - np.searchsorted(event, event), dtype=np.int64)


def _track_tables(
    truth: Truth, tracks: tracking.Tracks, v0s: tracking.V0s, rng: np.random.Generator
) -> tuple[dict[str, Table], NDArray[np.float64]]:
    fits = tracking.fits_of(tracks, truth)
    # the fits of tracks, then those of V0s: index in the file by event, stable
    daughters = np.concatenate([v0s.positive, v0s.negative])
    proton = np.concatenate([v0s.species == 3122, v0s.species == -3122])
    position = 3 * daughters + 2 * proton  # of the fit with that hypothesis: pi, K, p
    source = np.concatenate([np.arange(len(fits.track)), position])
    event = tracks.event[fits.track[source]]
    own = np.arange(len(source)) >= len(fits.track)
    order = np.lexsort((np.arange(len(source)), own, event))
    place = np.empty(len(source), dtype=np.int64)
    place[order] = _number(event[order])
    indices = np.full((len(tracks.event), 6), -1)
    indices[fits.track, fits.hypothesis] = place[: len(fits.track)]
    chosen, event = source[order], event[order]
    species = np.array([CHARGED_STABLE.index(abs(int(code))) for code in truth.pdg[tracks.truth]], dtype=np.int64)
    p = helix.transverse_momentum(tracks.tau) * np.hypot(1, tracks.tau[:, 4])
    theta = np.arctan2(1.0, tracks.tau[:, 4])
    values, bits, e_over_p = identification.likelihoods(species, p, theta, tracks.far, rng)
    pairs = len(v0s.event)
    v0_place = place[len(fits.track) :]
    number = _number(tracks.event)
    tables: dict[str, Table] = {
        "Tracks": (tracks.event, {"m_trackFitIndices{6}": indices}),
        "TrackFitResults": (event, _fit_columns(truth, tracks, fits, chosen, rng)),
        "PIDLikelihoods": (
            tracks.event,
            {"m_detectors.m_bits": bits, "m_logl{6}{6}": values.reshape(-1, 36)},
        ),
        "V0s": (
            v0s.event,
            {
                "m_trackIndexPositive": number[v0s.positive],
                "m_trackIndexNegative": number[v0s.negative],
                "m_trackFitResultIndexPositive": v0_place[:pairs],
                "m_trackFitResultIndexNegative": v0_place[pairs:],
                **{f"m_fittedVertex{axis}": v0s.vertex[:, i] for i, axis in enumerate("XYZ")},
            },
        ),
    }
    return tables, e_over_p


def _fit_columns(
    truth: Truth,
    tracks: tracking.Tracks,
    fits: tracking.Fits,
    chosen: NDArray[np.int64],
    rng: np.random.Generator,
) -> Columns:
    covariance, _ = tracking.covariance_classes()
    tau = np.stack([rounded(fits.tau[:, i], step, None if step else 10) for i, step in enumerate(_TAU_STEPS)], axis=1)
    matrix = covariance[fits.classes].copy()
    # ω's error is relative to a round value near it, so that tracks of a class have equal rows
    scale = rounded(np.abs(fits.tau[:, 2]), bits=1)
    matrix[:, 2, :] *= scale[:, None]
    matrix[:, :, 2] *= scale[:, None]
    cdc, vxd, ndf = tracking.hit_patterns(truth, tracks)
    of_track = fits.track[chosen]
    p_value = rng.uniform(size=len(tracks.event))
    codes = np.array(CHARGED_STABLE)
    return {
        "m_pdg": codes[fits.hypothesis[chosen]],
        "m_pValue": p_value[of_track],
        "m_tau{5}": tau[chosen],
        "m_cov5{15}": helix.covariance_packed(matrix)[chosen],
        "m_hitPatternCDCInitializer": cdc[of_track],
        "m_hitPatternVXDInitializer": vxd[of_track],
        "m_NDF100": 100 * ndf[of_track],
    }


def _cluster_columns(clusters: calorimetry.Clusters) -> Columns:
    number = _number(clusters.event)
    zero = np.zeros(len(number))
    sigma = np.hypot(2.5e-3, 3e-3 / np.sqrt(clusters.energy))
    log = np.log(clusters.energy)
    shape = dict(clusters.shape)
    highest = shape.pop("highest")
    return {
        "m_isTrack": clusters.track >= 0,
        "m_status": np.where(clusters.energy > 0.03, 4, 0),
        "m_hypotheses": np.where((clusters.track < 0) & (clusters.kind == 1), 48, 16),
        "m_connectedRegionId": number + 1,
        "m_clusterId": np.ones(len(number)),
        "m_sqrtcovmat_00": calorimetry.energy_resolution(clusters.energy) * clusters.energy,
        "m_sqrtcovmat_11": sigma,
        "m_sqrtcovmat_22": sigma,
        **{f"m_covmat_{which}": zero for which in ("10", "20", "21")},
        "m_theta": clusters.theta,
        "m_phi": clusters.phi,
        "m_r": clusters.radius,
        "m_logEnergy": log,
        "m_logEnergyRaw": log - 2.0**-5,
        "m_logEnergyHighestCrystal": log + np.log(highest),
        "m_NumberOfHadronDigits": np.where(clusters.kind == 1, 1, 0),
        **{f"m_{name}": values for name, values in shape.items()},
    }


def _klm_columns(klm: calorimetry.KLMClusters) -> Columns:
    return {
        "m_time": np.full(len(klm.event), 10.0),
        "m_layers": klm.layers,
        "m_innermostLayer": np.ones(len(klm.event)),
        **{f"m_global{axis}": klm.place[:, i] for i, axis in enumerate("XYZ")},
        "m_p": klm.momentum,
    }


def _truth_columns(truth: Truth, vertex: NDArray[np.float64]) -> Columns:
    momentum = rounded(truth.momentum, bits=8)
    mass = rounded(truth.mass, bits=8).astype(np.float32).astype(np.float64)
    narrow = np.isin(np.abs(truth.pdg), _NARROW)
    mass = np.where(narrow, truth.mass.astype(np.float32), mass)
    mass[truth.pdg == 22] = 0
    decayed = truth.first > 0
    here = vertex[truth.event]
    produced, decay = (
        truth.production[:, :3] + here,
        np.where(decayed[:, None], truth.decay[:, :3] + here, 0.0),
    )
    return {
        "m_status": truth.status,
        "m_pdg": truth.pdg,
        "m_mass": mass,
        # 20 bits: as much as it takes not to count as virtual, which basf2 decides at 1e-6
        "m_energy": rounded(np.sqrt(np.sum(momentum**2, axis=1) + mass**2), bits=20),
        **{f"m_momentum_{axis}": momentum[:, i] for i, axis in enumerate("xyz")},
        "m_productionTime": truth.production[:, 3],
        **{f"m_productionVertex_{axis}": produced[:, i] for i, axis in enumerate("xyz")},
        "m_decayTime": truth.decay[:, 3],
        **{f"m_decayVertex_{axis}": decay[:, i] for i, axis in enumerate("xyz")},
        "m_mother": truth.mother,
        "m_firstDaughter": truth.first,
        "m_lastDaughter": truth.last,
        "m_secondaryPhysicsProcess": np.zeros(len(truth.pdg)),
        "m_seenIn.m_bits": np.zeros(len(truth.pdg)),
    }


_NARROW = (11, 13, 22, 111, 211, 221, 331, 130, 310, 311, 321, 2112, 2212, 3122, 411, 421, 431, 511, 521)


def _write(file: DemoFile, tables: dict[str, Table], seed: int, path: Path) -> None:
    names = [name for name in (*COLLECTIONS, *RELATIONS) if name in tables]
    branches: dict[str, Any] = {
        "EventMetaData/m_event": np.concatenate([np.arange(1, events + 1) for _, events in file.runs]).astype(
            np.uint32
        ),
        "EventMetaData/m_run": np.repeat(*np.array(file.runs).T).astype(np.int32),
        "EventMetaData/m_experiment": np.full(file.events, file.experiment, dtype=np.int32),
        "EventMetaData/m_production": np.full(file.events, file.production, dtype=np.int32),
        "EventMetaData/m_errorFlag": np.zeros(file.events, dtype=np.uint32),
    }
    for name in names:
        event, columns = tables[name]
        branches |= jagged(name, np.bincount(event, minlength=file.events), columns)
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / path.name
        with uproot.recreate(draft, compression=None) as output:
            tree = output.mktree("tree", branch_types(names), counter_name=counter_name, initial_basket_capacity=2)
            tree.extend(branches)
            write_file_metadata(output, _metadata(file, seed))
        pack(draft, path)


def _metadata(file: DemoFile, seed: int) -> FileMetaData:
    runs = [run for run, _ in file.runs]
    return FileMetaData(
        lfn=file.lfn, events=file.events, full_events=file.events, experiment_low=file.experiment, run_low=runs[0],
        event_low=1, experiment_high=file.experiment, run_high=runs[-1], event_high=file.runs[-1][1], is_mc=file.is_mc,
        mc_events=file.events if file.is_mc else 0, global_tag=file.global_tag, release=file.release,
        date="2024-08-01 00:00:00", site="demo", user="b2grid", seed=str(seed),
        data_description={"dataLevel": "mdst", "b2grid": "demo data"},
    )  # fmt: skip
