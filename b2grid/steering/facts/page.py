"""The page of the documentation about releases, and the table of facts on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.errors import InvalidInput
from b2grid.steering.facts import POINTS, load
from b2grid.steering.facts.added import all_added
from b2grid.steering.facts.releases import LIGHT, place

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["listing", "page"]

_FULL = tuple(f"release-{major:02d}" for major in range(6, 12))


def listing() -> str:
    """The facts that are there, a line for each: release, date, Python, and where they are from."""
    rows = [
        (point, f"{year}-{month:02d}", _dotted(load(point).python), "b2grid's own")
        for point, (year, month) in POINTS.items()
    ]
    for added in all_added():
        try:
            facts = added.read()
            rows.append((added.release, facts["date"], _dotted(facts["python"]), "added"))
        except InvalidInput:
            rows.append((added.release, "-", "-", "damaged"))
    rows.insert(0, ("release", "date", "Python", "facts"))
    return "\n".join(f"{a:<24}{b:<12}{c:<9}{d}" for a, b, c, d in rows)


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def page() -> str:
    """The page, as Markdown."""
    parts = [
        "# Releases",
        "",
        "Which Python a basf2 release has, and which facts about its interface a steering file is held against by",
        "`b2grid check --release`. A light release, `light-YYMM-name`, follows a full one, and has what came after it.",
        "",
        "Facts are those of basf2's main branch on a day near a release. Between two of them, and where a release was",
        "branched off before that day, what only one of the two has is not reported: it is uncertain. `b2grid facts",
        "add RELEASE` reads the facts of the very release from its installation; `b2grid facts` lists what there is.",
        "",
        "This page is made from the table of the program: `python -m b2grid.steering.facts > docs/releases.md`.",
        "",
        "## Full releases",
        "",
        "| release | Python | facts | uncertain against |",
        "| --- | --- | --- | --- |",
    ]
    for release in (*_FULL, "main"):
        found = place(release)
        against = ", ".join(found.neighbours + found.earlier) or ("anything newer" if found.side > 0 else "")
        parts.append(f"| {release} | {_dotted(found.python)} | {_of(found.point)} | {against} |")
    parts += ["", "## Light releases", "", "| light release | follows | Python | facts |", "| --- | --- | --- | --- |"]
    for full, names in LIGHT.items():
        for name in names:
            found = place(name)
            nearest = " and ".join(map(_of, (found.point, *found.neighbours)))
            parts.append(f"| {name} | {full} | {_dotted(found.python)} | {nearest} |")
    parts += ["", "Others are placed by their year and month.", ""]
    return "\n".join(parts)


def _of(point: str) -> str:
    year, month = POINTS[point]
    return f"{point} ({year}-{month:02d})"
