"""PrintMCParticles: the generated decay as a drawn tree, as messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.truth import decaytree
from b2grid.physics import is_known, particle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from b2grid.lite.context import Context
    from b2grid.lite.reading.reader import Chunk


@dataclass(frozen=True, slots=True)
class _Printer:
    """Without the colours that basf2 has on a terminal."""

    primaries: bool
    levels: int
    momenta: bool
    vertices: bool
    silent: bool

    def run(self, context: Context) -> None:
        """Draw the tree of every event."""
        chunk = context.chunk
        if not chunk.has("MCParticles"):
            raise InvalidSteering("printMCParticles needs Monte Carlo", hint="leave it out for data")
        if self.silent:
            return
        offsets, mother = chunk.offsets("MCParticles"), decaytree.mothers(chunk)
        for event in np.flatnonzero(context.alive):
            members = range(int(offsets[event]), int(offsets[event + 1]))
            top = self._shown(chunk, [position for position in members if mother[position] < 0])
            context.log.info("\n".join(["Content of MCParticle list", *self._lines(chunk, top, 1, ""), ""]))

    def _shown(self, chunk: Chunk, positions: Sequence[int]) -> list[int]:
        status = decaytree.status(chunk)
        return [position for position in positions if not self.primaries or status[position] & decaytree.PRIMARY]

    def _lines(self, chunk: Chunk, positions: Sequence[int], level: int, indent: str) -> Iterator[str]:
        first, count = decaytree.daughters(chunk)
        more = self.momenta or self.vertices
        for position in positions:
            last = position == positions[-1]
            below = self._shown(chunk, range(int(first[position]), int(first[position] + count[position])))
            deeper = bool(below) and (self.levels <= 0 or level < self.levels)
            inner = indent + ("    " if last else "│   ")
            beside = inner + ("│ " if deeper else "")
            line = f"{indent}{'╰' if last else '├'}{_name(chunk, position)}"
            yield line + (" → …" if below and not deeper else "")
            for text in self._properties(chunk, position):
                yield beside + text
            if deeper and more:
                yield beside
            if deeper:
                yield from self._lines(chunk, below, level + 1, inner)
            if more and not last:
                yield inner

    def _properties(self, chunk: Chunk, position: int) -> Iterator[str]:
        def stored(leaf: str) -> float:
            return float(chunk.leaf("MCParticles", leaf)[position])

        if self.momenta:
            x, y, z = (stored(f"m_momentum_{axis}") for axis in "xyz")
            yield f"p=({x:.3g}, {y:.3g}, {z:.3g}) |p|={np.sqrt(x * x + y * y + z * z):.3g}"
        if self.vertices:
            x, y, z = (stored(f"m_productionVertex_{axis}") for axis in "xyz")
            yield f"production vertex=({x:.3g}, {y:.3g}, {z:.3g}), time={stored('m_productionTime'):.3g}"


def _name(chunk: Chunk, position: int) -> str:
    code = int(decaytree.codes(chunk)[position])
    line = "── " if decaytree.status(chunk)[position] & decaytree.PRIMARY else "╶╶ "
    return f"{line}{particle(code).name if is_known(code) else '[UNKNOWN]'} ({code})"


@module(
    "PrintMCParticles",
    "storeName onlyPrimaries maxLevel showProperties showMomenta showVertices showStatus suppressPrint",
)
def _printer(given: Arguments, blueprint: Blueprint) -> _Printer:  # noqa: ARG001 - it needs no lists
    given.only("storeName", "")
    for name in ("showProperties", "showStatus"):
        if given.flag(name, False):
            raise given.refuse(name, "what basf2 prints then is not established here")
    return _Printer(
        given.flag("onlyPrimaries", True),
        given.integer("maxLevel", -1),
        given.flag("showMomenta", False),
        given.flag("showVertices", False),
        given.flag("suppressPrint", False),
    )
