"""Good-run selection: which runs of which files to use, and what that leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from b2grid.catalogue.model import INPUTS, LEFT_OUT
from b2grid.errors import InvalidInput, printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Runs", "leave_out", "named_runs"]

#: "good", "all", the path of a list, or the runs themselves as (experiment, run).
Runs = str | Path | Iterable[tuple[int, int]]

_LINE = re.compile(r"\s*(\d+)[\s,:;/]+(\d+)\s*(?:#.*)?")


def named_runs(runs: Runs) -> set[tuple[int, int]] | None:
    """The runs that were asked for by number, or `None` for "good" and "all".

    >>> sorted(named_runs([(18, 3), (18, 1)]))
    [(18, 1), (18, 3)]

    Raises
    ------
    InvalidInput
        If it is neither, nor a list of runs.
    """
    if isinstance(runs, str) and runs in {"good", "all"}:
        return None
    if isinstance(runs, (str, Path)):
        return _read(Path(runs))
    try:
        return {(int(experiment), int(run)) for experiment, run in runs}
    except (TypeError, ValueError):
        raise InvalidInput(
            "runs is not a list of (experiment, run)", hint='use "good", "all", a list or a text file'
        ) from None


def _read(path: Path) -> set[tuple[int, int]]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"runs is neither 'good' nor 'all', and not a text file: {printable(path)}",
            hint="a list of runs has an experiment and a run per line",
        ) from error
    found = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pair = _LINE.fullmatch(line)
        if pair is None:
            raise InvalidInput(
                f"{printable(path)}:{number}: not an experiment and a run: '{printable(line.strip())[:40]}'",
                hint="such as '18 1394'",
            )
        found.add((int(pair[1]), int(pair[2])))
    return found


def _keys(experiments: NDArray[Any], runs: NDArray[Any]) -> NDArray[np.int64]:
    """One number per run: the experiment in the upper half."""
    keys: NDArray[np.int64] = (experiments.astype(np.int64) << 32) | runs.astype(np.int64)
    return keys


def leave_out(files: pa.Table, known: pa.Table, runs: Runs) -> tuple[pa.Table, pa.Table]:
    """Mark the runs to use, and drop the files that hold none of them.

    Parameters
    ----------
    files : pyarrow.Table
        With the columns of `FILES`, and `sample`, and `exempt`: files that the known runs do not judge.
    known : pyarrow.Table
        As the schema `RUNS`. A run that is not in it is good.

    Returns
    -------
    tuple of pyarrow.Table
        The files that are kept, with `runs` as in `INPUTS`, and what was left out, as `LEFT_OUT`.
    """
    lists: Any = files["runs"].combine_chunks()
    lengths = np.nan_to_num(lists.value_lengths().to_numpy(zero_copy_only=False)).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    flat = lists.flatten()
    experiment, run = (flat.field(name).to_numpy(zero_copy_only=False) for name in ("experiment", "run"))
    owner = np.repeat(np.arange(len(files)), lengths)
    keys = _keys(experiment, run)
    good = _good(keys, files["exempt"].to_numpy()[owner], known, runs)

    members = [flat.field("experiment"), flat.field("run"), flat.field("events"), pa.array(good)]
    kind = INPUTS.field("runs").type
    structs = pa.StructArray.from_arrays(members, fields=list(kind.value_type))
    marked = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs, type=kind)

    counted = np.concatenate([[0], np.cumsum(good)])
    some_good = counted[offsets[1:]] > counted[offsets[:-1]]
    keep = some_good | (lengths == 0)
    files = files.set_column(files.column_names.index("runs"), "runs", marked)
    dropped = np.flatnonzero(~good)
    left = _left_out(files, flat, owner, keys, dropped, ~keep, known)
    return (files if keep.all() else files.filter(pa.array(keep))), left


def _good(keys: NDArray[np.int64], exempt: NDArray[Any], known: pa.Table, runs: Runs) -> NDArray[np.bool_]:
    wanted = named_runs(runs)
    if wanted is not None:
        pairs = np.array(sorted(wanted), np.int64).reshape(-1, 2)
        return np.isin(keys, _keys(pairs[:, 0], pairs[:, 1]))
    if runs == "all":
        return np.ones(len(keys), bool)
    judged = _keys(known["experiment"].to_numpy(), known["run"].to_numpy())
    bad = judged[~known["good"].to_numpy()]
    good: NDArray[np.bool_] = ~np.isin(keys, bad) | exempt.astype(bool)
    return good


def _left_out(
    files: pa.Table,
    flat: Any,
    owner: NDArray[np.int64],
    keys: NDArray[np.int64],
    dropped: NDArray[np.int64],
    whole: NDArray[np.bool_],
    known: pa.Table,
) -> pa.Table:
    """What was left out, summed by sample and run; few rows, so plain Python does."""
    judged = _keys(known["experiment"].to_numpy(), known["run"].to_numpy())
    rows: list[Any] = known.filter(pa.array(np.isin(judged, keys[dropped]))).to_pylist()
    facts = {(row["experiment"], row["run"]): row for row in rows}
    samples = files["sample"].take(owner[dropped]).to_pylist()
    entries: list[Any] = flat.take(pa.array(dropped)).to_pylist()
    sums: dict[tuple[str, int, int], dict[str, Any]] = {}
    for sample, entry, index in zip(samples, entries, owner[dropped], strict=True):
        number = (entry["experiment"], entry["run"])
        fact = facts.get(number, {})
        row = sums.setdefault(
            (str(sample), *number),
            {
                "sample": sample,
                "experiment": number[0],
                "run": number[1],
                "reason": "not asked for" if fact.get("good", True) else fact.get("reason"),
                "files": 0,
                "whole_files": 0,
                "events": 0,
                "luminosity": fact.get("luminosity"),
            },
        )
        row["files"] += 1
        row["whole_files"] += int(whole[index])
        known_events = row["events"] is not None and entry["events"] is not None
        row["events"] = row["events"] + entry["events"] if known_events else None
    return pa.Table.from_pylist([sums[key] for key in sorted(sums)], schema=LEFT_OUT)
