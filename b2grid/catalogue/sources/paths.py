"""What a path in the file catalogue says of itself, by its form: for one path, and for columns of millions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.model import CODED, FILES
from b2grid.names import COLLECTION_PREFIX, DatasetPath

__all__ = ["BATCH", "Facts", "facts_of", "kind_of", "said_by", "split_lfns", "with_facts"]

BATCH = 100_000  # rows of texts that are made at a time
_DATABLOCK = r"^sub[0-9]{2,}$"
_SIMULATION, _DATA = "/belle/MC/", "/belle/Data/"


def kind_of(path: str) -> str:
    """Whether a path names one of the files, the collections or the datasets.

    >>> kind_of("/belle/collection/MC/MC15ri_uubar_1abinv_v1")
    'collections'
    """
    if path.endswith(".root"):
        return "files"
    return "collections" if path.startswith(COLLECTION_PREFIX) else "datasets"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the path of a dataset says of its files.

    Parameters
    ----------
    known : bool
        Whether the path has one of the documented forms.
    is_mc : bool or None
        `None` if the path does not say.
    global_tag : str
        The number of the set of production global tags, such as ``DB00002649``: files of one number have one set.
    run : int or None
        The one run that the files hold; `None` where the path has run 0, which stands for any.
    """

    known: bool
    is_mc: bool | None
    global_tag: str
    experiment: int | None
    run: int | None


@lru_cache(maxsize=4096)
def facts_of(dataset: str) -> Facts:
    """What the path of a dataset says of its files.

    >>> facts_of("/belle/Data/release-06-00-08/DB00002392/proc13/prod00029531/e0018/4S/r00100/mdst").run
    100
    """
    parts = DatasetPath.parse(dataset)
    simulated = True if dataset.startswith(_SIMULATION) else False if dataset.startswith(_DATA) else None
    return Facts(
        known=parts.known,
        is_mc=simulated,
        global_tag=parts.global_tag_id or "",
        experiment=parts.experiment,
        run=parts.run or None,
    )


def split_lfns(lfns: pa.ChunkedArray[Any]) -> tuple[pa.ChunkedArray[Any], pa.ChunkedArray[Any]]:
    """The datasets and datablocks of files, `CODED`: `split_lfn` for a column."""
    datasets, blocks = [], []
    for start in range(0, len(lfns), BATCH):
        batch: Any = lfns.slice(start, BATCH).combine_chunks().cast(pa.string())
        # with two slashes in front every name has three parts
        padded = pc.binary_join_element_wise("//", pc.fill_null(batch, ""), "")
        parts: Any = pc.split_pattern(padded, "/", max_splits=2, reverse=True)
        above, last = pc.list_element(parts, 0), pc.list_element(parts, 1)
        blocked = pc.match_substring_regex(last, _DATABLOCK)
        folder = pc.if_else(blocked, above, pc.binary_join_element_wise(above, last, "/"))
        datasets.append(pc.utf8_slice_codeunits(folder, 2).cast(CODED))
        blocks.append(pc.if_else(blocked, last, pa.scalar(None, pa.string())).cast(CODED))
    made: Any = (pa.chunked_array(datasets, CODED), pa.chunked_array(blocks, CODED))  # type: ignore[call-overload]
    return made[0], made[1]


def with_facts(files: pa.Table) -> tuple[pa.Table, list[str]]:
    """Fill in what is empty and follows from the path of each file.

    Parameters
    ----------
    files : pyarrow.Table
        With the columns of `FILES`, of which only `lfn` has to be there in every row.

    Returns
    -------
    tuple of pyarrow.Table and list of str
        All required columns are filled. The datasets whose paths, and files, do not say whether they are
        simulation: as in basf2, files that do not say are taken for it.
    """
    table = files
    if table["dataset"].null_count:
        dataset, datablock = (column.cast(pa.string()) for column in split_lfns(table["lfn"]))
        table = _filled(_filled(table, "datablock", datablock), "dataset", dataset)
    table = _filled(table, "pfn", table["lfn"])
    said, unsaid = said_by(table["dataset"]), _unsaid(table)
    for name in ("is_mc", "global_tag"):
        table = _filled(table, name, said[name])
    table = _with_runs(table, said["experiment"], said["run"])
    return _filled(table, "experiment", said["experiment"]), unsaid


def said_by(datasets: pa.ChunkedArray[Any]) -> dict[str, pa.Array[Any]]:
    """What the paths of datasets say of their files, in columns; as in basf2, what does not say is simulation."""
    encoded: Any = datasets.combine_chunks().dictionary_encode()
    found = [facts_of(path) for path in encoded.dictionary.to_pylist()]
    columns: dict[str, Any] = {
        "is_mc": pa.array([fact.is_mc is not False for fact in found], pa.bool_()),
        "global_tag": pa.array([fact.global_tag for fact in found], pa.string()),
        "experiment": pa.array([fact.experiment for fact in found], pa.int32()),
        "run": pa.array([fact.run for fact in found], pa.int32()),
    }
    return {name: values.take(encoded.indices) for name, values in columns.items()}


def _filled(table: pa.Table, name: str, values: Any) -> pa.Table:
    column: Any = table[name]
    if not column.null_count:
        return table
    filled = values if column.null_count == len(column) else pc.coalesce(column, values)
    return table.set_column(table.column_names.index(name), table.schema.field(name), filled)


def _unsaid(table: pa.Table) -> list[str]:
    silent: Any = pc.is_null(table["is_mc"])
    among: list[Any] = pc.unique(table["dataset"].filter(silent)).to_pylist()
    return sorted(path for path in among if facts_of(path).is_mc is None)


def _with_runs(table: pa.Table, experiment: Any, run: Any) -> pa.Table:
    """The one run of files whose path names it; their events are those of the file."""
    given: Any = table["runs"].combine_chunks()
    fill = pc.and_(pc.is_null(given), pc.is_valid(run))
    if not pc.any(fill).as_py():
        return table
    kind = FILES.field("runs").type
    chosen = {
        "experiment": experiment.filter(fill),
        "run": run.filter(fill),
        "events": table["events"].combine_chunks().filter(fill),
    }
    structs = pa.StructArray.from_arrays(list(chosen.values()), fields=list(kind.value_type))
    singles = pa.ListArray.from_arrays(pa.array(np.arange(len(structs) + 1), pa.int32()), structs, type=kind)
    table = table.set_column(
        table.column_names.index("runs"), table.schema.field("runs"), _placed(given, fill, singles)
    )
    for name in ("run_low", "run_high"):
        table = _filled(table, name, pc.if_else(fill, run, pa.scalar(None, pa.int32())))
    return table


def _placed(given: Any, where: Any, values: pa.Array[Any]) -> pa.Array[Any]:
    """With values in the places of a mask; Arrow does not replace lists by mask."""
    own: Any = pc.cumulative_sum(where.cast(pa.int64()))
    here = pc.add(pc.subtract(own, pa.scalar(1, pa.int64())), pa.scalar(len(given), pa.int64()))
    index = pc.if_else(where, here, pa.array(np.arange(len(given))))
    placed: pa.Array[Any] = pa.concat_arrays([given, values]).take(index)
    return placed
