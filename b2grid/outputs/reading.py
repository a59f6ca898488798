"""Arrays of what came back, which say how complete they are."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from b2grid.errors import InvalidInput, printable
from b2grid.ntuple.unwanted import RUN_COLUMNS, unwanted_rows
from b2grid.outputs.books import completeness_of, job_states
from b2grid.outputs.coverage import Completeness, Missing
from b2grid.outputs.cutting import Cut
from b2grid.outputs.index import read_index
from b2grid.outputs.pieces import Piece, known_columns, pick, pieces_of, read_piece

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import awkward as ak
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from b2grid.outputs.books import Place
    from b2grid.planning import Plan

__all__ = ["SAMPLE", "arrays", "dataframe", "iterate"]

SAMPLE = "__sample__"
"""The field that says which sample a row is of, where rows of several are read."""

How = Literal["candidates", "events"]
_EVENT = ("__experiment__", "__run__", "__event__")
_CANDIDATE = "__candidate__"
_STEP = 1_000_000
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Selection:
    """What is read: which rows of which pieces, and how they are given back."""

    output: Path
    plan: Plan
    pieces: tuple[Piece, ...]
    columns: tuple[str, ...]
    cut: Cut | None
    how: How
    samples: tuple[str, ...]
    completeness: Completeness
    allow_partial: bool

    def needed(self, piece: Piece) -> frozenset[str]:
        """The columns that are read: asked for, in the cut, or telling events and runs apart."""
        extra: tuple[str, ...] = self.cut.columns if self.cut else ()
        if self.how == "events":
            extra += (*_EVENT, _CANDIDATE)
        if piece.bad_runs:
            extra += RUN_COLUMNS
        return frozenset(self.columns + extra)


@dataclass(frozen=True, slots=True)
class _Part:
    """Selected rows of one piece; `counts` are candidates per event where events are asked for."""

    sample: str
    rows: int
    table: pa.Table
    counts: NDArray[np.int64] | None


def arrays(
    place: Place,
    plan: Plan,
    tree: str,
    columns: str | Sequence[str] | None = None,
    cut: str | None = None,
    *,
    sample: str | None = None,
    how: How = "candidates",
    allow_partial: bool = False,
) -> ak.Array:
    """One tree of all jobs as one awkward array.

    Events of bad runs are left out. With more than one sample the field ``__sample__`` says whose a row is.

    Parameters
    ----------
    tree : str
        Its name, or ``file:tree`` where several files have a tree of this name.
    columns : str or list of str, optional
        Readable names; all when left out.
    cut : str, optional
        A basf2 cut over columns, also over those that are not asked for.
    sample : str, optional
        Only this one.
    how : {"candidates", "events"}
        One record per candidate, or a list of them per event; events without candidates are not in it.
    allow_partial : bool
        Take what is there although something is missing.

    Returns
    -------
    ak.Array
        With `Completeness` as ``array.attrs["completeness"]``.

    Raises
    ------
    IncompleteOutput
        If the outputs do not cover the inputs, or the tree or a column is not there: with what is missing.
    InvalidInput
        If the cut is not a cut, or the sample is not one of the project's.
    """
    selection = _select(place, plan, tree, columns, cut, sample, how, allow_partial=allow_partial)
    parts, complete = _read_all(selection, selection.pieces)
    return _assembled(parts, selection, complete)


def iterate(
    place: Place,
    plan: Plan,
    tree: str,
    columns: str | Sequence[str] | None = None,
    cut: str | None = None,
    *,
    sample: str | None = None,
    how: How = "candidates",
    allow_partial: bool = False,
    step: int = _STEP,
) -> Iterator[ak.Array]:
    """As `arrays`, in portions of whole output files with about `step` rows before the cut."""
    selection = _select(place, plan, tree, columns, cut, sample, how, allow_partial=allow_partial)
    return _portions(selection, step)


def dataframe(
    place: Place,
    plan: Plan,
    tree: str,
    columns: str | Sequence[str] | None = None,
    cut: str | None = None,
    *,
    sample: str | None = None,
    allow_partial: bool = False,
) -> pd.DataFrame:
    """As `arrays`, one row per candidate, as a pandas table with ``frame.attrs["completeness"]``."""
    import pandas as pd

    selection = _select(place, plan, tree, columns, cut, sample, "candidates", allow_partial=allow_partial)
    parts, complete = _read_all(selection, selection.pieces)
    frame: pd.DataFrame = _table(parts, selection).to_pandas()
    if len(selection.samples) > 1:
        codes: Any = _codes(parts, selection)
        frame[SAMPLE] = pd.Categorical.from_codes(codes, categories=pd.Index(selection.samples))
    frame.attrs["completeness"] = complete
    return frame


def _select(
    place: Place,
    plan: Plan,
    tree: str,
    columns: str | Sequence[str] | None,
    cut: str | None,
    sample: str | None,
    how: How,
    *,
    allow_partial: bool,
) -> _Selection:
    """Find everything that is asked for, before anything is read."""
    if how not in ("candidates", "events"):
        raise InvalidInput(f"how={how!r} is not known", hint='use how="candidates" or how="events"')
    index = read_index(place.output)
    states = job_states(index, plan, sample)
    pieces = pieces_of(index, plan, states, tree)
    _check_runs(pieces, tree)
    known = known_columns(pieces, plan, tree)
    asked = pick(columns, known, tree)
    compiled = Cut(cut, known) if cut is not None and cut.strip() else None
    if how == "events":
        pick([*_EVENT, _CANDIDATE], known, tree)
    complete = completeness_of(index, plan, states, sample)
    if not allow_partial:
        complete.require()
    samples = tuple(plan.spec["estimates"]) if sample is None else (sample,)
    return _Selection(place.output, plan, tuple(pieces), tuple(asked), compiled, how, samples, complete, allow_partial)


def _read_all(selection: _Selection, pieces: Sequence[Piece]) -> tuple[list[_Part], Completeness]:
    """Read pieces side by side; what cannot be read joins what is missing."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        read = list(pool.map(lambda piece: _read(selection, piece), pieces))
    failed = [_described(part, selection.plan) for part in read if isinstance(part, Missing)]
    complete = selection.completeness
    if failed:
        complete = replace(complete, missing=(*complete.missing, *failed))
        if not selection.allow_partial:
            complete.require()
    return [part for part in read if isinstance(part, _Part)], complete


def _described(missing: Missing, plan: Plan) -> Missing:
    """Say which inputs are lost with the output that cannot be read."""
    job = plan.job(missing.job)
    return replace(missing, lfns=tuple(file.lfn for file in job.files), events=job.events_expected)


def _read(selection: _Selection, piece: Piece) -> _Part | Missing:
    try:
        table = read_piece(selection.output, piece, selection.needed(piece))
        table = _without_bad_runs(table, piece)
    except InvalidInput as error:
        return Missing(piece.job, piece.sample, (), None, error.message)
    rows = table.num_rows if table.num_columns else piece.rows
    starts = _starts(table) if selection.how == "events" else None
    mask = None
    if selection.cut is not None:
        values = {name: _values(table[name]) for name in selection.cut.columns if name in table.column_names}
        absent = [name for name in selection.cut.columns if name not in values]
        if absent:  # another sample's column: not available, which is NaN in basf2
            values |= {name: np.full(rows, np.nan) for name in absent}
        mask = selection.cut.mask(values, rows)
    kept = _columns(table, selection.columns, rows)
    if mask is not None:
        kept, rows = _filtered(kept, mask), int(mask.sum())
    return _Part(piece.sample, rows, kept, None if starts is None else _counted(starts, mask))


def _columns(table: pa.Table, names: Sequence[str], rows: int) -> pa.Table:
    """These columns in this order; one that the piece does not have has no values."""
    import pyarrow as pa

    there = set(table.column_names)
    columns: list[Any] = [table[name] if name in there else pa.nulls(rows) for name in names]
    return pa.table(columns, names=list(names))


def _without_bad_runs(table: pa.Table, piece: Piece) -> pa.Table:
    if not piece.bad_runs:
        return table
    experiment, run = (_values(table[name]) for name in RUN_COLUMNS)
    inside = unwanted_rows(experiment, run, piece.bad_runs)
    return _filtered(table, ~inside) if inside.any() else table


def _check_runs(pieces: Sequence[Piece], tree: str) -> None:
    """Refuse a tree whose rows do not say of which run they are, where the files have runs that are left out."""
    silent = [piece for piece in pieces if piece.bad_runs and not set(RUN_COLUMNS) <= set(piece.columns)]
    if silent:
        jobs = ", ".join(str(piece.job) for piece in silent[:_SHOWN]) + (", …" if len(silent) > _SHOWN else "")
        raise InvalidInput(
            f"tree {printable(tree)!r} has no columns {' and '.join(RUN_COLUMNS)}, and inputs of {len(silent)} "
            f"of its jobs have events of runs that are left out, which cannot be told from the others (jobs {jobs})",
            hint='store these columns, or make the project with runs="all"',
        )


def _filtered(table: pa.Table, mask: NDArray[np.bool_]) -> pa.Table:
    import pyarrow as pa

    return table if mask.all() else table.filter(pa.array(mask))


def _starts(table: pa.Table) -> NDArray[np.bool_]:
    """Which rows begin an event: its key changes, or the candidates are counted from the start again.

    The key alone does not do: it repeats where files with equal event numbers were merged.
    """
    starts = np.zeros(table.num_rows, np.bool_)
    if not table.num_rows:
        return starts
    starts[0] = True
    for name in _EVENT:
        values = _values(table[name])
        starts[1:] |= values[1:] != values[:-1]
    candidate = _values(table[_CANDIDATE])
    starts[1:] |= candidate[1:] <= candidate[:-1]
    return starts


def _counted(starts: NDArray[np.bool_], mask: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Selected candidates of each event that has any."""
    event = np.cumsum(starts) - 1
    counts = np.bincount(event if mask is None else event[mask])
    return counts[counts > 0].astype(np.int64)


def _values(column: pa.ChunkedArray[Any]) -> NDArray[Any]:
    return column.to_numpy()


def _portions(selection: _Selection, step: int) -> Iterator[ak.Array]:
    waiting: list[Piece] = []
    rows = 0
    for piece in selection.pieces:
        waiting.append(piece)
        rows += piece.rows
        if rows >= step:
            yield _assembled(*_reordered(selection, waiting))
            waiting, rows = [], 0
    if waiting:
        yield _assembled(*_reordered(selection, waiting))


def _reordered(selection: _Selection, pieces: list[Piece]) -> tuple[list[_Part], _Selection, Completeness]:
    parts, complete = _read_all(selection, pieces)
    return parts, selection, complete


def _table(parts: Sequence[_Part], selection: _Selection) -> pa.Table:
    """All parts as one table with the columns in the order asked for."""
    import pyarrow as pa

    if not parts:
        return pa.table({name: pa.array([], pa.float64()) for name in selection.columns})
    return pa.concat_tables([part.table for part in parts], promote_options="permissive")


def _codes(parts: Sequence[_Part], selection: _Selection) -> NDArray[np.int64]:
    """Sample numbers, one per row."""
    numbers = [selection.samples.index(part.sample) for part in parts]
    return np.repeat(np.array(numbers, np.int64), [part.rows for part in parts])


def _assembled(parts: Sequence[_Part], selection: _Selection, complete: Completeness) -> ak.Array:
    import awkward as ak

    table = _table(parts, selection)
    contents = [_content(table[name]) for name in selection.columns]
    fields = list(selection.columns)
    if len(selection.samples) > 1:
        names = ak.to_layout(ak.Array(list(selection.samples)))
        contents.append(
            ak.contents.IndexedArray(
                ak.index.Index64(_codes(parts, selection)), names, parameters={"__array__": "categorical"}
            )
        )
        fields.append(SAMPLE)
    layout = ak.contents.RecordArray(contents, fields, length=sum(part.rows for part in parts))
    if selection.how == "events":
        counts = [part.counts for part in parts if part.counts is not None]
        offsets = np.cumsum(np.concatenate([np.zeros(1, np.int64), *counts]))
        layout = ak.contents.ListOffsetArray(ak.index.Index64(offsets), layout)
    return ak.Array(layout, attrs={"completeness": complete})


def _content(column: pa.ChunkedArray[Any]) -> Any:
    """One column; a number that is missing in some files is NaN there, what is no float is None."""
    import awkward as ak
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pa.compute
    if pa.types.is_null(column.type):
        column = column.cast(pa.float64())
    kind = column.type
    if pa.types.is_floating(kind) and column.null_count:
        column = pc.fill_null(column, pa.scalar(float("nan"), kind))
    if not column.null_count and (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return ak.contents.NumpyArray(np.ascontiguousarray(column.to_numpy()))
    whole = column.combine_chunks()
    return ak.to_layout(ak.from_arrow(whole if isinstance(whole, pa.Array) else whole.chunk(0)))
