"""Inputs made row by row, a recipe and a trial: what plans are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from b2grid.catalogue.model import INPUTS
from b2grid.catalogue.taking.inputs import Inputs
from b2grid.ntuple import TreeProfile
from b2grid.planning import Plan, plan
from b2grid.run.command import Runner
from b2grid.steering.parts import NtupleTree
from b2grid.steering.recipe import Recipe
from b2grid.steering.trying import Measurement, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GB = 1024**3
RUNNER = Runner("basf2", ("basf2",), release="release-09-00-00")
Make = "Callable[..., Plan]"


def row(number: int, size: int, sample: str = "mixed", tag: str = "main", **more: Any) -> dict[str, Any]:
    lfn = f"/belle/MC/x/{sample}/sub00/mdst_{number:06d}.root"
    return {
        "sample": sample,
        "lfn": lfn,
        "pfn": f"root://se/{lfn}",
        "bytes": size,
        "events": size // 10_000,
        "global_tag": tag,
        "release": "r",
        "experiment": 26,
        "is_mc": True,
        "runs": [{"experiment": 26, "run": number, "events": size // 10_000, "good": True}],
    } | more


def table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=INPUTS)


@pytest.fixture
def make() -> Callable[..., Plan]:
    def made(rows: Sequence[dict[str, Any]], **what: Any) -> Plan:
        given = {"project": "B2EtapKs", "project_id": "p-1", "runner": RUNNER, "steering": "B2EtapKs.py"}
        return plan(inputs=Inputs(table(rows)), **(given | what))

    return made


@pytest.fixture
def recipe() -> Recipe:
    trees = [NtupleTree("ntuple.root", f"B0ch{n}", f"B0:ch{n}", ("Mbc", "deltaE")) for n in (1, 2, 3)]
    return Recipe(ntuples=tuple(trees))


def measured(sample: str, seconds_per_event: float, setup: float = 0.0, **more: Any) -> Measurement:
    trees = (TreeProfile("ntuple.root", "B0ch1", 50, 4000), TreeProfile("ntuple.root", "B0ch2", 10, 1000))
    given: dict[str, Any] = {
        "sample": sample,
        "file": "x.root",
        "events": 100,
        "seconds_setup": setup,
        "seconds_events": 100 * seconds_per_event,
        "peak_memory": 700 * 1024**2,
        "trees": trees,
        "ok": True,
        "exit_code": 0,
        "log_tail": "",
    }
    return Measurement(**(given | more))


@pytest.fixture
def tried() -> Callable[..., Trial]:
    return lambda *measurements: Trial(measurements=measurements)
