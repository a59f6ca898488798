"""A project's folder with outputs as jobs publish them: ROOT files, verified, with copies and manifests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import uproot

from b2grid.catalogue.model import INPUTS
from b2grid.ntuple import Input, Manifest, encode, manifest_key, sub_folder, verify
from b2grid.planning import Plan, plan
from b2grid.run.command import Runner
from b2grid.steering.parts import NtupleTree
from b2grid.steering.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

COLUMNS = (
    "__experiment__",
    "__run__",
    "__event__",
    "__production__",
    "__candidate__",
    "__ncandidates__",
    "__weight__",
    "Mbc",
    "useCMSFrame(p)",
    "nTracks",
    "isSignal",
)
TYPES = {
    "__event__": "uint32",
    "__weight__": "float64",
    "Mbc": "float64",
    "useCMSFrame(p)": "float64",
    "isSignal": "float64",
}


def rows_of(job: int, events: int, experiment: int = 26) -> dict[str, np.ndarray[Any, Any]]:
    """Candidates as basf2 writes them: event n of a job has n % 3; each half of a file is a run."""
    rng = np.random.default_rng(job)
    event = np.repeat(np.arange(events), np.arange(events) % 3)
    starts = np.concatenate([[True], event[1:] != event[:-1]]) if len(event) else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(event)), 0)) if len(event) else event
    count = len(event)
    return {
        "__experiment__": np.full(count, experiment, "int32"),
        "__run__": (event >= events // 2).astype("int32"),
        "__event__": event.astype("uint32"),
        "__production__": np.zeros(count, "int32"),
        "__candidate__": (np.arange(count) - first).astype("int32"),
        "__ncandidates__": (event % 3).astype("int32"),
        "__weight__": np.ones(count),
        "Mbc": rng.normal(5.28, 0.01, count),
        "useCMSFrame(p)": rng.random(count),
        "nTracks": rng.integers(0, 12, count).astype("int32"),
        "isSignal": np.where(rng.random(count) < 0.2, np.nan, rng.integers(0, 2, count)),
    }


def write_root(path: Path, trees: Mapping[str, Mapping[str, np.ndarray[Any, Any]]]) -> None:
    """Write trees with basf2's column names."""
    with uproot.recreate(path) as file:
        for name, columns in trees.items():
            kinds = {encode(column): getattr(values, "dtype", "string") for column, values in columns.items()}
            tree = file.mktree(name, kinds)
            tree.extend({encode(column): values for column, values in columns.items()})


@dataclass
class World:
    """A plan, and the outputs of some of its jobs."""

    output: Path
    scratch: Path
    plan: Plan
    events: int
    rows: dict[int, dict[str, np.ndarray[Any, Any]]] = field(default_factory=dict)

    def publish(
        self,
        job: int,
        *,
        trees: Mapping[str, Any] | None = None,
        events: int | None = None,
        copies: bool = True,
        **facts: Any,
    ) -> Manifest:
        """Do what a job does when its payload has ended well."""
        what = self.plan.job(job)
        made = rows_of(job, what.events_expected or 0)
        self.rows[job] = made
        stem, nonce = f"ntuple_job{job}", f"nonce{job}"
        folder = self.output / sub_folder(job)
        folder.mkdir(parents=True, exist_ok=True)
        path = self.scratch / "ntuple.root"
        none = {name: values[:0] for name, values in made.items()}
        write_root(path, trees if trees is not None else {"B0": made, "empty": none})
        output = verify(
            path,
            {},
            copies_to=folder if copies else None,
            copy_stem=stem,
            key=manifest_key(self.plan.project_id, job, 1, nonce),
            leave_out=self.plan.bad_runs.get(job, ()),
        )
        path.rename(folder / f"{stem}.root")
        given: dict[str, Any] = {
            "project_id": self.plan.project_id,
            "job": job,
            "attempt": 1,
            "nonce": nonce,
            "sample": what.sample,
            "inputs": tuple(Input(file.lfn, file.events) for file in what.files),
            "events_processed": what.events_expected if events is None else events,
            "outputs": (output,),
        }
        return self.link(Manifest(**(given | facts)))

    def link(self, manifest: Manifest) -> Manifest:
        """Write a manifest where manifests are."""
        folder = self.output / "manifests" / sub_folder(manifest.job)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{manifest.job}.json").write_text(manifest.to_json())
        return manifest

    def publish_all(self) -> World:
        """Publish every main job."""
        for job in self.plan.ids("main"):
            self.publish(job)
        return self

    def expected(self, column: str, jobs: Sequence[int] | None = None) -> np.ndarray[Any, Any]:
        """What all jobs wrote in a column, in the order of the jobs."""
        chosen = sorted(self.rows) if jobs is None else jobs
        return np.concatenate([self.rows[job][column] for job in chosen])


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., World]:
    """Make a world of so many files per sample, one per job."""

    def make(
        files: int = 3,
        samples: Sequence[str] = ("signal",),
        events: int = 30,
        *,
        bad_run: tuple[int, int] | None = None,
        names: Sequence[str] = ("B0", "empty"),
        project_id: str = "p-1",
        scouts: bool | int = False,
        **what: Any,
    ) -> World:
        output, scratch = tmp_path / "output", tmp_path / "scratch"
        output.mkdir(exist_ok=True)
        scratch.mkdir(exist_ok=True)
        inputs = [
            {
                "sample": sample,
                "lfn": f"/belle/MC/{sample}/{n:03d}.root",
                "pfn": f"/data/{sample}/{n:03d}",
                "bytes": 1000,
                "events": events,
                "global_tag": "main",
                "release": "r",
                "experiment": 26,
                "is_mc": True,
                "collection": f"/belle/collection/MC/{sample}_v1",
                "runs": [
                    {"experiment": 26, "run": run, "events": events // 2, "good": (26, run) != bad_run}
                    for run in (0, 1)
                ],
            }
            for sample in samples
            for n in range(files)
        ]
        trees = (NtupleTree("ntuple.root", tree, "B0", COLUMNS) for tree in names)
        recipe = Recipe(ntuples=tuple(trees))
        made = plan(
            project="B2EtapKs",
            project_id=project_id,
            inputs=pa.Table.from_pylist(inputs, schema=INPUTS),
            runner=Runner("raw", ("true",)),
            steering="s.py",
            recipe=recipe,
            scouts=scouts,
            **({"files_per_job": 1} | what),
        )
        return World(output, scratch, made, events)

    return make
