"""The luminosity of a project: the official one of its collections, of the runs it uses, and of what is processed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import pandas as pd
    import pyarrow as pa

    from b2grid.catalogue import Catalogue, Inputs
    from b2grid.catalogue.luminosity import Luminosity
    from b2grid.outputs.books import Place
    from b2grid.planning import Plan

__all__ = ["luminosity", "processed_lfns"]

_COLUMNS = [
    *("sample", "collection", "luminosity", "luminosity_error", "selected", "selected_error"),
    *("processed", "processed_error", "generated", "branching_fraction"),
]


def processed_lfns(place: Place, plan: Plan) -> set[str]:
    """The input files of the main jobs that are done."""
    import pyarrow as pa
    import pyarrow.compute

    from b2grid.outputs.books import job_states
    from b2grid.outputs.index import read_index

    pc: Any = pa.compute
    states = job_states(read_index(place.output), plan)
    done = pa.array(states.loc[states["state"] == "done", "job"].to_numpy(), pa.int32())
    lfns: list[Any] = plan.table["lfn"].filter(pc.is_in(plan.table["job"], value_set=done)).to_pylist()
    return set(lfns)


def luminosity(inputs: Inputs, catalogue: Catalogue, processed: Collection[str] = ()) -> pd.DataFrame:
    """What each sample has of each collection, in inverse femtobarn.

    Parameters
    ----------
    processed : collection of str
        The LFNs of files whose jobs are done. A run counts as processed when all its files are.

    Returns
    -------
    pandas.DataFrame
        ``sample``, ``collection``; ``luminosity`` is the official value of the collection, ``selected`` the sum over
        the runs that are used, ``processed`` over those of them that are done, each with its uncertainty. Of
        simulation ``generated`` and ``branching_fraction`` instead. What is not known is missing.
    """
    import pandas as pd

    known = catalogue.runs()
    rows = []
    for sample, collection, table in _groups(inputs.table):
        official = _official(catalogue, collection)
        selected, done = _of_runs(table, known, processed, catalogue)
        values = (official.official, official.official_error, *selected, *done)
        rows.append((sample, collection, *values, official.generated, official.branching_fraction))
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    return frame.astype(dict.fromkeys(_COLUMNS[2:], float) | {"generated": "Int64"})


def _groups(table: pa.Table) -> Iterator[tuple[str, str | None, pa.Table]]:
    from pyarrow import compute

    pc: Any = compute
    pairs = table.group_by(["sample", "collection"]).aggregate([])
    rows: list[Any] = pairs.sort_by([("sample", "ascending"), ("collection", "ascending")]).to_pylist()
    for row in rows:
        name = row["collection"]
        same = table["collection"].is_null() if name is None else pc.equal(table["collection"], name)
        chosen = pc.and_(pc.equal(table["sample"], row["sample"]), pc.fill_null(same, False))
        yield row["sample"], name, table.filter(chosen)


def _official(catalogue: Catalogue, collection: str | None) -> Luminosity:
    from b2grid.catalogue import Luminosity

    if collection is None:
        return Luminosity()
    try:
        return catalogue.collection(collection).luminosity
    except InvalidInput:  # the catalogue of this reader does not have it
        return Luminosity()


Sum = tuple[float | None, float | None]


def _of_runs(table: pa.Table, known: pa.Table, processed: Collection[str], catalogue: Catalogue) -> tuple[Sum, Sum]:
    """The sums over runs of collision data that are used, and that are done."""
    import numpy as np

    from b2grid.catalogue.luminosity import of_keys
    from b2grid.catalogue.runs import run_keys
    from b2grid.catalogue.taking.selection import flat_runs

    nothing: tuple[Sum, Sum] = ((None, None), (None, None))
    lfns: list[Any] = table["lfn"].to_pylist()
    own = not catalogue.is_demo or all(lfn.startswith("/belle/") for lfn in lfns)
    if not own or any(table["is_mc"].to_pylist()):
        return nothing
    offsets, owner, flat = flat_runs(table["runs"])
    if (offsets[1:] == offsets[:-1]).any():  # a file does not say which runs it holds
        return nothing
    good = flat.field("good").to_numpy(zero_copy_only=False).astype(bool)
    keys = run_keys(flat.field("experiment").to_numpy(), flat.field("run").to_numpy())[good]
    chosen = set(processed)
    there = np.array([lfn in chosen for lfn in lfns], bool)[owner[good]]
    whole = np.setdiff1d(keys[there], keys[~there])
    if not len(whole):
        return of_keys(keys, known), (0.0, 0.0)
    return of_keys(keys, known), of_keys(whole, known)
