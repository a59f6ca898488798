"""What is wrong among the input files themselves: the same events twice, and files that do not look like the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.found import size
from b2grid.catalogue.taking.selection import flat_runs
from b2grid.errors import Finding, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["odd_files", "processed_twice", "same_files"]

_SHOWN = 3
_ENOUGH = 20  # files, to know what is usual among them
_FACTOR = np.log(2.0)  # in events per byte
_SPREADS = 8.0  # robust standard deviations
_SMALL = 0.2  # of the usual size, below which the overhead of a file may be most of it


def same_files(merged: pa.Table, sources: Sequence[tuple[str, str]]) -> list[Finding]:
    """Files that two inputs have in common, of one sample or of two.

    Parameters
    ----------
    merged : pyarrow.Table
        ``lfn``, ``part`` of every file.
    sources : sequence of (sample, source)
        What each part is.
    """
    lfns = merged["lfn"]
    if _ascending(lfns) or pc.count_distinct(lfns).as_py() == len(lfns):
        return []
    counts: Any = lfns.value_counts()
    twice = counts.filter(pc.greater(counts.field("counts"), pa.scalar(1))).field("values")
    chosen = merged.select(["lfn", "part"]).filter(pc.is_in(lfns, value_set=twice))
    held: dict[str, list[int]] = {}
    rows: list[Any] = chosen.sort_by([("lfn", "ascending"), ("part", "ascending")]).to_pylist()
    for row in rows:
        held.setdefault(row["lfn"], []).append(row["part"])
    pairs: dict[tuple[int, int], list[str]] = {}
    for lfn, numbers in held.items():
        pairs.setdefault((numbers[0], numbers[1]), []).append(lfn)
    return [_overlap(sources[one], sources[two], lfns) for (one, two), lfns in sorted(pairs.items())]


def _ascending(lfns: Any) -> bool:
    """Whether each is greater than the one before, as in what one question to the catalogue gives."""
    whole = lfns.combine_chunks()
    return pc.all(pc.less(whole[:-1], whole[1:])).as_py() is not False


def _overlap(one: tuple[str, str], two: tuple[str, str], lfns: list[str]) -> Finding:
    count = f"{len(lfns):,} files, the first {lfns[0]}, are" if len(lfns) > 1 else f"the file {lfns[0]} is"
    where = f"both in {one[1]} (sample {one[0]}) and in {two[1]} (sample {two[0]})"
    if one == two:
        where = f"there twice in {one[1]} (sample {one[0]})"
    hint = "give each file once: its events would be counted twice"
    return Finding("B2C047", "error", printable(f"{count} {where}"), hint)


def processed_twice(kept: pa.Table, datasets: pa.Table) -> list[Finding]:
    """Runs of collision data from two campaigns, such as prompt and official processing.

    In one sample their events would be counted twice, which is an error; two samples may be there to be compared.

    Parameters
    ----------
    kept : pyarrow.Table
        ``sample``, ``dataset``, ``is_mc``, and ``runs`` as in `INPUTS`: only runs that are used count.
    datasets : pyarrow.Table
        ``dataset``, ``campaign``, ``general_skim``, ``skim_decay``. Different skims of a run are different events.
    """
    place = pc.index_in(kept["dataset"], value_set=datasets["dataset"].combine_chunks())
    campaign = datasets["campaign"].take(place)
    chosen: Any = pc.and_(pc.invert(kept["is_mc"]), campaign.is_valid())
    if pc.count_distinct(campaign.filter(chosen)).as_py() < 2:
        return []
    place, part = place.filter(chosen), kept.select(["sample", "runs"]).filter(chosen)
    _, owner, flat = flat_runs(part["runs"])
    used = flat.field("good").to_numpy(zero_copy_only=False).astype(bool)
    holders = pa.array(owner[used])
    entries = flat.filter(pa.array(used))
    columns: dict[str, Any] = {"sample": part["sample"].take(holders)}
    columns |= {name: datasets[name].take(place.take(holders)) for name in ("campaign", "general_skim", "skim_decay")}
    columns |= {name: entries.field(name) for name in ("experiment", "run")}
    held, keys = pa.table(columns), ["general_skim", "skim_decay", "experiment", "run"]
    return _reprocessed(held, ["sample", *keys], _in_one) or _reprocessed(held, keys, _in_several)


def _reprocessed(held: pa.Table, keys: list[str], said: Callable[[str, str], Finding]) -> list[Finding]:
    """What is said of the runs of several campaigns, by samples and campaigns."""
    sums: list[Any] = [("campaign", "count_distinct"), ("campaign", "distinct"), ("sample", "distinct")]
    samples = "sample" if "sample" in keys else "sample_distinct"
    table = held.group_by(keys).aggregate([one for one in sums if one[0] not in keys])
    table = table.filter(pc.greater(table["campaign_count_distinct"], pa.scalar(1)))
    rows: list[Any] = table.sort_by([(name, "ascending") for name in ("experiment", "run")]).to_pylist()
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        names = [row[samples]] if samples in keys else sorted(row[samples])
        both = " and ".join(sorted(row["campaign_distinct"]))
        found.setdefault((" and ".join(f"'{name}'" for name in names), both), []).append(
            f"{row['experiment']} {row['run']}"
        )
    return [said(names, _counted(runs, both)) for (names, both), runs in sorted(found.items())]


def _counted(runs: list[str], both: str) -> str:
    which = ", ".join(runs[:_SHOWN]) + (f" and {len(runs) - _SHOWN:,} more" if len(runs) > _SHOWN else "")
    return f"{len(runs):,} run{'s' * (len(runs) != 1)} from {both} (experiment and run: {which})"


def _in_one(sample: str, runs: str) -> Finding:
    said = f"sample {sample} has {runs}"
    hint = "their events would be counted twice: take each run from one campaign, or make two samples"
    return Finding("B2C048", "error", printable(said), hint)


def _in_several(samples: str, runs: str) -> Finding:
    said = f"samples {samples} share {runs}"
    return Finding("B2C059", "note", printable(said), "compare them, but do not add them: they are the same events")


def odd_files(merged: pa.Table, datasets: pa.Table) -> list[Finding]:
    """Files whose number of events does not fit their size, as the others of their dataset or kind have it.

    A file is odd if its events per byte differ from the median by more than a factor of two, and by more than eight
    robust standard deviations (from the median absolute deviation). A small file may have few events for its size.

    Parameters
    ----------
    merged : pyarrow.Table
        ``sample``, ``dataset``, ``lfn``, ``bytes``, ``events``.
    datasets : pyarrow.Table
        ``dataset``, ``mc_event``, ``general_skim``, ``skim_decay``, ``data_level``: of what kind each is.
    """
    known: Any = pc.and_(*(pc.greater(merged[name], pa.scalar(0)) for name in ("bytes", "events")))
    rows = np.flatnonzero(pc.fill_null(known, pa.scalar(False)).to_numpy())
    if len(rows) < _ENOUGH:
        return []
    table = merged.select(["sample", "dataset", "bytes", "events"])
    table = table if len(rows) == len(table) else table.take(rows)
    group = _codes([table["sample"], table["dataset"]])
    few = np.bincount(group)[group] < _ENOUGH
    if few.any():
        place = pc.index_in(table["dataset"], value_set=datasets["dataset"].combine_chunks())
        kinds = [datasets[name].take(place) for name in ("mc_event", "general_skim", "skim_decay", "data_level")]
        group = np.where(few, group.max() + 1 + _codes([table["sample"], *kinds]), group)
        group = np.unique(group, return_inverse=True)[1]
    bytes_ = table["bytes"].to_numpy().astype(float)
    ratio = np.log(table["events"].to_numpy() / bytes_)
    distance = ratio - _medians(ratio, group)
    spread = 1.4826 * _medians(np.abs(distance), group)
    odd = (np.abs(distance) > _FACTOR) & (np.abs(distance) > _SPREADS * spread)
    odd &= np.bincount(group)[group] >= _ENOUGH
    odd &= (distance > 0) | (bytes_ > _SMALL * _medians(bytes_, group))
    found: list[Any] = merged.select(["sample", "lfn", "bytes", "events"]).take(rows[odd]).to_pylist()
    usual = dict(zip(map(_lfn, found), np.exp(_medians(ratio, group))[odd] * 1024**2, strict=True))
    by_sample: dict[str, list[Any]] = {}
    for row in sorted(found, key=_lfn):
        by_sample.setdefault(row["sample"], []).append(row)
    return [_odd(sample, listed, usual) for sample, listed in sorted(by_sample.items())]


def _lfn(row: Any) -> str:
    return str(row["lfn"])


def _odd(sample: str, rows: list[Any], usual: dict[str, float]) -> Finding:
    shown = "; ".join(
        f"{row['lfn']} has {row['events']:,} events in {size(row['bytes'])} "
        f"({row['events'] / row['bytes'] * 1024**2:.3g} per MB, where {usual[row['lfn']]:.3g} are usual)"
        for row in rows[:_SHOWN]
    )
    more = f"; and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    count = f"{len(rows):,} files have an odd number" if len(rows) > 1 else "a file has an odd number"
    hint = "look at them before they are counted: they may be cut short, or the catalogue may be wrong"
    return Finding(
        "B2C053", "warning", printable(f"sample '{sample}': {count} of events for the size: {shown}{more}"), hint
    )


def _codes(columns: Sequence[Any]) -> NDArray[np.int64]:
    """One number for each combination of values."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        encoded: Any = column.combine_chunks().dictionary_encode()
        values = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy().astype(np.int64)
        code = np.unique(code * (len(encoded.dictionary) + 1) + values, return_inverse=True)[1]
    return code


def _medians(values: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each value the (upper) median of its group; groups are numbers from 0 on without gaps."""
    order = np.argsort(values)
    narrow = group.astype(np.uint16) if len(group) and group.max() < 2**16 else group  # sorted by counting
    order = order[np.argsort(narrow[order], kind="stable")]
    counts = np.bincount(group)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    medians: NDArray[np.float64] = values[order][starts + counts // 2][group]
    return medians
