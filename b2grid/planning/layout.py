"""The input files in one order, whatever the order they came in, and which of them may share a job."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.model import INPUTS
from b2grid.errors import InvalidPlan, printable
from b2grid.planning.kept import PLAN
from b2grid.planning.ordering import codes, encoded, order_within, sorted_order, stable_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["Across", "Layout", "columns_of"]

Across = Literal["collection"]
_SIDE_BY_SIDE = 4  # columns that are worked on at the same time
_WORDS = ("sample", "global_tag", "dataset", "collection")


@dataclass(frozen=True, slots=True)
class Layout:
    """The files in canonical order as arrays.

    A group is what may share a job: files of one sample, production global tag, and dataset (or collection, when jobs
    may hold several datasets of one). The order is by sample, tag, the first LFN of the group, and LFN.

    Parameters
    ----------
    table : pyarrow.Table
        The columns of the inputs that a plan has, in their own order.
    words : dict
        Of each column with few different texts, the number of each file's, and the texts: those of samples and global
        tags in their order, others in any.
    canonical : array of int
        From the canonical order to that of the inputs.
    repeated : array of int
        Files, in the order of the inputs, whose LFN another one has.
    starts : array of int
        Where the groups begin, and the end.
    sample_of, tag_of : array of int
        The sample of each group, and its sample and global tag as one number.
    bytes, events : array of int
        0 where the size is not known, and -1 where the number of events is not.
    sized : array of bool
        Whether the size is known.
    """

    table: pa.Table
    words: dict[str, tuple[Integers, Any]]
    canonical: Integers
    repeated: Integers
    starts: Integers
    sample_of: Integers
    tag_of: Integers
    bytes: Integers
    events: Integers
    sized: NDArray[np.bool_]

    @classmethod
    def of(cls, inputs: pa.Table, across: Across | None = None) -> Layout:
        """Sort the files.

        Raises
        ------
        InvalidPlan
            If a column is missing or a sample has no name.
        """
        table = columns_of(inputs)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            words = dict(zip(_WORDS, pool.map(lambda name: _encoded(table, name), _WORDS), strict=True))
        if words["sample"][1][0].as_py() == "":
            raise InvalidPlan("a sample of the inputs has an empty name", hint="give each sample a name")
        sample = words["sample"][0]
        tag = sample * len(words["global_tag"][1]) + words["global_tag"][0]
        unit, units = words[across or "dataset"]
        lfn = table["lfn"].chunk(0)
        by_lfn = order_within(lfn, tag)
        group = tag * len(units) + unit
        order = by_lfn[_gathered(group[by_lfn])]
        starts = np.concatenate([[0], np.flatnonzero(np.diff(group[order])) + 1, [len(table)]])
        firsts = order[starts[:-1]]
        sized: Any = pc.is_valid(table["bytes"])
        return cls(
            table=table,
            words=words,
            canonical=order,
            repeated=_repeated(lfn, by_lfn, (tag * len(words["dataset"][1]) + words["dataset"][0])[by_lfn]),
            starts=starts,
            sample_of=sample[firsts],
            tag_of=tag[firsts],
            bytes=_numbers(table["bytes"], 0)[order],
            events=_numbers(table["events"], -1)[order],
            sized=sized.to_numpy()[order],
        )

    @property
    def samples(self) -> list[str]:
        """The names of the samples, sorted."""
        names: list[str] = self.words["sample"][1].to_pylist()
        return names

    @property
    def lengths(self) -> Integers:
        """Files of each group."""
        lengths: Integers = np.diff(self.starts)
        return lengths

    def taken(self, rows: Integers) -> dict[str, Any]:
        """What every column has in some rows of the inputs."""

        def take(name: str) -> Any:
            if name in self.words:  # few texts, which are near each other
                known, texts = self.words[name]
                return texts.take(pa.array(known[rows]))
            return self.values(name, rows)

        names = self.table.column_names
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            return dict(zip(names, pool.map(take, names), strict=True))

    def of_files(self) -> Integers:
        """The group of each file."""
        return np.repeat(np.arange(len(self.sample_of)), self.lengths)

    def of_samples(self) -> Iterator[tuple[str, slice, slice]]:
        """Each sample with its groups and its files."""
        bounds = np.searchsorted(self.sample_of, np.arange(len(self.samples) + 1))
        for sample, begin, end in zip(self.samples, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            yield sample, slice(begin, end), slice(int(self.starts[begin]), int(self.starts[end]))

    def word(self, name: str) -> Integers:
        """The number of each file's dataset, collection, …, in canonical order."""
        numbers: Integers = self.words[name][0][self.canonical]
        return numbers

    def values(self, name: str, rows: Integers) -> Any:
        """What a column has in some rows of the inputs."""
        column: Any = self.table[name].chunk(0)
        return column.take(pa.array(rows))


def _gathered(group: Integers) -> Integers:
    """The order in which files of a group follow each other, groups by their first file."""
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    _, first, part = np.unique(group[begins], return_index=True, return_inverse=True)
    if len(first) == len(begins):
        return np.arange(len(group))
    turn = np.empty(len(first), np.int64)
    turn[np.argsort(first)] = np.arange(len(first))
    return stable_order(np.repeat(turn[part], np.diff(begins, append=len(group))))


def _repeated(lfn: Any, order: Integers, dataset: Integers) -> Integers:
    """The files whose LFN is there already.

    The files are in an order in which LFNs rise, at least inside a dataset: only where the LFNs of a dataset are not
    all before or all after those of another one, they have to be compared.
    """
    begins = np.flatnonzero(np.diff(dataset, prepend=-1))
    ends = np.append(begins[1:], len(order))
    near = _overlapping(*(lfn.take(pa.array(order[places])) for places in (begins, ends - 1)))
    again = _equal_to_next(lfn, order) & (np.diff(dataset) == 0)
    found = order[1:][again]
    if near.any():
        files = order[np.repeat(near, ends - begins)]
        names = lfn.take(pa.array(files))
        by_name = sorted_order(names)
        more = files[by_name[1:][_equal_to_next(names, by_name)]]
        found = np.union1d(found, more)
    return np.asarray(found)


def _equal_to_next(texts: Any, order: Integers) -> NDArray[np.bool_]:
    ordered = texts if (np.diff(order) == 1).all() else texts.take(pa.array(order))
    equal: NDArray[np.bool_] = pc.equal(ordered[:-1], ordered[1:]).to_numpy(zero_copy_only=False)
    return equal


def _overlapping(firsts: Any, lasts: Any) -> NDArray[np.bool_]:
    """Which of some ranges of texts have a text in common with another."""
    by_first = pa.array(sorted_order(firsts))
    apart: Any = pc.all(pc.less(lasts.take(by_first)[:-1], firsts.take(by_first)[1:]))
    overlapping = np.zeros(len(firsts), bool)
    if apart.as_py() is not False:
        return overlapping
    both = pa.concat_arrays([firsts, lasts])
    order = sorted_order(both)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.cumsum(np.concatenate([[True], ~_equal_to_next(both, order)]))
    first, last = rank[: len(firsts)], rank[len(firsts) :]
    in_order = np.argsort(first, kind="stable")
    until = np.maximum.accumulate(last[in_order])
    met = first[in_order][1:] <= until[:-1]
    # a range that meets an earlier one; and an earlier one, if it reaches to a later one
    overlapping[in_order[1:][met]] = True
    reaches = np.searchsorted(first[in_order], last[in_order], side="right") > np.arange(len(first)) + 1
    overlapping[in_order[reaches]] = True
    return overlapping


def columns_of(inputs: pa.Table) -> pa.Table:
    """The columns of the inputs that a plan has, of its types; what is not needed may be missing."""
    fields = [INPUTS.field(name) for name in PLAN.names if name in INPUTS.names]
    missing = [field.name for field in fields if not field.nullable and field.name not in inputs.column_names]
    if missing:
        raise InvalidPlan(
            f"the table of inputs has no column {', '.join(missing)}", hint="it is made by Catalogue, or by resolve()"
        )
    made: dict[str, Any] = {}
    for field in fields:
        if field.name in inputs.column_names:
            made[field.name] = _cast(inputs[field.name], field)
        else:
            made[field.name] = pa.nulls(len(inputs), field.type)
    return pa.table(made)


def _cast(column: Any, field: Any) -> Any:
    try:
        column = column if column.type.equals(field.type) else column.cast(field.type)
    except pa.ArrowException as error:
        raise InvalidPlan(
            f"column {field.name} of the inputs is not of type {field.type}: {printable(error)}",
            hint="it is made by Catalogue, or by resolve()",
        ) from error
    if not field.nullable and column.null_count:
        raise InvalidPlan(
            f"column {field.name} of the inputs has {column.null_count:,} empty places", hint="each file needs one"
        )
    whole = field.name in _WORDS or column.num_chunks == 1
    return column if whole else column.combine_chunks()


def _encoded(table: pa.Table, name: str) -> tuple[Integers, Any]:
    """As `encoded`; files without a dataset, or without a collection, are those of one without a name."""
    column: Any = table[name]
    if name in {"sample", "global_tag"}:
        known, names = codes(column)
        return known, pa.array(names, pa.string())
    numbers, texts = encoded(pc.fill_null(column, pa.scalar("", pa.string())) if column.null_count else column)
    if column.null_count:
        texts = pc.if_else(pc.equal(texts, pa.scalar("")), pa.scalar(None, pa.string()), texts)
    return numbers, texts


def _numbers(column: Any, missing: int) -> Integers:
    filled: Any = pc.fill_null(column, pa.scalar(missing, pa.int64()))
    numbers: Integers = filled.to_numpy()
    return numbers
