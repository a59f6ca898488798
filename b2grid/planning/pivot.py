"""Trees as rows, samples as columns: what comes out of a plan. Pure."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from b2grid.html import Html, table, tag
from b2grid.planning.spread import Range
from b2grid.planning.wording import aligned, amount, count, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Pivot"]

_SIZE = "size"
_QUIET = "color:#57606a"


@dataclass(frozen=True, slots=True)
class Pivot:
    """Rows of every tree in every sample, and bytes.

    Parameters
    ----------
    samples, trees : tuple of str
        Those that were measured; a tree is called by its file too where two files have one of its name.
    rows : dict of (tree, sample) to Range
    sizes : dict of tree to Range
        Bytes in all samples; without those of the file itself.
    files : dict of sample to Range
        Bytes of the ROOT files.
    """

    samples: tuple[str, ...]
    trees: tuple[str, ...]
    rows: dict[tuple[str, str], Range]
    sizes: dict[str, Range]
    files: dict[str, Range]

    @classmethod
    def of(cls, estimates: Mapping[str, Mapping[str, Any]]) -> Pivot:
        """From a plan's estimates, by sample; plans of before have no ranges."""
        samples = tuple(sample for sample, one in estimates.items() if "trees" in one)
        found = {(tree["file"], tree["tree"]) for sample in samples for tree in estimates[sample]["trees"]}
        pairs = sorted(found, key=lambda pair: (pair[0], _numbered(pair[1])))
        names = [tree for _, tree in pairs]
        called = {pair: pair[1] if names.count(pair[1]) == 1 else f"{pair[0]}:{pair[1]}" for pair in pairs}
        rows: dict[tuple[str, str], Range] = {}
        sizes: dict[str, list[Range]] = {name: [] for name in called.values()}
        for sample in samples:
            for tree in estimates[sample]["trees"]:
                name = called[tree["file"], tree["tree"]]
                rows[name, sample] = _range(tree, "rows")
                sizes[name].append(_range(tree, "bytes"))
        files = {
            sample: _sum(Range.from_json(file) for file in estimates[sample]["output"].values())
            for sample in samples
            if estimates[sample].get("output")
        }
        return cls(samples, tuple(called.values()), rows, {name: _sum(one) for name, one in sizes.items()}, files)

    def __bool__(self) -> bool:
        return bool(self.trees)

    def total(self, tree: str) -> Range:
        """Rows of a tree in all samples."""
        return _sum(self.rows[tree, sample] for sample in self.samples if (tree, sample) in self.rows)

    def _columns(self) -> list[tuple[str, list[Range | None], str]]:
        """Each column with its ranges, one for each tree and one for the file, and what they are."""
        columns: list[tuple[str, list[Range | None], str]] = [
            (sample, [*(self.rows.get((tree, sample)) for tree in self.trees), self.files.get(sample)], "rows")
            for sample in self.samples
        ]
        everything = _sum(self.files.values()) if self.files else None
        if len(self.samples) > 1:
            columns.append(("all", [*map(self.total, self.trees), None], "rows"))
        columns.append((_SIZE, [*(self.sizes[tree] for tree in self.trees), everything], _SIZE))
        return columns

    def __str__(self) -> str:
        return self.text(shutil.get_terminal_size().columns)

    def text(self, width: int) -> str:
        """As lines of at most this width, if one column fits: samples that do not fit are below each other."""
        labels = [*self.trees, *(["files"] if self.files else [])]
        columns = [
            (
                name,
                [_cell(one, kind, last=number == len(self.trees)) for number, one in enumerate(cells)][: len(labels)],
            )
            for name, cells, kind in self._columns()
        ]
        first = max(map(len, ["rows", *labels]))
        blocks: list[list[tuple[str, list[str]]]] = [[]]
        used = first
        for name, cells in columns:
            wide = max(map(len, [name, *cells])) + 2
            if blocks[-1] and used + wide > width:
                blocks.append([])
                used = first
            blocks[-1].append((name, cells))
            used += wide
        return "\n\n".join(_block(labels, block) for block in blocks)

    def _repr_html_(self) -> str:
        labels = [*self.trees, *(["files"] if self.files else [])]
        columns = self._columns()
        headers = ["tree", *(name for name, _, _ in columns)]
        rows = [
            [
                tag("b", label) if number == len(self.trees) else label,
                *(_html(cells[number], kind, last=number == len(self.trees)) for _, cells, kind in columns),
            ]
            for number, label in enumerate(labels)
        ]
        return table(headers, rows, numeric=range(1, len(headers)), caption="rows and sizes of the output")


def _numbered(name: str) -> list[tuple[str, int]]:
    """A key by which B0ch2 comes before B0ch10."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d{0,18})", name)]


def _block(labels: Sequence[str], columns: Sequence[tuple[str, Sequence[str]]]) -> str:
    headers = ["rows", *(name for name, _ in columns)]
    rows = [[label, *(cells[number] for _, cells in columns)] for number, label in enumerate(labels)]
    return "\n".join(aligned(headers, rows, numeric=range(1, len(headers))))


def _range(tree: Mapping[str, Any], name: str) -> Range:
    known = tree.get(f"{name}_range")
    return Range.from_json(known) if known is not None else Range(float(tree[name]))


def _sum(ranges: Any) -> Range:
    """The sum; what has no range leaves the value alone."""
    found = list(ranges)
    return reduce(Range.__add__, found) if found else Range(0.0, 0.0, 0.0)


def _cell(one: Range | None, kind: str, *, last: bool) -> str:
    if one is None:
        return ""
    if last or kind == _SIZE:
        return amount(one)
    return short(one)


def _html(one: Range | None, kind: str, *, last: bool) -> Html:
    if one is None:
        return Html()
    value, bracket, rest = (amount(one) if last or kind == _SIZE else count(one)).partition(" (")
    return tag("span", value, tag("br") if bracket else "", tag("small", rest.rstrip(")"), style=_QUIET))
