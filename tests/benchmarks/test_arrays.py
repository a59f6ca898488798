"""arrays() over the Parquet copies against uproot.concatenate over the same outputs."""

from __future__ import annotations

import shutil
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
import uproot

from b2grid.catalogue.model import INPUTS
from b2grid.ntuple import Input, Manifest, encode, manifest_key, sub_folder, verify
from b2grid.outputs import arrays
from b2grid.planning import plan
from b2grid.run.command import Runner
from b2grid.steering.parts import NtupleTree
from b2grid.steering.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES, ROWS, BASKET, VARIABLES = 60, 5000, 200, 30
BOOKS = {
    "__experiment__": "int32",
    "__run__": "int32",
    "__event__": "uint32",
    "__production__": "int32",
    "__candidate__": "int32",
    "__ncandidates__": "int32",
    "__weight__": "float64",
}


def write(path: Path, seed: int) -> None:
    """Write 36 columns in baskets of 200 rows, as basf2's 1600 bytes come to."""
    rng = np.random.default_rng(seed)
    names = {name: kind for name, kind in BOOKS.items() if name != "__production__"}
    names |= {f"daughter({n}, p)": "float64" for n in range(VARIABLES)}
    with uproot.recreate(path) as file:
        tree = file.mktree("B0", {encode(name): kind for name, kind in names.items()})
        for _ in range(ROWS // BASKET):
            tree.extend(
                {
                    encode(name): rng.normal(size=BASKET).astype(kind)
                    if kind == "float64"
                    else np.arange(BASKET, dtype=kind)
                    for name, kind in names.items()
                }
            )


def timed(call: Callable[[], object], times: int = 3) -> float:
    """The best of some runs, in seconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


@pytest.mark.benchmark
def test_arrays_against_concatenating_root_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = [
        {
            "sample": "mixed",
            "lfn": f"/belle/{n}",
            "pfn": f"/data/{n}",
            "bytes": 1,
            "events": ROWS,
            "global_tag": "main",
            "release": "r",
            "is_mc": True,
            "runs": [],
        }
        for n in range(FILES)
    ]
    made = plan(
        project="speed",
        project_id="p",
        inputs=pa.Table.from_pylist(inputs, schema=INPUTS),
        runner=Runner("raw", ("true",)),
        steering="s.py",
        files_per_job=1,
        scouts=False,
        recipe=Recipe(ntuples=(NtupleTree("ntuple.root", "B0", "B0", ()),)),
    )
    verifying = 0.0
    write(tmp_path / "written.root", 1)  # once: writing such small baskets is what takes long
    for job in made.ids("main"):
        folder = tmp_path / sub_folder(job)
        manifests = tmp_path / "manifests" / sub_folder(job)
        folder.mkdir(exist_ok=True)
        manifests.mkdir(parents=True, exist_ok=True)
        path = folder / f"ntuple_job{job}.root"
        shutil.copy(tmp_path / "written.root", path)
        start = time.perf_counter()
        output = verify(path, {}, copies_to=folder, key=manifest_key("p", job, 1, "n"))
        verifying += time.perf_counter() - start
        read = tuple(Input(file.lfn, file.events) for file in made.job(job).files)
        manifest = Manifest("p", job, 1, "n", sample="mixed", inputs=read, outputs=(output,), events_processed=ROWS)
        (manifests / f"{job}.json").write_text(manifest.to_json())

    place = SimpleNamespace(output=tmp_path)
    files = {str(path): "B0" for path in sorted(tmp_path.glob("sub*/*.root"))}
    some = ["daughter(0, p)", "daughter(1, p)", "__event__"]
    stored = [encode(name) for name in some]
    whole = arrays(place, made, "B0", some)
    assert len(whole) == FILES * ROWS
    times = {
        "all columns": (timed(lambda: uproot.concatenate(files), 1), timed(lambda: arrays(place, made, "B0"))),
        "3 columns": (
            timed(lambda: uproot.concatenate(files, stored), 1),
            timed(lambda: arrays(place, made, "B0", some)),
        ),
    }
    with capsys.disabled():
        print(
            f"\n{FILES} files, {FILES * ROWS} rows, {VARIABLES + len(BOOKS) - 1} columns; "
            f"verifying and copying took {verifying:.2f} s"
        )
        for what, (root, ours) in times.items():
            print(f"  {what}: uproot.concatenate {root:.2f} s, arrays {ours:.2f} s: {root / ours:.1f} times faster")
    assert all(root > ours for root, ours in times.values())
