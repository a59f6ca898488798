"""Where the boxes of a drawing are, and how the wires between them run: from left to right, in layers.

Pure. Each layer is a column of boxes; a wire that passes a column gets a lane of its own in it, so that it crosses no
box. The order in a column comes from the mean position of what its boxes are wired to, the heights from a fit of all
of them to their neighbours that keeps order and distances.

>>> plan = arrange({"a": Size(40, 20), "b": Size(40, 20)}, [("a", "b")])
>>> plan.boxes["a"].right < plan.boxes["b"].x
True
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Box", "Layout", "Size", "Wire", "arrange"]

GAP = 12.0  # between the boxes of a column
LANE = 5.0  # of a wire that passes a column
BETWEEN = 56.0  # from column to column
_SWEEPS = 12

Node = tuple[str, int]
"""A box, by its name and layer, or a lane: the name of the box where the wire begins, and the layer it passes."""


class Size(NamedTuple):
    """Of a box, in pixels."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its upper left corner, its size, and the column that it is in."""

    x: float
    y: float
    width: float
    height: float
    layer: int

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.x + self.width

    @property
    def middle(self) -> float:
        """The height at which wires come and go."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire between two boxes: the corners of its course, from the right of one to the left of the other.

    Between the first two corners it bends, then it is straight, and so on in turn.
    """

    source: str
    target: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """All boxes and wires, in a rectangle that begins at 0."""

    boxes: dict[str, Box]
    wires: tuple[Wire, ...]
    width: float
    height: float


def arrange(sizes: Mapping[str, Size], wires: Iterable[tuple[str, str]], last: Iterable[str] = ()) -> Layout:
    """Place boxes in columns, so that every wire goes from left to right.

    Parameters
    ----------
    sizes : mapping
        Name -> size of each box. Equal columns keep this order where nothing speaks against it.
    wires : iterable of (source, target)
        Those that would close a circle are left out, and so are those to boxes that are not there.
    last : iterable of str
        Boxes that are all in the last column, but for those from which wires go on.

    Returns
    -------
    Layout
        No two boxes overlap; no wire crosses a box.
    """
    edges = _acyclic(sizes, wires)
    layers = _layers(sizes, edges, frozenset(last) - {source for source, _ in edges})
    columns, links = _columns(sizes, edges, layers)
    columns = _ordered(columns, links)
    heights = {node: sizes[node[0]].height if layers[node[0]] == node[1] else LANE for node in _all(columns)}
    middles = _heights(columns, links, heights)
    return _placed(sizes, edges, layers, columns, middles)


def _all(columns: Sequence[Sequence[Node]]) -> Iterable[Node]:
    return (node for column in columns for node in column)


def _acyclic(names: Iterable[str], wires: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The wires between known boxes, each once, without those that would close a circle."""
    place = {name: at for at, name in enumerate(names)}
    below: dict[str, list[str]] = {name: [] for name in place}
    known = [wire for wire in dict.fromkeys(wires) if wire[0] in place and wire[1] in place]
    # those that follow the order of the names never do
    for source, target in sorted(known, key=lambda wire: place[wire[0]] >= place[wire[1]]):
        if place[source] < place[target] or not _leads(below, target, source):
            below[source].append(target)
    return [(source, target) for source, target in known if target in below[source]]


def _leads(below: Mapping[str, Sequence[str]], start: str, end: str) -> bool:
    waiting, seen = [start], {start}
    while waiting:
        name = waiting.pop()
        if name == end:
            return True
        fresh = [inner for inner in below[name] if inner not in seen]
        seen.update(fresh)
        waiting += fresh
    return False


def _layers(names: Iterable[str], edges: Sequence[tuple[str, str]], last: frozenset[str]) -> dict[str, int]:
    """The column of each box: one after the last of those that it is wired from."""
    layers = dict.fromkeys(names, 0)
    for _ in range(len(layers)):
        later = {target: layers[source] + 1 for source, target in edges if layers[target] <= layers[source]}
        if not later:
            break
        layers |= later
    end = max((layer + (name not in last) for name, layer in layers.items()), default=0)
    return layers | {name: end for name in last if name in layers} if last else layers


def _columns(
    names: Iterable[str], edges: Sequence[tuple[str, str]], layers: Mapping[str, int]
) -> tuple[list[list[Node]], list[tuple[Node, Node]]]:
    """The boxes of each column, the lanes behind them, and the links between neighbouring columns.

    All wires of one box that pass a column share a lane.
    """
    columns: list[list[Node]] = [[] for _ in range(max(layers.values(), default=0) + 1)]
    for name in names:
        columns[layers[name]].append((name, layers[name]))
    links: dict[tuple[Node, Node], None] = {}
    for source, target in edges:
        course = _course(source, target, layers)
        for node in course[1:-1]:
            if node not in columns[node[1]]:
                columns[node[1]].append(node)
        links |= dict.fromkeys(pairwise(course))
    return columns, list(links)


def _course(source: str, target: str, layers: Mapping[str, int]) -> list[Node]:
    """From box to box by the lanes between them."""
    return [*((source, layer) for layer in range(layers[source], layers[target])), (target, layers[target])]


def _ordered(columns: list[list[Node]], links: Sequence[tuple[Node, Node]]) -> list[list[Node]]:
    """The columns with as few crossings as sweeps to and fro find."""
    before, after = _neighbours(links)
    best, fewest = columns, _crossings(columns, after)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        columns = [list(column) for column in columns]
        numbers = range(1, len(columns)) if sweep % 2 == 0 else range(len(columns) - 2, -1, -1)
        for number in numbers:
            beside = columns[number - 1] if sweep % 2 == 0 else columns[number + 1]
            place = {node: at for at, node in enumerate(beside)}
            wired = before if sweep % 2 == 0 else after
            columns[number] = _by_mean(columns[number], wired, place)
        if (count := _crossings(columns, after)) < fewest:
            best, fewest = columns, count
    return best


def _neighbours(links: Sequence[tuple[Node, Node]]) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    before: dict[Node, list[Node]] = {}
    after: dict[Node, list[Node]] = {}
    for source, target in links:
        before.setdefault(target, []).append(source)
        after.setdefault(source, []).append(target)
    return before, after


def _by_mean(column: list[Node], wired: Mapping[Node, Sequence[Node]], place: Mapping[Node, int]) -> list[Node]:
    """A column by the mean place of what its nodes are wired to; those without a wire stay where they are."""
    means = {node: sum(place[other] for other in wired[node]) / len(wired[node]) for node in column if node in wired}
    moving = iter(sorted(means, key=lambda node: means[node]))
    return [next(moving) if node in means else node for node in column]


def _crossings(columns: Sequence[Sequence[Node]], after: Mapping[Node, Sequence[Node]]) -> int:
    """How many pairs of links cross."""
    count = 0
    for left, right in pairwise(columns):
        place = {node: at for at, node in enumerate(right)}
        passed: list[int] = []
        for node in left:
            ends = [place[other] for other in after.get(node, ())]
            count += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return count


def _heights(
    columns: Sequence[Sequence[Node]], links: Sequence[tuple[Node, Node]], heights: Mapping[Node, float]
) -> dict[Node, float]:
    """The middle of every node: near those of its neighbours, in the order of its column, at a distance."""
    before, after = _neighbours(links)
    middles: dict[Node, float] = {}
    for column in columns:
        middles |= _spread(column, dict.fromkeys(column, 0.0), heights)
    # to and fro by one side's neighbours, then by both sides'; at last, what ends a wire comes to its height
    both = {node: [*before.get(node, ()), *after.get(node, ())] for node in middles}
    ends = {node: wired for node, wired in before.items() if node not in after}
    passes = [(columns, before), (columns[::-1], after)] * (_SWEEPS // 2) + [(columns, both)] * 4 + [(columns, ends)]
    for ordered, wired in passes:
        for column in ordered:
            wanted = {node: _mean([middles[other] for other in wired.get(node, ())], middles[node]) for node in column}
            middles |= _spread(column, wanted, heights)
    return middles


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _spread(column: Sequence[Node], wanted: Mapping[Node, float], heights: Mapping[Node, float]) -> dict[Node, float]:
    """As near to what is wanted, in least squares, as the order and the distances of a column allow.

    Neighbours that would come too close are joined into blocks, and a block stands where its members' mean is.
    """
    offsets, at = [], 0.0
    for number, node in enumerate(column):
        at += (heights[column[number - 1]] + heights[node]) / 2 + GAP if number else 0.0
        offsets.append(at)
    blocks: list[tuple[float, int]] = []  # the mean of what its members want, and how many they are
    for node, offset in zip(column, offsets, strict=True):
        mean, count = wanted[node] - offset, 1
        while blocks and blocks[-1][0] >= mean:
            other, more = blocks.pop()
            mean, count = (mean * count + other * more) / (count + more), count + more
        blocks.append((mean, count))
    starts = [mean for mean, count in blocks for _ in range(count)]
    return {node: start + offset for node, start, offset in zip(column, starts, offsets, strict=True)}


def _placed(
    sizes: Mapping[str, Size],
    edges: Sequence[tuple[str, str]],
    layers: Mapping[str, int],
    columns: Sequence[Sequence[Node]],
    middles: Mapping[Node, float],
) -> Layout:
    """Boxes and wires in pixels."""
    widths = [max((sizes[name].width for name, at in column if layers[name] == at), default=0.0) for column in columns]
    lefts = [sum(widths[:number]) + number * BETWEEN for number in range(len(widths))]
    top = min((middles[name, layer] - sizes[name].height / 2 for name, layer in layers.items()), default=0.0)
    top = min([top, *(middle - LANE / 2 for middle in middles.values())])
    boxes = {
        name: Box(
            lefts[layer],
            middles[name, layer] - sizes[name].height / 2 - top,
            widths[layer],
            sizes[name].height,
            layer,
        )
        for name, layer in layers.items()
    }
    wires = []
    for source, target in edges:
        points = [(boxes[source].right, boxes[source].middle)]
        for node in _course(source, target, layers)[1:-1]:
            height = middles[node] - top
            points += [(lefts[node[1]], height), (lefts[node[1]] + widths[node[1]], height)]
        wires.append(Wire(source, target, (*points, (boxes[target].x, boxes[target].middle))))
    ends = [box.y + box.height for box in boxes.values()]
    ends += [middle - top + LANE / 2 for middle in middles.values()]
    width = lefts[-1] + widths[-1] if boxes else 0.0
    return Layout(boxes, tuple(wires), width, max(ends, default=0.0))
