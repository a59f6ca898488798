"""A small catalogue, made with the writer that sites use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from b2grid.catalogue import Catalogue, write_catalogue

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]
CHARGED = "/belle/MC/release-06-01-08/DB00002649/MC15rd_b/prod00027830/s00/e0026/4S/r01950/charged/mdst"
MIXED = "/belle/MC/release-06-01-08/DB00002649/MC15ri_b/prod00027999/s00/e1003/4S/r00000/mixed/mdst"
HADRON = "/belle/Data/release-06-00-08/DB00002392/proc13/prod00029531/e0018/4S/r00100/hadron/mdst"
COLLECTION = "/belle/collection/MC/tiny_BB_v1"
DATA = "/belle/collection/Data/tiny_had_v2"


def file(dataset: str, number: int, runs: list[tuple[int, int, int]], tag: str = "main_2022") -> Row:
    lfn = f"{dataset}/sub00/mdst_{number:06d}.root"
    held = [{"experiment": experiment, "run": run, "events": events} for experiment, run, events in runs]
    return {
        "lfn": lfn,
        "pfn": f"../data/{lfn.replace('/', '_')}",
        "bytes": 1000 + number,
        "events": sum(events for _, _, events in runs),
        "global_tag": tag,
        "release": "release-06",
        "is_mc": "/MC/" in dataset,
        "runs": held,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = [file(CHARGED, i, [(26, 1950 + i, 100)]) for i in range(3)]
    files += [file(MIXED, i, [(1003, 0, 50)], tag=f"mc_{i % 2}") for i in range(4)]
    files += [file(HADRON, 1, [(18, 100, 10), (18, 101, 30)]), file(HADRON, 2, [(18, 101, 7)])]
    runs = [
        {"experiment": 18, "run": 100, "good": True, "luminosity": 500.0, "luminosity_error": 5.0},
        {"experiment": 18, "run": 101, "good": False, "reason": "no muon detector", "luminosity": 20.0},
        {"experiment": 26, "run": 1950, "good": True, "luminosity": 1.0},
    ]
    collections = [
        {"collection": COLLECTION, "datasets": [CHARGED, MIXED], "description": "tiny"},
        {"collection": DATA, "datasets": [HADRON], "int_luminosity": 0.5, "int_luminosity_error": 0.005},
    ]
    return write_catalogue(tmp_path / "catalogue", files, runs, collections)


@pytest.fixture
def catalogue(folder: Path) -> Catalogue:
    return Catalogue(folder)
