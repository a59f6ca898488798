"""What is known of files, beyond what their paths say: the one rule by which sources, and additions, are joined.

What only follows from a path is a stopgap, for as long as nobody has read the file. So before values are compared,
those that are just what the path says are taken away; another then takes their place, and is never refused for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.model import FILES
from b2grid.catalogue.sources.paths import said_by, split_lfns

__all__ = ["PAIRS", "known"]

#: The column of `known` that says which runs a file holds, whether or not the events of each are known.
PAIRS = "pairs"


def known(files: pa.Table) -> pa.Table:
    """Files with null instead of what only their paths say, and instead of empty texts.

    - The number of global tags in the path is no global tag.
    - Collision data or simulation, experiment and run that are as in the path, with the events of the file: unless
      its release and its global tag are known, which who reads a file learns with them.
    - Runs of which not all events are known are not in `runs`, but, as all others, in `PAIRS`, without events.

    Parameters
    ----------
    files : pyarrow.Table
        With the columns of `FILES`, of which only `lfn` has to be there in every row.

    Returns
    -------
    pyarrow.Table
        The same rows, and the column `PAIRS`.
    """
    said = said_by(_datasets(files))
    columns: dict[str, Any] = {name: _without_blanks(files[name].combine_chunks()) for name in FILES.names}
    columns["global_tag"] = _unless(columns["global_tag"], said["global_tag"])
    unread = pc.invert(pc.and_(pc.is_valid(columns["release"]), pc.is_valid(columns["global_tag"])))
    only_said = pc.and_(unread, _is_one_run(columns["runs"], said["experiment"], said["run"], columns["events"]))
    for name in ("is_mc", "experiment", "run_low", "run_high"):
        columns[name] = _unless(columns[name], said[name if name in said else "run"], unread)
    columns["runs"], columns[PAIRS] = _runs(columns["runs"], only_said.to_numpy(zero_copy_only=False))
    return pa.table(columns)


def _datasets(files: pa.Table) -> Any:
    given: Any = files["dataset"]
    return pc.coalesce(given, split_lfns(files["lfn"])[0].cast(pa.string())) if given.null_count else given


def _without_blanks(column: Any) -> Any:
    return _unless(column, pa.scalar("")) if pa.types.is_string(column.type) else column


def _unless(column: Any, value: Any, where: Any = True) -> Any:
    """A column with null where it has a value."""
    same: Any = pc.and_(pc.fill_null(pc.equal(column, value), False), where)
    return pc.if_else(same, pa.scalar(None, column.type), column)


def _parts(runs: Any) -> tuple[Any, Any, Any]:
    """All runs of all files, how many each file has, and the place of its first."""
    lengths = pc.fill_null(pc.list_value_length(runs), 0).to_numpy(zero_copy_only=False)
    return runs.flatten(), lengths, np.cumsum(lengths) - lengths


def _is_one_run(runs: Any, experiment: Any, run: Any, events: Any) -> Any:
    """Whether a file has one run, that one, and its events are those of the file or not known."""
    flat, lengths, starts = _parts(runs)
    first = flat.take(pa.array(starts, mask=lengths != 1))
    of_first: list[Any] = [pc.struct_field(first, name) for name in ("experiment", "run", "events")]
    counted = pc.or_(pc.is_null(of_first[2]), pc.fill_null(pc.equal(of_first[2], events), False))
    there = pc.and_(pc.equal(of_first[0], experiment), pc.equal(of_first[1], run))
    return pc.fill_null(pc.and_(there, counted), False)


def _runs(runs: Any, only_said: Any) -> tuple[Any, Any]:
    """The runs of files of which all events are known, and those of all files, without events."""
    flat, lengths, starts = _parts(runs)
    kind: Any = FILES.field("runs").type
    uncounted = np.flatnonzero(flat.field("events").is_null().to_numpy(zero_copy_only=False))
    unknown = only_said | runs.is_null().to_numpy(zero_copy_only=False)
    partly = unknown.copy()
    partly[np.searchsorted(starts + lengths, uncounted, side="right")] = True
    offsets = pa.array(np.append(starts, lengths.sum()), pa.int32())
    bare = pa.StructArray.from_arrays(
        [flat.field("experiment"), flat.field("run"), pa.nulls(len(flat), pa.int64())], fields=list(kind.value_type)
    )
    full: Any = pa.ListArray.from_arrays(offsets, flat, type=kind, mask=pa.array(partly))
    return full, pa.ListArray.from_arrays(offsets, bare, type=kind, mask=pa.array(unknown))
