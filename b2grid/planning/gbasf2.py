"""The gbasf2 command lines of a plan, for who wants the grid itself.

gbasf2 takes one steering file with one list of inputs: every sample is a project of its own there. It groups the files
of one dataset, so many at a time in the order of their names, and never across datasets.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.errors import InvalidInput, InvalidName, printable
from b2grid.names import MAX_PROJECT_NAME, DatasetPath, split_lfn
from b2grid.planning.commands import GridCommand, GridCommands
from b2grid.planning.estimate import known_events
from b2grid.planning.grouping import consecutive, largest_that_works
from b2grid.planning.ordering import codes, sorted_order
from b2grid.planning.rate import Rate
from b2grid.steering.trying.gbasf2 import GridRow, cputime, evtpersec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from b2grid.planning.table import Plan

__all__ = ["MANY", "grid_commands", "project_names"]

MANY = 8
"""Inputs up to which they are on the command line; more are in a file for ``--input_dslist``."""

_ROOM = 10**9  # what there is in a job, of which a file takes its share of bytes or of time
_NOT_TRIED = "not measured, hence no --cputime: run trial()"
_OTHER_TRIED = "no --cputime: the trial {} b2lite, which takes another time than basf2; give the project a release"


def grid_commands(
    plan: Plan,
    *,
    release: str | None = None,
    files_per_job: int | None = None,
    priority: int | None = None,
) -> GridCommands:
    """The command lines that submit a plan's samples with gbasf2; see `Plan.to_gbasf2`."""
    files_per_job = _whole_number("files_per_job", files_per_job, 1, None)
    priority = _whole_number("priority", priority, 0, 10)
    release = release or plan.spec["runner"]["release"]
    if not release:
        raise InvalidInput(
            "gbasf2 runs a release of basf2, and this project has none: it runs b2lite",
            hint='name one: to_gbasf2(release="light-2409-toyger"), or --release on a terminal',
        )
    if not isinstance(release, str) or release.startswith("-") or not release.isprintable() or " " in release:
        raise InvalidInput(f"release is {printable(repr(release))}", hint='it is a name, such as "light-2409-toyger"')
    samples = [sample for sample, one in plan.spec["estimates"].items() if one["files"]]
    names = project_names(plan.project, samples)
    common = _Common(plan, str(release), files_per_job or plan.spec["files_per_job"], priority)
    main = plan.table.filter(pc.equal(plan.table["kind"], pa.scalar("main")))
    return GridCommands(tuple(_command(common, main, sample, names[sample]) for sample in samples))


def _whole_number(name: str, given: Any, least: int, most: int | None) -> int | None:
    if given is None:
        return None
    whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if not whole or given < least or (most is not None and given > most):
        said = f"a whole number from {least} on" if most is None else f"{least} to {most}"
        raise InvalidInput(f"{name} is {printable(repr(given))}", hint=said)
    return int(given)


@dataclass(frozen=True, slots=True)
class _Common:
    """What is the same for all samples."""

    plan: Plan
    release: str
    files_per_job: int | None
    priority: int | None


def project_names(project: str, samples: Sequence[str]) -> dict[str, str]:
    """A project's name for each sample: short enough, without special characters, and no two the same.

    >>> project_names("B2EtapKs", ["signal", "a sample of 40 letters and some more"])
    {'signal': 'B2EtapKs_signal', 'a sample of 40 letters and some more': 'B2EtapKs_a_sample_of_40_l_83b07f'}
    """
    found: dict[str, str] = {}
    if len(samples) == 1 and re.fullmatch(r"[A-Za-z0-9_-]+", project) and len(project) <= MAX_PROJECT_NAME:
        return {samples[0]: project}
    for sample in samples:
        wanted = f"{project}_{sample}"
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", wanted)
        if name != wanted or len(name) > MAX_PROJECT_NAME:
            mark = hashlib.sha256(wanted.encode(errors="surrogatepass")).hexdigest()[:6]
            name = f"{name[: MAX_PROJECT_NAME - 7]}_{mark}"
        found[sample] = name
    if len(set(found.values())) < len(samples):  # a sample is called as another one would be
        return project_names(f"{project}_", samples)
    return found


def _command(common: _Common, main: pa.Table, sample: str, project: str) -> GridCommand:
    plan = common.plan
    mine = main.filter(pc.equal(main["sample"], pa.scalar(sample)))
    files = _Files.of(mine)
    basf2 = plan.spec["runner"]["kind"] == "basf2"
    rate = Rate.from_json(plan.spec["rates"][sample]) if basf2 and sample in plan.spec["rates"] else None
    count, notes = _count(files, common, rate)
    groups = consecutive(files.lengths, count)
    jobs = int(groups[-1]) + 1
    numbers = _numbers(sample, count, files, groups, rate)
    total = len(files.bytes)
    if files.here:
        where = "its files are" if files.here == total else f"{files.here:,} of its files are"
        why = f"{where} on disk, not on the grid: copy them there first"
        return GridCommand(sample, project, (), total, jobs, numbers, (), notes=(why,))
    inputs = _inputs(files.table)
    if wrong := next((path for path in inputs if not _is_path(path)), None):
        why = f"its path is not one that the grid takes: {printable(wrong)}"
        return GridCommand(sample, project, (), total, jobs, numbers, (), notes=(why,))
    words, list_file = _words(common, sample, project, inputs, numbers)
    notes += _selection_notes(mine, plan.spec.get("runs", "good"))
    if any("{job}" in argument for argument in plan.spec["args"].get(sample, ())):
        notes.append("its arguments name {job}, which gbasf2 does not fill in")
    if rate is None:
        tried = "ran" if sample in plan.spec["rates"] else "would run"
        notes.append(_NOT_TRIED if basf2 else _OTHER_TRIED.format(tried))
    return GridCommand(sample, project, inputs, total, jobs, numbers, words, list_file, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one sample as gbasf2 takes them: by dataset, then by name."""

    table: pa.Table
    lengths: NDArray[np.int64]  # files of each dataset
    bytes: NDArray[np.int64]  # 0 where it is not known
    events: NDArray[np.float64]
    sure: bool  # whether the numbers of events are known, or can be estimated
    tags: NDArray[np.int64]
    here: int  # files that are on disk, and not on the grid

    @classmethod
    def of(cls, rows: pa.Table) -> _Files:
        rows = rows.select(["lfn", "dataset", "collection", "bytes", "events", "global_tag"])
        rows = rows.take(sorted_order(rows["lfn"].combine_chunks()))
        none = pa.scalar("", pa.string())
        dataset, names = codes(pc.fill_null(rows["dataset"], none))
        order = np.argsort(dataset, kind="stable")
        rows = rows.take(order)
        size, events = (_whole(rows[name], empty) for name, empty in (("bytes", 0), ("events", -1)))
        lfn: Any = pc.starts_with(rows["lfn"], "/belle/")
        return cls(
            rows,
            np.bincount(dataset, minlength=len(names)),
            size,
            known_events(events, size),
            bool((events >= 0).any()),
            codes(rows["global_tag"])[0],
            len(rows) - pc.sum(lfn).as_py(),
        )


def _whole(column: Any, empty: int) -> NDArray[np.int64]:
    filled: Any = pc.fill_null(column, pa.scalar(empty, pa.int64()))
    numbers: NDArray[np.int64] = filled.to_numpy()
    return numbers


def _count(files: _Files, common: _Common, rate: Rate | None) -> tuple[int, list[str]]:
    """Files per job: as asked for, or as many as the limits allow; and what is wrong with it."""
    limits = common.plan.spec["limits"]
    notes = []
    mixed = _mixes(files, 2)
    if common.files_per_job is not None:
        count = common.files_per_job
        groups = consecutive(files.lengths, count)
        largest = float(np.bincount(groups, weights=files.bytes.astype(float)).max())
        if largest > limits["input_bytes"] and count > 1:
            works = largest_that_works(files.bytes, files.lengths, limits["input_bytes"], count)
            notes.append(
                f"-n {count} exceeds {limits['input_bytes'] / 1024**3:g} GB per job ({largest / 1024**3:.2f} GB): "
                f"gbasf2 refuses it; {works} is the largest that works"
            )
        if count > 1 and (wrong := _mixes(files, count)):
            notes.append(
                f"{wrong:,} jobs of -n {count} would mix production global tags, and fail on the grid: use -n 1"
            )
        return count, notes
    if mixed:
        return 1, ["-n 1: files that follow each other in a dataset have different production global tags"]
    if not files.bytes.all():
        return 1, ["-n 1: there are files whose size is not known"]
    share = files.bytes / limits["input_bytes"]
    if rate is not None:
        room = max(limits["walltime"] - rate.setup, 1.0)
        share = np.maximum(share, (files.events * rate.per_event + rate.per_file) / room)
    whole = np.ceil(share * _ROOM).astype(np.int64)
    most = _at_most(whole, files.lengths, min(limits["files"], int(files.lengths.max())))
    return largest_that_works(whole, files.lengths, _ROOM, most), notes


def _at_most(filled: NDArray[np.int64], lengths: NDArray[np.int64], most: int) -> int:
    """More files per job would leave a dataset fewer jobs than its total needs."""
    starts = np.cumsum(lengths) - lengths
    needed = -(-np.add.reduceat(filled, starts) // _ROOM)
    several = needed > 1
    bounds = (lengths[several] - 1) // (needed[several] - 1)
    return int(min(most, max(bounds.min(initial=most), 1)))


def _mixes(files: _Files, count: int) -> int:
    """Jobs of so many files that would have more than one set of production global tags."""
    groups = consecutive(files.lengths, count)
    changes = (np.diff(files.tags) != 0) & (np.diff(groups) == 0)
    return len(np.unique(groups[1:][changes]))


def _numbers(sample: str, count: int, files: _Files, groups: NDArray[np.int64], rate: Rate | None) -> GridRow:
    """What gbasf2 is told of the longest job."""
    if rate is None:
        return GridRow(sample, count, None, None, None)
    of_events = evtpersec(rate.cores * rate.per_event)
    if not files.sure:
        return GridRow(sample, count, None, None, of_events)
    events = np.bincount(groups, weights=files.events)
    longest = rate.setup + (rate.per_event * events + rate.per_file * (np.bincount(groups) - 1)).max()
    return GridRow(sample, count, round(events.max()), cputime(rate.cores * longest), of_events)


def _inputs(files: pa.Table) -> tuple[str, ...]:
    """What to name: the collections that all files are from, or else their datasets."""
    collections: list[Any] = pc.unique(files["collection"]).to_pylist()
    if None not in collections:
        return tuple(sorted(map(str, collections)))
    known = pc.is_valid(files["dataset"])
    datasets: list[Any] = pc.unique(files["dataset"].filter(known)).to_pylist()
    alone: list[Any] = files["lfn"].filter(pc.invert(known)).to_pylist()
    return tuple(sorted({*map(str, datasets), *(split_lfn(str(lfn))[0] for lfn in alone)}))


def _is_path(path: str) -> bool:
    """Whether the grid's tools take this as a path; a comma would be two of them."""
    with suppress(InvalidName):
        return bool(str(DatasetPath.parse(path))) and path.isprintable() and not {",", " "} & set(path)
    return False


def _selection_notes(files: pa.Table, runs: Any) -> list[str]:
    """What gbasf2 would read, and the plan does not."""
    notes = []
    if not pc.all(pc.is_valid(files["collection"])).as_py():
        notes.append("gbasf2 takes whole datasets, the plan only the files that it was given")
    if runs != "good":
        given = "all runs" if runs == "all" else "a list of runs"
        notes.append(f"the plan has {given}: gbasf2 leaves out bad runs by itself, and no others")
    good: Any = pc.list_flatten(files["runs"])
    bad = pc.sum(pc.invert(pc.struct_field(good, "good"))).as_py() if len(good) else 0
    if bad:
        notes.append("some files hold runs that are left out here: gbasf2 processes them, cut on the run afterwards")
    return notes


def _words(
    common: _Common, sample: str, project: str, inputs: tuple[str, ...], numbers: GridRow
) -> tuple[tuple[str, ...], str]:
    """The command, and the name of the file with its inputs, if they are many."""
    spec = common.plan.spec
    steering = spec["steering"]
    words = ["gbasf2", f"./{steering}" if steering.startswith("-") else steering, "-p", project, "-s", common.release]
    list_file = "" if len(inputs) <= MANY else f"{project}.list"
    words += ["--input_dslist", list_file] if list_file else ["-i", ",".join(inputs)]
    words += numbers.options.split()
    words += [] if common.priority is None else ["--priority", str(common.priority)]
    if own := [argument.replace("{sample}", sample) for argument in spec["args"].get(sample, ())]:
        words.append(f"--basf2opt=-- {shlex.join(own)}")
    sandbox = [f"./{name}" if name.startswith("-") else name for name in spec.get("sandbox", ())]
    words += ["-f", *sandbox] if sandbox else []
    return tuple(words), list_file
