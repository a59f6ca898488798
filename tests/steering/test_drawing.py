"""The drawing of a recipe: boxes that do not overlap, wires from left to right, text that is only text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.steering import Recipe
from b2grid.steering.layout import Layout, Size, arrange
from b2grid.steering.parts import FileOutput, ListInfo, ModuleInfo, NtupleTree

SVG = "{http://www.w3.org/2000/svg}"
NAMES = [f"n{number}" for number in range(14)]

sizes = st.dictionaries(st.sampled_from(NAMES), st.builds(Size, st.integers(20, 250), st.integers(15, 60)), min_size=1)
wires = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=40)


def recipe(lists: int) -> Recipe:
    """Lists in five generations, each made of some of the one before, and trees of the last."""
    made = [
        ListInfo(
            f"D0:{number}",
            f"D0:{number} -> K-:a pi+:{number}",
            "1.8 < M < 1.9 and " * 9 + "<b>&",
            "modularAnalysis.reconstructDecay",
            number + 1,
            tuple(f"D0:{number - step}" for step in (5, 7, 11) if 0 <= number - step < number - number % 5),
        )
        for number in range(lists)
    ]
    trees = [NtupleTree("out.root", f"t{number}", item.name, ("M", "p")) for number, item in enumerate(made[-5:])]
    trees.append(NtupleTree("out.root", "all", "", ("nTracks",)))
    return Recipe(inputs=("a.root",), lists=tuple(made), ntuples=tuple(trees))


def overlapping(layout: Layout) -> list[tuple[str, str]]:
    return [
        (one, two)
        for (one, a), (two, b) in combinations(layout.boxes.items(), 2)
        if a.x < b.right and b.x < a.right and a.y < b.y + b.height and b.y < a.y + a.height
    ]


def crossed(layout: Layout) -> list[tuple[str, str, str]]:
    """The wires that run through a box: only their straight pieces are in columns."""
    return [
        (wire.source, wire.target, name)
        for wire in layout.wires
        for (x, y), (right, _) in list(pairwise(wire.points))[1::2]
        for name, box in layout.boxes.items()
        if x < box.right and box.x < right and box.y < y < box.y + box.height
    ]


@given(sizes, wires, st.lists(st.sampled_from(NAMES), max_size=4))
def test_every_box_has_a_place_of_its_own_and_wires_go_to_the_right(
    boxes: dict[str, Size], asked: list[tuple[str, str]], last: list[str]
) -> None:
    layout = arrange(boxes, asked, last)
    assert layout.boxes.keys() == boxes.keys()
    assert overlapping(layout) == []
    assert crossed(layout) == []
    for box in layout.boxes.values():
        assert box.x >= 0
        assert box.y >= 0
        assert box.right <= layout.width
        assert box.y + box.height <= layout.height + 1e-6
    for wire in layout.wires:
        across = [x for x, _ in wire.points]
        assert across == sorted(across)
        assert wire.points[0] == (layout.boxes[wire.source].right, layout.boxes[wire.source].middle)
        assert wire.points[-1] == (layout.boxes[wire.target].x, layout.boxes[wire.target].middle)
        assert layout.boxes[wire.source].layer < layout.boxes[wire.target].layer


@given(sizes, wires)
def test_no_wire_is_left_out_unless_it_closes_a_circle(boxes: dict[str, Size], asked: list[tuple[str, str]]) -> None:
    forward = {(one, two) for one, two in asked if one < two and one in boxes and two in boxes}
    layout = arrange({name: boxes[name] for name in sorted(boxes)}, asked)
    assert forward <= {(wire.source, wire.target) for wire in layout.wires}


def test_wires_that_need_not_cross_do_not() -> None:
    four = dict.fromkeys(["a", "b", "c", "d"], Size(50, 20))
    placed = arrange(four, [("a", "d"), ("b", "c")]).boxes
    assert (placed["a"].y < placed["b"].y) == (placed["d"].y < placed["c"].y)
    assert placed["a"].middle == pytest.approx(placed["d"].middle)


@pytest.mark.parametrize("lists", [0, 3, 80])
def test_every_list_and_tree_is_drawn_once(lists: int) -> None:
    drawn = recipe(lists)
    svg = ET.fromstring(drawn.drawing())
    titles = [title.text or "" for title in svg.iter(f"{SVG}title")]
    for made in drawn.lists:
        assert sum(title.startswith(f"{made.decay}\n") for title in titles) == 1
    for tree in drawn.ntuples:
        assert sum(title.startswith(f"out.root:{tree.tree} ") for title in titles) == 1
    assert len(list(svg.iter(f"{SVG}rect"))) == lists + len(drawn.ntuples) + 1


def test_a_long_cut_is_shortened_and_whole_in_the_title() -> None:
    svg = ET.fromstring(recipe(3).drawing())
    texts = [text.text or "" for text in svg.iter(f"{SVG}text")]
    assert any(text.startswith("1.8 < M < 1.9") and text.endswith("…") for text in texts)
    assert recipe(3).lists[0].cut in "".join(title.text or "" for title in svg.iter(f"{SVG}title"))


def test_text_from_outside_stays_text() -> None:
    hostile = '</title><script>alert(1)</script>"\x1b'
    made = ListInfo(f"pi+:{hostile}", hostile, hostile, hostile, None)
    drawn = Recipe(
        inputs=(hostile,),
        lists=(made,),
        ntuples=(NtupleTree(hostile, hostile, made.name, (hostile,)),),
        other_outputs=(FileOutput(hostile, hostile, (hostile,)),),
    )
    for text in (drawn.drawing(), drawn.drawing(alone=True)):
        assert "<script" not in text
        assert ET.fromstring(text).tag == f"{SVG}svg"
    assert "<script" not in drawn._repr_html_()


def test_what_only_basf2_makes_is_dashed_and_says_by_whom() -> None:
    drawn = Recipe(
        lists=(ListInfo("B+:x", "B+:x -> D0:fei pi+:a", "", "reconstructDecay", 9, ("D0:fei",)),),
        modules=(ModuleInfo("fei.get_path().path", {}, 7, kind="opaque"),),
        ntuples=(NtupleTree("a.root", "t", "B-:x", ()),),  # the list of the antiparticles is the same
    )
    svg = ET.fromstring(drawn.drawing())
    dashed = [group for group in svg.iter(f"{SVG}g") if group.find(f"{SVG}rect[@stroke-dasharray]") is not None]
    assert [group.findtext(f"{SVG}title") for group in dashed] == [
        "D0:fei: made by fei.get_path().path (line 7), which only basf2 knows"
    ]
    assert len(list(svg.iter(f"{SVG}rect"))) == 4


def test_lists_that_are_made_of_each_other_are_drawn() -> None:
    drawn = Recipe(
        lists=(
            ListInfo("pi+:a", "pi+:b", "", "copyList", 1, ("pi+:b",)),
            ListInfo("pi+:b", "pi+:a", "", "copyList", 2, ("pi+:a", "pi+:b")),
        )
    )
    assert len(list(ET.fromstring(drawn.drawing()).iter(f"{SVG}rect"))) == 3
