"""What a variable is computed from: particles of a chunk, seen in a frame.

A `View` is a column of particles (or of events). Functions of variables take a view and return one value per
row. Frames change what momenta a view shows, not the particles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName
    from b2grid.lite.particles import Particles

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]
    FourVector = tuple[Floats, Floats, Floats, Floats]

__all__ = ["CmsFrame", "Frame", "RestFrame", "View"]


class Frame(Protocol):
    """A frame of reference, with one row per row of the view, or the same for all."""

    def momentum(self, context: Context, vector: FourVector) -> FourVector:
        """A laboratory four-momentum in this frame."""

    def take(self, rows: Any) -> Frame:
        """The frame of some of the rows."""


@dataclass(frozen=True, slots=True)
class CmsFrame:
    """The centre-of-mass system of the beams, electrons along +z."""

    def momentum(self, context: Context, vector: FourVector) -> FourVector:
        """Boost and rotate."""
        return context.beams.to_cms(*vector)

    def take(self, rows: Any) -> CmsFrame:  # noqa: ARG002 - it is the same for all rows
        """The same frame."""
        return self


@dataclass(frozen=True, slots=True)
class RestFrame:
    """The rest frame of one four-momentum per row; a pure boost from the laboratory."""

    vector: FourVector

    def momentum(self, context: Context, vector: FourVector) -> FourVector:  # noqa: ARG002 - no conditions needed
        """Boost."""
        return boost_to_rest(self.vector, vector)

    def take(self, rows: Any) -> RestFrame:
        """The frames of these rows."""
        px, py, pz, energy = (part[rows] for part in self.vector)
        return RestFrame((px, py, pz, energy))


def boost_to_rest(frame: FourVector, vector: FourVector) -> FourVector:
    """`vector` as seen by who moves with `frame`."""
    fx, fy, fz, fe = frame
    px, py, pz, energy = vector
    with np.errstate(invalid="ignore", divide="ignore"):
        bx, by, bz = -fx / fe, -fy / fe, -fz / fe
        square = bx * bx + by * by + bz * bz
        gamma = 1 / np.sqrt(1 - square)
        along = bx * px + by * py + bz * pz
        factor = gamma * gamma / (1 + gamma) * along + gamma * energy
        return px + factor * bx, py + factor * by, pz + factor * bz, gamma * (energy + along)


class View:
    """Rows of particles, or of events.

    Parameters
    ----------
    context : Context
    ids : array of int or None
        Numbers of the particles; `None` for a view of events.
    events : array of int or None
        Events of the rows, for a view of events.
    frame : Frame or None
        `None` is the laboratory.
    """

    __slots__ = ("_events", "_p4", "_place", "context", "frame", "ids")

    def __init__(
        self, context: Context, ids: Ids | None, *, events: Ids | None = None, frame: Frame | None = None
    ) -> None:
        self.context = context
        self.ids = ids
        self.frame = frame
        self._events = events
        self._p4: FourVector | None = None
        self._place: tuple[Floats, Floats, Floats] | None = None

    @classmethod
    def of_list(cls, context: Context, name: ListName | None) -> View:
        """The candidates of a list in the events that the current module sees; without a list, these events."""
        if name is None:
            return cls(context, None, events=np.flatnonzero(context.alive))
        entries = context.lists.make(name)
        return cls(context, context.living(entries.read(name, context.particles)))

    def __len__(self) -> int:
        return len(self.events if self.ids is None else self.ids)

    @property
    def particles(self) -> Particles:
        """All particles of the chunk."""
        return self.context.particles

    @property
    def rows(self) -> Ids:
        """Numbers of the particles, one per row."""
        assert self.ids is not None, "a variable of particles is never asked of events"
        return self.ids

    @property
    def events(self) -> Ids:
        """The event of each row."""
        if self._events is None:
            self._events = self.particles.event[self.rows]
        return self._events

    def column(self, name: str) -> NDArray[Any]:
        """One stored column of the particles."""
        return self.particles.column(name, self.rows)

    @property
    def lab(self) -> FourVector:
        """Four-momenta in the laboratory."""
        return self.column("px"), self.column("py"), self.column("pz"), self.column("energy")

    @property
    def p4(self) -> FourVector:
        """Four-momenta in the frame."""
        if self._p4 is None:
            self._p4 = self.seen(self.lab)
        return self._p4

    def place(self, make: Callable[[View], tuple[Floats, Floats, Floats]]) -> tuple[Floats, Floats, Floats]:
        """Where the particles are about the interaction point: made once, as several variables ask for it."""
        if self._place is None:
            self._place = make(self)
        return self._place

    def seen(self, vector: FourVector) -> FourVector:
        """A laboratory four-vector in the frame of this view."""
        return vector if self.frame is None else self.frame.momentum(self.context, vector)

    def at(self, frame: Frame | None) -> View:
        """The same rows in another frame."""
        return View(self.context, self.ids, events=self._events, frame=frame)

    def take(self, rows: Any, ids: Ids | None = None) -> View:
        """Some of the rows, perhaps with other particles in their place."""
        chosen = self.rows[rows] if ids is None and self.ids is not None else ids
        frame = None if self.frame is None else self.frame.take(rows)
        return View(self.context, chosen, events=None if chosen is not None else self.events[rows], frame=frame)

    def of(self, ids: Ids, function: Callable[[View], NDArray[Any]]) -> Floats:
        """A function of other particles, one per row; NaN in the rows where that is -1."""
        result = np.full(len(self), np.nan)
        there = np.flatnonzero(ids >= 0)
        if len(there):
            result[there] = function(self.take(there, ids[there]))
        return result

    def lab_of(self, ids: Ids) -> FourVector:
        """Laboratory four-momenta of other particles, one per row; NaN in the rows where that is -1."""
        px, py, pz, energy = (self.of(ids, lambda other, at=at: other.lab[at]) for at in range(4))  # type: ignore[misc]
        return px, py, pz, energy

    def daughter(self, index: int | NDArray[np.int64]) -> Ids:
        """Daughters of the particles at this position, -1 where there is none."""
        return self.particles.daughter(self.rows, index)

    @property
    def width(self) -> int:
        """The largest number of daughters of a row."""
        return int(self.particles.n_daughters(self.rows).max(initial=0))

    def lookup(self, owner_rows: Ids, values: NDArray[Any]) -> Floats:
        """`values[owner_rows]` as doubles, NaN where the row is -1."""
        result = np.full(len(owner_rows), np.nan)
        there = owner_rows >= 0
        if there.any():
            result[there] = values[owner_rows[there]]
        return result
