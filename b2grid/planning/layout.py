"""The input files in one order, whatever the order they came in, and which of them may share a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.model import INPUTS
from b2grid.errors import InvalidPlan, printable
from b2grid.planning.ordering import encoded, order_within, stable_order
from b2grid.planning.table import PLAN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["Across", "Layout", "columns_of"]

Across = Literal["collection"]
_WORDS = ("sample", "global_tag", "dataset", "collection")


@dataclass(frozen=True, slots=True)
class Layout:
    """The files in canonical order as arrays.

    The order is by sample, production global tag, dataset (or collection, when jobs may hold several datasets of one)
    and LFN. A group is what these but the LFN are equal in: the files of a job are of one group.

    Parameters
    ----------
    table : pyarrow.Table
        The columns of the inputs that a plan has, in their own order.
    words : dict
        Of each column with few different texts, the number of each file's and the texts, sorted by their bytes.
    canonical : array of int
        From the canonical order to that of the inputs.
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
        words = {name: _encoded(table[name]) for name in _WORDS}
        if words["sample"][1][0].as_py() == "":
            raise InvalidPlan("a sample of the inputs has an empty name", hint="give each sample a name")
        sample = words["sample"][0]
        tag = sample * len(words["global_tag"][1]) + words["global_tag"][0]
        unit = words[across or "dataset"]
        group = _dense(tag * len(unit[1]) + unit[0])
        order = order_within(table["lfn"].chunk(0), group)
        starts = np.concatenate([[0], np.flatnonzero(np.diff(group[order])) + 1, [len(table)]])
        firsts = order[starts[:-1]]
        sized: Any = pc.is_valid(table["bytes"])
        return cls(
            table=table,
            words=words,
            canonical=order,
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

    def lfns(self, files: Integers) -> list[str]:
        """The LFNs of some files."""
        names: list[str] = self.table["lfn"].take(pa.array(self.canonical[files])).to_pylist()
        return names

    def twice(self) -> Integers:
        """The files that are there a second time.

        Where the LFNs of a group all come before those of the next one, equal ones follow each other.
        """
        lfn = self.table["lfn"].chunk(0)
        order = self.canonical
        if not self._apart(lfn):
            order = order[order_within(lfn.take(pa.array(order)), np.zeros(len(order), np.int64))]
        ordered = lfn if (np.diff(order) == 1).all() else lfn.take(pa.array(order))
        again: Any = pc.equal(ordered[:-1], ordered[1:])
        place = np.empty(len(order), np.int64)
        place[self.canonical] = np.arange(len(order))
        return np.sort(place[order[1:][again.to_numpy(zero_copy_only=False)]])

    def _apart(self, lfn: Any) -> bool:
        firsts, lasts = (
            lfn.take(pa.array(self.canonical[places])) for places in (self.starts[:-1], self.starts[1:] - 1)
        )
        order = pa.array(order_within(firsts, np.zeros(len(firsts), np.int64)))
        apart: Any = pc.less(lasts.take(order)[:-1], firsts.take(order)[1:])
        return pc.all(apart).as_py() is not False


def columns_of(inputs: pa.Table) -> pa.Table:
    """The columns of the inputs that a plan has, in one piece and of its types; what is not needed may be missing."""
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
    return column.combine_chunks()


def _encoded(column: Any) -> tuple[Integers, Any]:
    """As `encoded`; files without a dataset, or without a collection, are those of one without a name."""
    numbers, texts = encoded(pc.fill_null(column, pa.scalar("", pa.string())))
    if column.null_count:
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    return numbers, texts


def _numbers(column: Any, missing: int) -> Integers:
    filled: Any = pc.fill_null(column, pa.scalar(missing, pa.int64()))
    numbers: Integers = filled.to_numpy()
    return numbers


def _dense(values: Integers) -> Integers:
    """Numbers without gaps that sort as the values do."""
    order = stable_order(values)
    new = np.diff(values[order], prepend=-1) != 0
    dense = np.empty(len(values), np.int64)
    dense[order] = np.cumsum(new) - 1
    return dense
