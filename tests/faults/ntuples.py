"""Projects whose jobs publish a small ntuple, and what must hold of what they published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import uproot

from b2grid.execution import ProjectFolder
from b2grid.execution.publish import published
from b2grid.ntuple import Manifest, encode, sub_folder
from b2grid.ntuple.verify import verify_published
from b2grid.outputs import arrays
from b2grid.planning import Plan
from b2grid.steering.parts import NtupleTree
from b2grid.steering.recipe import Recipe
from tests.execution.conftest import planned

__all__ = ["RECIPE", "ROWS", "copying", "seen", "whole", "write_ntuple"]

ROWS = 1000
BOOKS = ("__experiment__", "__run__", "__event__", "__production__", "__candidate__", "__ncandidates__", "__weight__")
RECIPE = Recipe(ntuples=(NtupleTree("x.root", "B0", "B0:a", ("Mbc", "useCMSFrame(p)")),))


def write_ntuple(path: Path, rows: int = ROWS, compression: uproot.compression.Compression | None = None) -> Path:
    """Write an ntuple as basf2 does; by default without compression, so that a bit that flips is seen by nothing."""
    rng = np.random.default_rng(1)
    columns = {name: np.arange(rows, dtype="float64" if name == "__weight__" else "int32") for name in BOOKS}
    columns |= {name: rng.normal(size=rows) for name in ("Mbc", "useCMSFrame(p)")}
    with uproot.recreate(path, compression=compression) as file:
        tree = file.mktree("B0", {encode(name): values.dtype for name, values in columns.items()})
        tree.extend({encode(name): values for name, values in columns.items()})
    return path


def copying(path: Path, ntuple: Path, jobs: int = 1) -> ProjectFolder:
    """A planned project in this folder, each of whose jobs copies a ntuple."""
    return planned(path, jobs, "/bin/cp", args=[str(ntuple), "x.root"], recipe=RECIPE)


def seen(folder: ProjectFolder) -> int:
    """How many rows a reader gets now; whatever they are, they are right."""
    array = arrays(folder, Plan.read(folder.plans()[-1]), "B0", ["Mbc"], allow_partial=True)
    expected = np.random.default_rng(1).normal(size=ROWS)
    assert np.array_equal(array.Mbc.to_numpy(), np.tile(expected, len(array) // ROWS))
    return len(array)


def whole(folder: ProjectFolder) -> list[Manifest]:
    """Assert that all that is published is whole, and is all that there is; the manifests."""
    manifests = list(published(folder.output))
    assert len({manifest.job for manifest in manifests}) == len(manifests)
    named = set()
    for manifest in manifests:
        place = folder.output / sub_folder(manifest.job)
        for output in manifest.outputs:
            assert verify_published(place, output) == []
            named |= {place / name for name in (output.file, *(copy.file for copy in output.copies))}
    assert set(folder.output.glob("sub[0-9]*/*")) == named
    assert not list((folder.output / ".staging").glob("*"))
    return manifests
