"""Catalogues of the size of the experiment, made up column by column: the same seed makes the same rows.

Paths, sizes and how files are spread over datasets are those that analysts see: collision data and run-dependent
simulation have a dataset per run with a few files, run-independent simulation has few datasets with thousands, and
skims are merged into large files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["MADE_UP_RUN", "Tables", "made_up"]

Tables = dict[str, pa.Table]

#: One run of the made-up accelerator.
MADE_UP_RUN = pa.struct(
    [
        pa.field("experiment", pa.int32(), nullable=False),
        pa.field("run", pa.int32(), nullable=False),
        pa.field("events", pa.int64()),
    ]
)

GB = 1024**3
GENERIC = ("mixed", "charged", "uubar", "ddbar", "ssbar", "ccbar")
SKIMS = (
    ("TDCPV_ccs", "13160200", "TDCPV"),
    ("BtoHad3Tracks1Pi0", "19130310", "BtoC"),
    ("TauThrust", "18570700", "Tau"),
)
EXPERIMENTS = (7, 8, 10, 12, 14, 16, 17, 18, 20, 22, 24, 26)


@dataclass(frozen=True, slots=True)
class Kind:
    """Datasets that are alike: their path, how many files one has beside another's, and a file's size in GB."""

    path: str  # {prod}, {exp}, {run}; one dataset per run, or, without {run}, per production
    files: float
    size: tuple[float, float]
    event: float  # kB
    release: str
    tag: str


def _kinds() -> list[Kind]:
    kinds = []
    for release, database, campaign, tag in (
        ("release-06-00-08", "DB00002392", "proc13", "data_reprocessing_proc13"),
        ("release-08-00-08", "DB00003211", "proc16", "data_reprocessing_proc16"),
    ):
        data = f"/belle/Data/{release}/{database}/{campaign}/prod{{prod}}/e{{exp}}/4S/r{{run}}"
        kinds.append(Kind(f"{data}/hadron/mdst", 4, (0.1, 3.0), 12, release, tag))
        kinds += [
            Kind(f"{data}/hadron/{code}/udst", 1, (2.6, 3.0), 15, release, f"{tag},analysis_tools_light-2305-korat")
            for _, code, _ in SKIMS
        ]
    for release, database, campaign, tag in (
        ("release-06-01-08", "DB00002649", "MC15rd_b", "mc_production_MC15rd_b"),
        ("release-08-00-08", "DB00003317", "MC16rd_c", "mc_production_MC16rd_c"),
    ):
        simulated = f"/belle/MC/{release}/{database}/{campaign}/prod{{prod}}/s00/e{{exp}}/4S/r{{run}}"
        kinds += [Kind(f"{simulated}/{what}/mdst", 6, (1.4, 2.0), 20, release, tag) for what in GENERIC]
    for release, database, campaign, experiment in (
        ("release-06-00-08", "DB00002100", "MC15ri_b", 1003),
        ("release-08-00-07", "DB00003305", "MC16ri_a", 1004),
    ):
        fixed = f"/belle/MC/{release}/{database}/{campaign}/prod{{prod}}/s00/e{experiment}/4S/r00000"
        tag = f"mc_production_{campaign}"
        kinds += [Kind(f"{fixed}/{what}/mdst", 900, (1.6, 1.8), 20, release, tag) for what in GENERIC]
        kinds += [Kind(f"{fixed}/{1110021010 + 1000 * i}/mdst", 20, (0.1, 3.0), 18, release, tag) for i in range(4)]
    return kinds


def made_up(files: int = 4_000_000, datasets: int = 200_000, *, seed: int = 1) -> Tables:
    """The rows of a catalogue, by table, sorted by path.

    Parameters
    ----------
    files, datasets : int
        How many there are, exactly; at least one file per dataset.
    """
    rng = np.random.default_rng(seed)
    kinds = _kinds()
    paths, kind, experiment, run = _dataset_paths(kinds, datasets)
    weights = np.array([kinds[k].files for k in kind]) * rng.lognormal(0, 0.7, datasets)
    counts = _shared_out(files, weights)
    owner = np.repeat(np.arange(datasets), counts)
    return {
        "files": _files(pa.array(paths), owner, counts, [kinds[k] for k in kind], experiment, run, rng),
        "runs": _runs(experiment, run, rng),
        "datasets": pa.table({"dataset": paths, "status": ["good"] * datasets}),
        "collections": _collections(paths),
        "skims": pa.table({name: [skim[i] for skim in SKIMS] for i, name in enumerate(("skim", "code", "group"))}),
    }


def _dataset_paths(kinds: list[Kind], wanted: int) -> tuple[list[str], Any, Any, Any]:
    """Paths, sorted, with the number of their kind, their experiment and their run."""
    per_run = [i for i, kind in enumerate(kinds) if "{run}" in kind.path]
    fixed = [i for i, kind in enumerate(kinds) if "{run}" not in kind.path]
    rows = []
    for number in range(max(wanted // 100, 1)):  # one in a hundred is of run-independent simulation
        k = fixed[number % len(fixed)]
        rows.append((kinds[k].path.format(prod=f"{21000 + number:08d}"), k, 1003, 0))
    number = 0
    while len(rows) < wanted:
        experiment, run = EXPERIMENTS[number % len(EXPERIMENTS)], 3 + 2 * (number // len(EXPERIMENTS))
        for k in per_run:
            prod = f"{24000 + 100 * k + experiment:08d}"
            rows.append(
                (kinds[k].path.format(prod=prod, exp=f"{experiment:04d}", run=f"{run:05d}"), k, experiment, run)
            )
        number += 1
    rows = sorted(rows[:wanted])
    paths = [row[0] for row in rows]
    kind, experiment, run = (np.array([row[i] for row in rows], np.int32) for i in (1, 2, 3))
    return paths, kind, experiment, run


def _shared_out(total: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers of at least one, in proportion to weights, that add up to a total."""
    counts = 1 + np.floor((total - len(weights)) * weights / weights.sum()).astype(np.int64)
    counts[np.argmax(counts)] += total - counts.sum()
    return counts


def _files(
    paths: pa.Array,
    owner: NDArray[np.int64],
    counts: NDArray[np.int64],
    kinds: list[Kind],
    experiment: NDArray[np.int32],
    run: NDArray[np.int32],
    rng: np.random.Generator,
) -> pa.Table:
    number = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    low, high = np.array([kind.size for kind in kinds]).T
    size = (rng.uniform(low[owner], high[owner]) * GB).astype(np.int64)
    events = (size / (1024 * np.array([kind.event for kind in kinds]))[owner]).astype(np.int64)
    digits = pa.array([f"{i:06d}" for i in range(int(number.max()) + 1)])
    block = _labels([f"sub{i:02d}" for i in range(int(number.max()) // 1000 + 1)], number // 1000)
    dataset = pa.DictionaryArray.from_arrays(pa.array(owner, pa.int32()), paths)
    # the name of a file follows from its dataset: mdst_000012_prod00027830.root
    heads = pc.binary_join_element_wise(paths, pc.replace_substring_regex(paths, ".*/(.dst)$", r"\1_"), "|")
    stems = [tuple(head.split("|")) for head in heads.to_pylist()]
    tails = pa.array([f"_prod{path.partition('/prod')[2][:8]}.root" for path, _ in stems])
    first, last = paths.take(pa.array(owner)), tails.take(pa.array(owner))
    stem = pa.array([stem for _, stem in stems]).take(pa.array(owner))
    name = pc.binary_join_element_wise(stem, digits.take(pa.array(number)), last, "")
    lfn = pc.binary_join_element_wise(first, block.cast(pa.string()), name, "/")
    held = pa.StructArray.from_arrays(
        [pa.array(experiment[owner]), pa.array(run[owner]), pa.array(events)], fields=list(MADE_UP_RUN)
    )
    kind_type = pa.list_(pa.field("item", MADE_UP_RUN, nullable=False))
    return pa.table(
        {
            "lfn": lfn,
            "pfn": lfn,
            "dataset": dataset,
            "datablock": block,
            "bytes": size,
            "events": events,
            "adler32": _hexadecimal(rng, len(owner)),
            "global_tag": _labels([kind.tag for kind in kinds], owner),
            "release": _labels([kind.release for kind in kinds], owner),
            "is_mc": pc.starts_with(paths, "/belle/MC/").take(pa.array(owner)),
            "runs": pa.ListArray.from_arrays(pa.array(np.arange(len(owner) + 1), pa.int32()), held, type=kind_type),
        }
    )


def _labels(values: list[str], codes: NDArray[np.int64]) -> pa.DictionaryArray:
    """Texts by number, each kept once."""
    unique, index = np.unique(np.array(values), return_inverse=True)
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)[codes]), pa.array(unique.tolist()))


def _hexadecimal(rng: np.random.Generator, count: int) -> pa.Array:
    """Checksums of eight digits."""
    offsets = pa.py_buffer(np.arange(0, 8 * count + 1, 8, dtype=np.int32))
    return pa.StringArray.from_buffers(count, offsets, pa.py_buffer(rng.bytes(4 * count).hex().encode()))


def _runs(experiment: NDArray[np.int32], run: NDArray[np.int32], rng: np.random.Generator) -> pa.Table:
    pairs = np.unique(np.stack([experiment, run])[:, run > 0], axis=1)
    good = rng.uniform(size=pairs.shape[1]) > 0.04
    return pa.table(
        {
            "experiment": pairs[0],
            "run": pairs[1],
            "good": good,
            "reason": np.where(good, None, "a detector was off"),
            "luminosity": rng.uniform(1, 200, len(good)),
            "luminosity_error": rng.uniform(0.01, 2, len(good)),
            "beam_energy": ["4S"] * len(good),
        }
    )


def _collections(paths: list[str]) -> pa.Table:
    """One per campaign, level and type: what an analysis begins with."""
    members: dict[str, list[str]] = {}
    for path in paths:
        parts = path.split("/")
        kind, campaign, last = parts[2], parts[5], parts[-2]
        what = "signal" if last.isdigit() and len(last) > 8 else last
        members.setdefault(f"/belle/collection/{kind}/{campaign}_{what}_4S_v1", []).append(path)
    return pa.table({"collection": list(members), "datasets": list(members.values())})
