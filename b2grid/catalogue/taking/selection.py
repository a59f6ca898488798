"""Applying a choice of runs to files: what is used, what is left out, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.model import INPUTS, LEFT_OUT
from b2grid.catalogue.runs import RunChoice, run_keys
from b2grid.errors import Finding, printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["by_reason", "flat_runs", "leave_out", "used_events"]

_NOT_ASKED = "not asked for"
_SHOWN = 3


def flat_runs(column: Any) -> tuple[NDArray[np.int64], NDArray[np.int64], Any]:
    """The runs of all files one after the other: where those of each file begin, the file of each, and the runs."""
    lists: Any = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    lengths = np.nan_to_num(lists.value_lengths().to_numpy(zero_copy_only=False)).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return offsets, np.repeat(np.arange(len(lists)), lengths), lists.flatten()


def _filled(column: Any) -> NDArray[np.int64]:
    """Numbers, with -1 where there is none."""
    values: NDArray[Any] = pc.fill_null(column, pa.scalar(-1, column.type)).to_numpy()
    return values.astype(np.int64)


def leave_out(files: pa.Table, known: pa.Table, choice: RunChoice) -> tuple[pa.Table, pa.Table, tuple[Finding, ...]]:
    """Mark the runs to use, and drop the files that hold none of them.

    Parameters
    ----------
    files : pyarrow.Table
        With the columns of `FILES`, and `sample`, and `exempt`: files that the known runs do not judge.
    known : pyarrow.Table
        As the schema `RUNS`, sorted by experiment and run. A run that is not in it is good.

    Returns
    -------
    tuple of pyarrow.Table, pyarrow.Table, and tuple of Finding
        The files that are kept, with `runs` as in `INPUTS`; what was left out, as `LEFT_OUT`; and what is to be said.

    Raises
    ------
    InvalidInput
        If a reason is named for which no run is bad.
    """
    files = _with_single_runs(files)
    offsets, owner, flat = flat_runs(files["runs"])
    keys = run_keys(_filled(flat.field("experiment")), _filled(flat.field("run")))
    good = choice.good(keys, known)
    if choice.kind != "named":
        good |= files["exempt"].to_numpy()[owner].astype(bool)
    members = [flat.field("experiment"), flat.field("run"), flat.field("events"), pa.array(good)]
    kind = INPUTS.field("runs").type
    structs = pa.StructArray.from_arrays(members, fields=list(kind.value_type))
    marked = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs, type=kind)
    counted = np.concatenate([[0], np.cumsum(good)])
    keep = (counted[offsets[1:]] > counted[offsets[:-1]]) | (offsets[1:] == offsets[:-1])
    files = files.set_column(files.column_names.index("runs"), "runs", marked)
    left = _left_out(files, flat, owner, ~good, ~keep, known)
    notes = _silent(files, offsets, choice) + (_named(choice, keys, known) if choice.kind == "named" else ())
    kept = files if keep.all() else files.filter(pa.array(keep))
    return kept, left, notes + _mixed(kept)


def _with_single_runs(files: pa.Table) -> pa.Table:
    """Files of one run that say so in their range alone get it as their list of runs."""
    offsets, _, _ = flat_runs(files["runs"])
    single: Any = pc.and_(offsets[1:] == offsets[:-1], pc.equal(files["run_low"], files["run_high"]))
    single = pc.fill_null(pc.and_(single, files["experiment"].is_valid()), pa.scalar(False))
    if not pc.any(single).as_py():
        return files
    ranges = files.select(["experiment", "run_low", "events"]).combine_chunks()
    kind = INPUTS.field("runs").type.value_type
    fields = [kind.field(name) for name in ("experiment", "run", "events")]
    chunks = [ranges[name].combine_chunks() for name in ("experiment", "run_low", "events")]
    arrays = [pc.fill_null(chunk, pa.scalar(0, chunk.type)) for chunk in chunks[:2]]
    one = pa.StructArray.from_arrays([*arrays, chunks[2]], fields=fields)
    made = pa.ListArray.from_arrays(pa.array(np.arange(len(files) + 1), pa.int32()), one)
    column = files["runs"].combine_chunks()
    joined = pc.if_else(single.combine_chunks(), made.cast(column.type), column)
    return files.set_column(files.column_names.index("runs"), "runs", joined)


def _silent(files: pa.Table, offsets: NDArray[np.int64], choice: RunChoice) -> tuple[Finding, ...]:
    """Collision data whose files do not say which runs they hold cannot be judged."""
    if choice.kind == "all":
        return ()
    data = ~files["is_mc"].to_numpy().astype(bool)
    empty = _filled(files["events"]) == 0
    count = int((data & ~empty & (offsets[1:] == offsets[:-1])).sum())
    if not count:
        return ()
    said = (
        f"{count:,} file{'s' * (count != 1)} of collision data cannot be judged, for want of a list of runs: used whole"
    )
    hint = "make their part of the catalogue from the files themselves, or cut on __experiment__ and __run__"
    return (Finding("B2C058", "warning", said, hint),)


def _named(choice: RunChoice, keys: NDArray[np.int64], known: pa.Table) -> tuple[Finding, ...]:
    """What is odd about runs that were named: bad ones, and ones that are in no file."""
    found = []
    held = choice.keys[np.isin(choice.keys, keys)]
    judged = run_keys(known["experiment"].to_numpy(), known["run"].to_numpy())
    bad = known.filter(pa.array(np.isin(judged, held) & ~known["good"].to_numpy()))
    if len(bad):
        rows: list[Any] = bad.slice(0, _SHOWN).to_pylist()
        which = ", ".join(f"{row['experiment']} {row['run']} ({row['reason'] or 'no reason given'})" for row in rows)
        said = f"{len(bad):,} of the runs that were asked for are bad, and are used: {which}"
        found.append(Finding("B2C056", "warning", printable(said) + ("…" if len(bad) > _SHOWN else "")))
    if absent := len(choice.keys) - len(held):
        said = f"{absent:,} of the {len(choice.keys):,} runs that were asked for are in none of the input files"
        found.append(Finding("B2C046", "note", said))
    return tuple(found)


def _mixed(kept: pa.Table) -> tuple[Finding, ...]:
    """Files that are used although a part of their runs is not."""
    _, owner, flat = flat_runs(kept["runs"])
    count = len(np.unique(owner[~flat.field("good").to_numpy(zero_copy_only=False)]))
    if not count:
        return ()
    return (
        Finding(
            "B2C057",
            "note",
            f"{_files(count)} runs that are left out beside runs that are used",
            "arrays() leaves their events out; ROOT files that jobs write still have them",
        ),
    )


def _files(count: int) -> str:
    return "1 file holds" if count == 1 else f"{count:,} files hold"


def _left_out(
    files: pa.Table,
    flat: Any,
    owner: NDArray[np.int64],
    dropped: NDArray[np.bool_],
    whole: NDArray[np.bool_],
    known: pa.Table,
) -> pa.Table:
    """What was left out, summed by sample and run."""
    rows = np.flatnonzero(dropped)
    if not len(rows):
        return LEFT_OUT.empty_table()
    entries = flat.take(pa.array(rows))
    holders = owner[rows]
    held: dict[str, Any] = {name: files[name].take(holders) for name in ("sample", "is_mc")}
    held |= {name: entries.field(name) for name in ("experiment", "run", "events")}
    table = pa.table({**held, "whole": pa.array(whole[holders].astype(np.int64))})
    sums = table.group_by(["sample", "experiment", "run"]).aggregate(
        [("whole", "sum"), ("whole", "count"), ("events", "sum"), ("events", "count"), ("is_mc", "max")]
    )
    sums = sums.sort_by([(name, "ascending") for name in ("sample", "experiment", "run")])
    facts = _facts(run_keys(sums["experiment"].to_numpy(), sums["run"].to_numpy()), known)
    is_good = pc.fill_null(facts["good"], pa.scalar(True))
    simulated = pa.nulls(len(sums), pa.float64())
    all_known = pc.equal(sums["events_count"], sums["whole_count"])
    columns = {
        **{name: sums[name] for name in ("sample", "experiment", "run")},
        "reason": pc.if_else(is_good, pa.scalar(_NOT_ASKED), facts["reason"]),
        "files": sums["whole_count"],
        "whole_files": sums["whole_sum"],
        "events": pc.if_else(all_known, sums["events_sum"], pa.scalar(None, pa.int64())),
        # the luminosity of a run is that of its collisions
        "luminosity": pc.if_else(sums["is_mc_max"], simulated, facts["luminosity"]),
    }
    return pa.table({name: columns[name] for name in LEFT_OUT.names}).cast(LEFT_OUT)


def _facts(keys: NDArray[np.int64], known: pa.Table) -> pa.Table:
    """The rows of the known runs with these keys; of a run that is not known all is null."""
    judged = run_keys(known["experiment"].to_numpy(), known["run"].to_numpy())
    there = np.isin(keys, judged)
    place: Any = pa.array(np.where(there, np.searchsorted(judged, keys), 0), pa.int64(), mask=~there)
    return known.take(place)


def by_reason(left_out: pa.Table) -> list[dict[str, Any]]:
    """What was left out for each sample and reason, and in all, as rows.

    A run that two samples have counts once in the sum of runs and of luminosities. Events and luminosities of which
    a part is not known are `None`.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    every: list[Any] = left_out.to_pylist()
    for row in every:
        groups.setdefault((row["sample"], row["reason"] or "no reason given"), []).append(row)
    rows = [{"sample": sample, "reason": reason, **_sums(group)} for (sample, reason), group in sorted(groups.items())]
    return [*rows, {"sample": "", "reason": "in all", **_sums(every)}] if len(rows) > 1 else rows


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    runs: dict[tuple[int, int], float | None] = {}
    for row in rows:
        key = (row["experiment"], row["run"])
        runs[key] = runs.get(key) if row["luminosity"] is None else row["luminosity"]
    values = [value for value in runs.values() if value is not None]
    judged = {row["sample"] for row in rows if row["luminosity"] is not None}  # simulation has no luminosity at all
    unknown = any(row["luminosity"] is None and row["sample"] in judged for row in rows)
    return {
        "runs": len(runs),
        "files": sum(row["files"] for row in rows),
        "whole_files": sum(row["whole_files"] for row in rows),
        "events": None if any(row["events"] is None for row in rows) else sum(row["events"] for row in rows),
        "luminosity": sum(values) if values and not unknown else None,
    }


def used_events(table: pa.Table) -> NDArray[np.int64]:
    """The events of each input file that are in runs that are used; -1 where that is not known."""
    total = _filled(table["events"])
    _, owner, flat = flat_runs(table["runs"])
    bad = ~flat.field("good").to_numpy(zero_copy_only=False).astype(bool)
    if not bad.any():
        return total
    counts = _filled(flat.field("events").filter(pa.array(bad)))
    holders = owner[bad]
    dropped = np.bincount(holders, weights=np.maximum(counts, 0), minlength=len(total)).astype(np.int64)
    used = np.where(total < 0, -1, total - dropped)
    used[holders[counts < 0]] = -1
    return used
