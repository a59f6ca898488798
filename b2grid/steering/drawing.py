"""The path of a recipe as a drawing: what lists are made of, and which trees they fill.

The input is at the left, lists stand to the right of those that they are made of, trees and files at the right end.
Boxes of lists that only basf2 can make are dashed. Colours are faint, and text and wires have the colour of the text
around the drawing, so that it is legible on light and dark pages.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from b2grid.html import Html, tag
from b2grid.steering.layout import Layout, Size, arrange
from b2grid.steering.recipe import some
from b2grid.steering.standin.lists import list_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.steering.layout import Box, Wire
    from b2grid.steering.parts import ListInfo, ModuleInfo
    from b2grid.steering.recipe import Recipe

__all__ = ["draw"]

_LINE, _PADDING, _MARGIN = 15.0, 9.0, 12.0  # pixels
_NARROWEST, _WIDEST = 96.0, 250.0  # of a box
_BAR = 22.0  # the width of the input
_NAME, _SMALL = 12.0, 10.0  # font sizes
_BOLD = 1.1 * _NAME  # as wide as names in bold are
_INPUT = "input"

_COLOURS = {"input": "#6e7781", "loaded": "#0969da", "made": "#8250df", "tree": "#1a7f37", "file": "#bc4c00"}
_ALONE = (
    "svg{color:#1f2328;background:#ffffff}"
    "@media(prefers-color-scheme:dark){svg{color:#e6edf3;background:#0d1117}}"
)  # a file of its own has no page around it


class _Card(NamedTuple):
    """What stands in one box: its kind, lines, whole text, and whether only basf2 knows it."""

    kind: str
    lines: tuple[str, ...]
    told: str
    dashed: bool = False


def draw(recipe: Recipe, *, alone: bool = False) -> Html:
    """Draw a recipe as an SVG.

    Parameters
    ----------
    alone : bool
        Whether it is a file of its own, with a background, rather than a part of a page.
    """
    cards = dict(_cards(recipe))
    wires = list(_wires(recipe, cards))
    ends = {name for name, card in cards.items() if card.kind in ("tree", "file")}
    used = ends.union(source for source, _ in wires)
    # lists from which nothing is made come below the others
    sizes = {name: _size(cards[name]) for name in sorted(cards, key=lambda name: name not in used)}
    layout = arrange(sizes, wires, last=ends)
    parts = [
        _curves([wire for wire in layout.wires if wire.source == name], dashed=card.dashed)
        for name, card in cards.items()
    ]
    parts += [_bar(card, layout) if name == _INPUT else _box(card, layout.boxes[name]) for name, card in cards.items()]
    return _page(layout, parts, recipe.summary(), alone=alone)


def _page(layout: Layout, parts: list[Html], summary: str, *, alone: bool) -> Html:
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    style = [tag("style", Html(_ALONE))] if alone else []
    return tag(
        "svg",
        tag("title", summary),
        *style,
        tag("g", *parts, transform=f"translate({_MARGIN:g} {_MARGIN:g})"),
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        font_family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
        font_size=f"{_NAME:g}",
        fill="currentColor",
    )


# -- what there is to draw -------------------------------------------------------------------------------------


def _cards(recipe: Recipe) -> Iterator[tuple[str, _Card]]:
    """Every box by its name: the input, the lists, the trees, the other files."""
    names = ", ".join(recipe.inputs) or "events"
    yield _INPUT, _Card("input", (names,), f"input: {names}")
    known = {_list_box(recipe, made.name, made.line) for made in recipe.lists}
    opaque = [module for module in recipe.modules if module.kind == "opaque"]
    makers = {module.function or module.type for module in opaque}
    for made in recipe.lists:
        lines = (made.name, *_daughters(made), made.cut)
        box = _list_box(recipe, made.name, made.line)
        yield box, _Card(_kind(made), lines, _told(made, recipe), dashed=made.module in makers)
    for box, name in {_list_box(recipe, name, line): name for name, line in _used(recipe)}.items():
        if box not in known:
            yield box, _Card("made", (name, _by(opaque)), _unknown(name, opaque), dashed=True)
    for number, tree in enumerate(recipe.ntuples):
        lines = (tree.tree, f"{some(len(tree.columns), 'column')}, {tree.file}")
        told = f"{tree.file}:{tree.tree} ({recipe.place(tree.line)})\n{', '.join(tree.columns)}"
        yield f"tree {number}", _Card("tree", lines, told)
    for output in recipe.other_outputs:
        told = f"{output.file}: {output.kind} ({recipe.place(output.line)})\n{', '.join(output.particle_lists)}"
        yield f"file {output.file}", _Card("file", (output.file, output.kind), told)


def _list_box(recipe: Recipe, name: str, line: int | None) -> str:
    """The name of a list's box: each steering file of a combined one has lists of its own."""
    return " ".join(("list", recipe.owner(line), *list_key(name)))


def _used(recipe: Recipe) -> Iterator[tuple[str, int | None]]:
    """The lists that something is made of, with a line of the steering file that they are from."""
    for made in recipe.lists:
        yield from ((name, made.line) for name in made.made_from)
    yield from ((tree.particle_list, tree.line) for tree in recipe.ntuples if tree.particle_list)
    for output in recipe.other_outputs:
        yield from ((name, output.line) for name in output.particle_lists)


def _wires(recipe: Recipe, cards: dict[str, _Card]) -> Iterator[tuple[str, str]]:
    def source(name: str, line: int | None) -> str:
        return _list_box(recipe, name, line) if name else _INPUT

    made_here = set()
    for made in recipe.lists:
        made_here.add(box := _list_box(recipe, made.name, made.line))
        yield from ((source(name, made.line), box) for name in made.made_from or [""])
    yield from ((_INPUT, name) for name in cards if name.startswith("list ") and name not in made_here)
    for number, tree in enumerate(recipe.ntuples):
        yield source(tree.particle_list, tree.line), f"tree {number}"
    for output in recipe.other_outputs:
        yield from ((source(name, output.line), f"file {output.file}") for name in output.particle_lists or [""])


def _kind(made: ListInfo) -> str:
    return "made" if made.made_from else "loaded"


def _daughters(made: ListInfo) -> tuple[str, ...]:
    """The decay without labels, which the wires show; nothing for what is only loaded or copied."""
    _, arrow, daughters = made.decay.partition("->")
    return (f"\N{RIGHTWARDS ARROW} {' '.join(word.partition(':')[0] for word in daughters.split())}",) if arrow else ()


def _told(made: ListInfo, recipe: Recipe) -> str:
    later = [f"{item.function.rpartition('.')[2]} ({recipe.place(item.line)})" for item in _touching(made, recipe)]
    parts = [
        made.decay if "->" in made.decay else f"{made.name}: {made.decay}",
        made.cut or "no cut",
        f"{made.module}, {recipe.place(made.line)}",
        ", ".join(dict.fromkeys(later)),
    ]
    return "\n".join(part for part in parts if part)


def _touching(made: ListInfo, recipe: Recipe) -> Iterator[ModuleInfo]:
    """The modules that do something with a list after it was made: fits, truth, ranks."""
    for module in recipe.modules:
        if module.line == made.line or module.type in ("VariablesToNtuple", "ParticleCombiner") or not module.function:
            continue
        values = module.params.values()
        if any(made.name == value or (isinstance(value, list) and made.name in value) for value in values):
            yield module


def _by(opaque: list[ModuleInfo]) -> str:
    return f"by {opaque[0].type}" if len(opaque) == 1 else "by basf2" if opaque else "not made here"


def _unknown(name: str, opaque: list[ModuleInfo]) -> str:
    makers = ", ".join(f"{module.type} (line {module.line})" for module in opaque)
    return f"{name}: made by {makers}, which only basf2 knows" if makers else f"{name}: nothing in the path makes it"


# -- how it looks ----------------------------------------------------------------------------------------------


def _size(card: _Card) -> Size:
    if card.kind == "input":
        return Size(_BAR, 4 * _LINE)
    lines = [line for line in card.lines if line]
    width = max(_wide(line, _SMALL if at else _BOLD) for at, line in enumerate(lines)) + 2 * _PADDING
    return Size(min(max(width, _NARROWEST), _WIDEST), len(lines) * _LINE + _PADDING)


def _wide(text: str, size: float) -> float:
    """How wide a text is, about, and rather too wide: fonts differ."""
    return size * sum(0.36 if c in " .,:;'|!()[]ijlft" else 0.88 if c in "mwMW%@" else 0.63 for c in text)


def _fitted(text: str, room: float, size: float) -> str:
    """As much of a text as there is room for."""
    if _wide(text, size) <= room + 0.1:  # the box may have been made for it
        return text
    while text and _wide(text + "\N{HORIZONTAL ELLIPSIS}", size) > room:
        text = text[:-1]
    return text.rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _box(card: _Card, box: Box) -> Html:
    room = box.width - 2 * _PADDING
    lines = [line for line in card.lines if line]
    texts = [
        tag(
            "text",
            _fitted(line, room, _SMALL if at else _BOLD),
            x=f"{box.x + _PADDING:.1f}",
            y=f"{box.y + _PADDING / 2 + _LINE * (at + 0.75):.1f}",
            font_weight=None if at else "600",
            font_size=f"{_SMALL:g}" if at else None,
            fill_opacity=".72" if at else None,
        )
        for at, line in enumerate(lines)
    ]
    return tag("g", tag("title", card.told), _frame(card, box.x, box.y, box.width, box.height), *texts)


def _frame(card: _Card, x: float, y: float, width: float, height: float) -> Html:
    colour = _COLOURS[card.kind]
    return tag(
        "rect",
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        width=f"{width:.1f}",
        height=f"{height:.1f}",
        rx="5",
        fill=colour,
        fill_opacity=".12",
        stroke=colour,
        stroke_width="1.2",
        stroke_dasharray="5 3" if card.dashed else None,
    )


def _bar(card: _Card, layout: Layout) -> Html:
    """The input, as high as the drawing, so that wires from it are short."""
    x, height = layout.boxes[_INPUT].x, layout.height
    text = tag(
        "text",
        _fitted(card.lines[0], height - 2 * _PADDING, _SMALL + 1),
        transform=f"translate({x + _BAR / 2 + 4:.1f} {height / 2:.1f}) rotate(-90)",
        text_anchor="middle",
        font_size=f"{_SMALL + 1:g}",
    )
    return tag("g", tag("title", card.told), _frame(card, x, 0.0, _BAR, height), text)


def _curves(wires: list[Wire], *, dashed: bool) -> Html:
    """All wires that begin at one box; what they share is drawn once."""
    steps: dict[str, None] = {}
    for wire in wires:
        points = list(wire.points)
        if wire.source == _INPUT:
            points[0] = (points[0][0], points[1][1])  # it leaves the bar at the height where it is going
        for at, ((x, y), (right, height)) in enumerate(pairwise(points)):
            half = (x + right) / 2
            bend = f"C{half:.1f} {y:.1f} {half:.1f} {height:.1f} {right:.1f} {height:.1f}"
            steps[f"M{x:.1f} {y:.1f}" + (bend if at % 2 == 0 else f"H{right:.1f}")] = None
    return tag(
        "path",
        d="".join(steps),
        fill="none",
        stroke="currentColor",
        stroke_opacity=".45",
        stroke_dasharray="5 3" if dashed else None,
    )
